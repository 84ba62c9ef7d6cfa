"""The parts of the command line that can be looked at alone."""

import errno
import io
from itertools import product

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from exporters.errors import ExportError
from ingest.errors import IngestError
from meetlog import pauses, show
from meetlog.commands import events as listing
from meetlog.commands.options import wanted_race
from meetlog.exits import Exit, explain
from meetlog.output import Rows
from meetlog.replay import difference
from store.event import Draft, Event, Head
from store.log import Conflict, LogDamaged, LogMissing, StoreUnavailable
from store.memory import MemoryLog
from wire.errors import WireError
from wire.stamps import NS


def test_every_expected_error_has_its_code_and_its_words() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/meet/meet.db")
    cases = [
        (WireError("not a duration", "5", "write 5s"), Exit.SETTINGS, "write 5s"),
        (IngestError("source mat: port taken"), Exit.SOURCE, "source mat"),
        (ExportError("writing", "x.json", "gone", "Bring it back."), Exit.FILES, "Bring it back."),
        (LogDamaged("no log"), Exit.DAMAGED, "no log"),
        (LogMissing("not there"), Exit.UNAVAILABLE, "not there"),
        (StoreUnavailable("locked"), Exit.UNAVAILABLE, "locked"),
        (Conflict(Head(1, b"", 0), "the head moved"), Exit.REFUSED, "the head moved"),
        (full, Exit.FILES, "Free some space"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.toml"), Exit.FILES, "a.toml"),
    ]
    for error, code, words in cases:
        told = explain(error)
        assert told is not None
        assert told[0] == code
        assert words in told[1]


def test_a_mistake_of_ours_is_not_explained_away() -> None:
    assert explain(KeyError("x")) is None
    assert explain(BrokenPipeError(errno.EPIPE, "Broken pipe")) is None
    group = ExceptionGroup("both", [IngestError("a"), KeyError("x")])
    assert explain(group) is None


def test_a_group_tells_each_error_once() -> None:
    inner = ExceptionGroup(
        "inner", [IngestError("port a is taken"), IngestError("port b is taken")]
    )
    told = explain(ExceptionGroup("outer", [inner, IngestError("port a is taken")]))
    assert told == (Exit.SOURCE, "port a is taken\nport b is taken")


@pytest.mark.parametrize(
    ("text", "race"),
    [
        ("", None),
        ("67/4A/2", ("67", "4A", 2)),
        ("4A/2", (None, "4A", 2)),
        ("a/b/4A/2", ("a/b", "4A", 2)),
    ],
)
def test_races_are_named(text: str, race: tuple[str | None, str, int] | None) -> None:
    assert wanted_race(text) == race


@pytest.mark.parametrize("text", ["4A", "/2", "4A/", "4A/x", "/4A/2", "4A/-1", "4A/²"])
def test_what_names_no_race_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="SESSION/EVENT/HEAT"):
        wanted_race(text)


def test_the_newest_events_are_found_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_WINDOW", 3)
    log = MemoryLog()
    for i in range(20):
        log.append([Draft("ab"[i % 2], "xyz"[i % 3])])
    whole = log.read()
    choices = product((1, 4, 30), ((), ("x",), ("x", "z")), (frozenset[str](), frozenset("a")))
    for limit, kinds, names in choices:
        fitting = [
            e
            for e in whole[:18]
            if (not kinds or e.kind in kinds) and (not names or e.source in names)
        ]
        chosen = {"limit": limit, "kinds": kinds, "names": names}
        assert listing.select(log, 18, after=None, **chosen) == fitting[-limit:]  # type: ignore[arg-type]  # mypy joins the values' types
        later = [e for e in fitting if e.position > 5][:limit]
        assert listing.select(log, 18, after=5, **chosen) == later  # type: ignore[arg-type]  # as above


