"""Power judged: is the laptop on its battery, and does it go to sleep by itself or with its lid."""

import re

import msgspec

from meetlog.doctor.findings import Finding, System, look, ok

POWER, SLEEP, LID = "power", "sleep", "lid"
_STAYS_AWAKE = ("ignore", "nothing", "lock")

# What a lid does, by Windows' number for it.
LID_ACTIONS = {0: "nothing", 1: "suspend", 2: "hibernate", 3: "poweroff"}

_AWAKE: dict[System, str] = {
    "linux": "Start it so: systemd-inhibit --what=sleep:idle:handle-lid-switch meetlog run; or set "
    "the power settings of the desktop to never.",
    "windows": "powercfg /change standby-timeout-ac 0, and powercfg /change standby-timeout-dc 0 "
    "for the battery; or Settings, System, Power: never.",
    "macos": "Start it so: caffeinate -is meetlog run; or System Settings, Battery, Options.",
}
_LID: dict[System, str] = {
    "linux": "Leave the lid open, or start it so: "
    "systemd-inhibit --what=sleep:idle:handle-lid-switch meetlog run.",
    "windows": "Leave the lid open, or powercfg /setacvalueindex SCHEME_CURRENT SUB_BUTTONS "
    "LIDACTION 0, then powercfg /setactive SCHEME_CURRENT.",
    "macos": "Leave the lid open: a Mac sleeps when it is closed, unless a display is connected.",
}


class PowerFact(msgspec.Struct, frozen=True):
    """Power as it is now.

    `battery`: whether there is one, None when that cannot be seen; `percent` of its charge.
    `plugged`: whether on mains. `sleep_after` is the seconds without a key after which the
    computer sleeps on mains, 0 for never, None when not known. `lid` is what closing the lid does:
    `nothing`, `suspend` or another word of the system; "" when not known, or without a lid.
    """

    system: System
    battery: bool | None
    percent: int | None = None
    plugged: bool | None = None
    sleep_after: int | None = None
    lid: str = ""


def parse_powercfg(text: str) -> tuple[int, int] | None:
    """The values on mains and on battery that `powercfg /query` shows, in any language.

    They are the last two numbers, in hexadecimal with eight digits.
    """
    numbers = re.findall(r"\b0x([0-9a-fA-F]{8})\s*$", text, re.MULTILINE)
    return (int(numbers[-2], 16), int(numbers[-1], 16)) if len(numbers) >= 2 else None


def parse_pmset(text: str) -> int | None:
    """The seconds until sleep that `pmset -g` shows (in minutes there); None when it does not."""
    found = re.search(r"^\s*sleep\s+(\d+)", text, re.MULTILINE)
    return None if found is None else int(found[1]) * 60


def parse_logind(text: str) -> str:
    """The word in what `busctl get-property` answers, such as `s "suspend"`; "" without one."""
    found = re.fullmatch(r's "([a-z-]*)"', text.strip())
    return "" if found is None else found[1]


def judge_power(fact: PowerFact) -> list[Finding]:
    """Battery, sleep and lid."""
    return [_judge_battery(fact), _judge_sleep(fact), *_judge_lid(fact)]


def _judge_battery(fact: PowerFact) -> Finding:
    if fact.battery is None:
        return look(
            POWER,
            "Whether this computer is on mains cannot be seen here.",
            "Plug it in, and have a battery or a UPS behind it.",
        )
    if not fact.battery:
        return look(
            POWER,
            "This computer has no battery that can be seen: a power cut ends the run at once.",
            "Put a UPS before it and before the switch. What was recorded stays recorded, and "
            "systems that can resend are asked for the rest.",
        )
    charge = "" if fact.percent is None else f" ({fact.percent} %)"
    if fact.plugged is False:
        return look(POWER, f"This computer is on its battery{charge}.", "Plug it in.")
    if fact.plugged is None:
        return look(POWER, f"This computer has a battery{charge}.", "Is it plugged in?")
    return ok(POWER, f"This computer is on mains, with a battery behind it{charge}.")


def _judge_sleep(fact: PowerFact) -> Finding:
    if fact.sleep_after is None:
        return look(
            SLEEP, "Whether this computer goes to sleep cannot be seen here.", _AWAKE[fact.system]
        )
    if fact.sleep_after:
        minutes = max(1, fact.sleep_after // 60)
        return look(
            SLEEP,
            f"This computer goes to sleep after {minutes} min without a key being pressed.",
            _AWAKE[fact.system],
        )
    return ok(SLEEP, "This computer does not go to sleep by itself while on mains.")


def _judge_lid(fact: PowerFact) -> list[Finding]:
    if fact.lid in _STAYS_AWAKE:
        return [ok(LID, "Closing the lid does not put this computer to sleep.")]
    if fact.lid:
        return [look(LID, f"Closing the lid: {fact.lid}.", _LID[fact.system])]
    if fact.battery:
        return [look(LID, "What closing the lid does cannot be seen here.", _LID[fact.system])]
    return []
