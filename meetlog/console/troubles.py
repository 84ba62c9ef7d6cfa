"""Troubles: what somebody should look at, gathered from everywhere, the worst first, in words.

It is pure: a snapshot and a moment in, words out.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from meetlog.console.signs import STALE
from meetlog.console.snapshots import Snapshot
from meetlog.resends import SourceReport
from meetlog.show import age, size

Grade = Literal["alarm", "warning", "note"]
_ORDER: tuple[Grade, ...] = ("alarm", "warning", "note")
LITTLE_DISK = 1_000_000_000  # bytes: days of recording, and time enough to make room
NO_DISK = 100_000_000
MUCH_LAG = 2000  # events that a `run` is behind: some seconds of the densest finish


class Trouble(msgspec.Struct, frozen=True):
    """Something to look at: how grave, what it is, what to do.

    `key` is stable while it lasts. `acknowledged` says who has seen it, "" while nobody has;
    `alarm` tells that it can be acknowledged. `position` is the event it is about, 0 for none.
    """

    grade: Grade
    key: str
    text: str
    hint: str = ""
    position: int = 0
    acknowledged: str = ""
    alarm: bool = False


def troubles(snapshot: Snapshot, now: int) -> tuple[Trouble, ...]:
    """All troubles at `now` (ns UTC), the worst first; what somebody has seen comes last."""
    found = [*_alarms(snapshot), *_sources(snapshot, now)]
    if not snapshot.past:
        found += [*_program(snapshot, now), *_notices(snapshot), *_disk(snapshot)]
    return tuple(sorted(found, key=lambda t: (bool(t.acknowledged), _ORDER.index(t.grade))))


def worst(found: tuple[Trouble, ...]) -> tuple[str, str]:
    """The grade of the worst that nobody has seen, or `ok`; and in words how everything stands."""
    fresh = [t for t in found if not t.acknowledged]
    if not fresh:
        seen = f" {len(found)} seen by somebody." if found else ""
        return "ok", f"Nothing needs attention.{seen}"
    more = len(fresh) - 1
    words = fresh[0].text if fresh[0].text.endswith((".", "?", "!")) else f"{fresh[0].text}."
    return fresh[0].grade, f"{words} And {more} more." if more else words


def _alarms(snapshot: Snapshot) -> Iterator[Trouble]:
    for alarm in snapshot.alarms:
        yield Trouble(
            "alarm", alarm.key, alarm.text, alarm.hint, alarm.position,
            acknowledged=alarm.acknowledged, alarm=True,
        )  # fmt: skip


def _program(snapshot: Snapshot, now: int) -> Iterator[Trouble]:
    sign = snapshot.sign
    if sign is not None and now - sign.at >= STALE:
        yield Trouble(
            "alarm", "console:run",
            f"`meetlog run` has given no sign for {age(now - sign.at)}.",
            "Look at the terminal or the service it runs in. What it has recorded is safe.",
        )  # fmt: skip
    elif sign is None and not snapshot.place.program.startswith("running"):
        yield Trouble(
            "note", "console:stopped",
            f"Nothing is being recorded: meetlog run {snapshot.place.program}.",
            "Start it with: meetlog run",
        )  # fmt: skip
    if snapshot.place.lag is not None and snapshot.place.lag > MUCH_LAG:
        yield Trouble(
            "warning", "console:lag",
            f"Results are {snapshot.place.lag} events behind what is recorded.",
            "They catch up by themselves. If not: is this computer busy with something else?",
        )  # fmt: skip


def _notices(snapshot: Snapshot) -> Iterator[Trouble]:
    for notice in snapshot.sign.notices if snapshot.sign is not None else ():
        grade: Grade = "note" if notice.severity == "info" else notice.severity
        yield Trouble(grade, notice.key, notice.text, notice.hint)


def _disk(snapshot: Snapshot) -> Iterator[Trouble]:
    free = snapshot.place.disk_free
    if free is not None and free < LITTLE_DISK:
        yield Trouble(
            "alarm" if free < NO_DISK else "warning", "console:disk",
            f"The disk with the log has only {size(free)} left.",
            "Make room on it. With a full disk nothing is acknowledged, and nothing is lost.",
        )  # fmt: skip


def _sources(snapshot: Snapshot, now: int) -> Iterator[Trouble]:
    for source in snapshot.sources:
        if source.warning:
            yield Trouble("warning", f"clock {source.source}", f"{source.warning}.",
                "Correct the setting, or state a shift of its clock.")  # fmt: skip
        told = silence(snapshot, source, now)
        if told:
            hint = "Check its power, its cable and its address; nothing already received is lost."
            yield Trouble("warning", f"silent {source.source}", told, hint)


def silence(snapshot: Snapshot, source: SourceReport, now: int) -> str:
    """In words, that a source is not heard though it should be; "" when it is.

    While nothing is recorded, none should be.
    """
    running = snapshot.sign is None and snapshot.place.program.startswith("running")
    if not (running or snapshot.past or snapshot.place.recording):
        return ""
    if source.state != "connected":
        return f"{source.source} is {source.state}."
    pulse = snapshot.pulses.get(source.source)
    pause = None if pulse is None else pulse.silence(now)
    if pause is None:
        return ""
    return f"No bytes from {source.source} for {age(pause)}."
