"""The machine measured: its clock, its power, its versions."""

import sqlite3
import sys
import time
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import psutil

from meetlog import __version__
from meetlog.doctor.asking import answer, system
from meetlog.doctor.clock import ClockFact, parse_timedatectl, parse_w32tm
from meetlog.doctor.power import (
    LID_ACTIONS,
    PowerFact,
    parse_logind,
    parse_pmset,
    parse_powercfg,
)
from meetlog.doctor.versions import VersionsFact
from wire.stamps import NS

_TIMESYNC = Path("/run/systemd/timesync/synchronized")
_LOGIND = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
_GNOME = "org.gnome.settings-daemon.plugins.power"


def measure_clock(newest_ns: int | None) -> ClockFact:
    """The clock as it is now; `newest_ns` is when the log's newest event was recorded."""
    now = time.time_ns()
    here = datetime.fromtimestamp(now // NS, UTC).astimezone()
    offset = here.utcoffset() or timedelta()
    return ClockFact(
        system(),
        now,
        (offset.days * 86_400 + offset.seconds) * NS,
        here.tzname() or "",
        _synchronised(),
        newest_ns,
    )


def _synchronised() -> bool | None:
    match system():
        case "linux":
            told = parse_timedatectl(answer("timedatectl", "show") or "")
            return True if told is None and _TIMESYNC.exists() else told
        case "windows":
            return parse_w32tm(answer("w32tm", "/query", "/status") or "")
    return None


def measure_power() -> PowerFact:
    """Battery, sleep and lid, as far as anybody may see."""
    found = _battery()
    battery = None if found is None else found[0]
    percent, plugged = (None, None) if found is None else found[1:]
    sleep_after, lid = _sleep()
    return PowerFact(system(), battery, percent, plugged, sleep_after, lid)


def _battery() -> tuple[bool, int | None, bool | None] | None:
    try:
        charge = psutil.sensors_battery()
    except (psutil.Error, OSError, AttributeError):  # some systems have no such function
        return None
    if charge is None:
        return False, None, None
    return True, int(charge.percent), charge.power_plugged


def _sleep() -> tuple[int | None, str]:
    """Seconds until sleep on mains (0 for never, None when not known), and what the lid does."""
    match system():
        case "windows":
            idle = parse_powercfg(_powercfg("SUB_SLEEP", "STANDBYIDLE"))
            lid = parse_powercfg(_powercfg("SUB_BUTTONS", "LIDACTION"))
            action = "" if lid is None else LID_ACTIONS.get(lid[0], "")
            return (None if idle is None else idle[0]), action
        case "macos":
            return parse_pmset(answer("pmset", "-g") or ""), ""
    return _gnome_sleep(), _logind_lid()


def _powercfg(group: str, setting: str) -> str:
    return answer("powercfg", "/query", "SCHEME_CURRENT", group, setting) or ""


def _gnome_sleep() -> int | None:
    kind = (answer("gsettings", "get", _GNOME, "sleep-inactive-ac-type") or "").strip().strip("'")
    if not kind:
        return None
    if kind == "nothing":
        return 0
    seconds = (answer("gsettings", "get", _GNOME, "sleep-inactive-ac-timeout") or "").strip()
    return int(seconds) if seconds.isdigit() else None


def _logind_lid() -> str:
    """What systemd does; a desktop that handles the lid itself goes by it too, unless told else."""
    if not any(Path("/proc/acpi/button/lid").glob("*/state")):
        return ""
    on_mains = answer("busctl", "get-property", *_LOGIND, "HandleLidSwitchExternalPower") or ""
    always = answer("busctl", "get-property", *_LOGIND, "HandleLidSwitch") or ""
    return parse_logind(on_mains) or parse_logind(always)


def measure_versions(recorded_by: str) -> VersionsFact:
    """What runs here; `recorded_by` is the meetlog that last recorded into the log."""
    return VersionsFact(
        __version__,
        sys.version_info[:3],
        sqlite3.sqlite_version_info,
        version("watchfiles"),
        recorded_by,
    )