def test_following_shows_each_new_event_once() -> None:
    log = MemoryLog()
    log.append([Draft("a", "x"), Draft("a", "x")])
    waits: list[int] = []

    def wait() -> None:
        waits.append(log.append([Draft("a", f"x{len(waits)}")]).position)

    followed = listing.tail(log, 1, wait)
    assert [next(followed).position for _ in range(4)] == [2, 3, 4, 5]
    assert waits == [3, 4, 5]


@given(st.binary(max_size=40))
def test_a_body_is_shown_exactly(body: bytes) -> None:
    report = listing.report_of(Event(1, 0, "a", "x", b"\x80", body, b""), "UTC", raw=True)
    shown = bytes.fromhex(report.hex) if report.hex is not None else (report.text or "").encode()
    assert shown == body
    assert (report.hex is None) != (report.text is None)
    assert "\x1b" not in listing.line_of(report)


@given(st.lists(st.integers(0, 200 * NS), max_size=60).map(sorted), st.integers(1, 60 * NS))
def test_a_suggested_gap_cuts_where_no_pause_is(spans: list[int], gap: int) -> None:
    report = pauses.report("Finish", spans, gap)
    assert sum(b.count for b in report.buckets) == len(spans)
    for b in report.buckets:
        inside = [p for p in spans if b.from_ns <= p and (b.until_ns is None or p < b.until_ns)]
        assert len(inside) == b.count
    if report.suggested_ns is None:
        return
    assert report.below_ns is not None
    assert report.above_ns is not None
    assert report.below_ns < report.suggested_ns < report.above_ns
    assert report.suggested_ns >= 6 * NS
    assert not [p for p in spans if report.below_ns < p < report.above_ns]


def test_differences_are_named() -> None:
    assert difference(b"a\nb\n", None) == "the log gives no such document"
    assert difference(b"a\nb\n", b"a\nc\n") == "line 2: recorded 'b', replayed 'c'"
    assert difference(b"a\n", b"a\nc\n") == "line 2: recorded nothing, replayed 'c'"
    assert "verify" in difference(b"a\n", b"a\n")


def test_words_for_numbers() -> None:
    assert [show.age(n * NS) for n in (-1, 0, 119, 120, 7200, 200_000)] == [
        "0 s",
        "0 s",
        "119 s",
        "2 min",
        "2 h",
        "2 days",
    ]
    assert show.age(None) == "never"
    assert [show.size(n) for n in (0, 999, 1000, 1_234_567, 5_000_000_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "1.2 MB",
        "5000.0 GB",
    ]
    assert [show.seconds(n) for n in (0, 1_500_000_000, -NS, 1)] == [
        "0 s",
        "1.5 s",
        "-1 s",
        "0.000000001 s",
    ]
    assert show.local("2026-06-14T09:00:31.455-03:30") == "2026-06-14 09:00:31.455"
    assert show.to_ms("2026-06-14T09:00:31.108778107-03:30") == "2026-06-14 09:00:31.108"
    assert show.to_ms("2026-06-14T09:00:31+00:00") == "2026-06-14 09:00:31"
    assert show.local("") == show.to_ms("") == ""


@given(st.lists(st.text("abc \n\x1b[]é日", max_size=150), min_size=4, max_size=4))
def test_a_table_is_whole_in_a_terminal_and_in_a_pipe(cells: list[str]) -> None:
    rows = Rows("moment", "point", "chip", "reads", right=("reads",))
    rows.add(*cells)
    out = io.StringIO()
    Console(file=out, width=100, force_terminal=True, color_system=None).print(rows.rich())
    lines = out.getvalue().splitlines()
    assert all(cell_len(line) <= 100 for line in lines)
    plain = list(rows.plain())
    assert len(plain) == 3
    for cell in rows.cells[0]:
        assert cell.rstrip() in plain[2]
    letters = sorted("".join("".join(lines[2:]).split()))
    assert letters == sorted("".join("".join(rows.cells[0]).split()))
