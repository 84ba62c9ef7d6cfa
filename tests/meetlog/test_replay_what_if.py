"""What if: the results by other settings, against a calculation of its own."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetlog.comparison import RaceChange, compare
from meetlog.instants import moment_of
from meetlog.output import Envelope
from meetlog.readback import read_back
from meetlog.replay import publications
from meetlog.reports import ReplayReport
from meetlog.whatif import what_if
from projections.folding import fold
from store.event import FILE_CHANGED, SOCKET_OPENED, SOCKET_READ, Draft, pack_meta
from store.memory import MemoryLog
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import CHIPS, PROGRAM, RecordedMeet, read
from tests.meetlog.replays import GUN, RESULT, said
from wire.settings_file import parse
from wire.statements import AdoptSettings
from wire.timedrops import PROGRAM_FILE, encode_program
from wire.tsv1 import encode as encode_tsv1

LANES = {"123": 1, "456": 2}  # of the first heat


class Choice(msgspec.Struct, frozen=True):
    """Settings of a meet with one point that is passed twice: at 25 and at 50."""

    gap: int = 10_000  # ms
    rounding: str = "truncate"
    rule: str = "best"
    shift: int = 0  # ms
    zone: str = "Europe/Berlin"

    def toml(self) -> str:
        """The meet.toml."""
        return f"""\
[meet]
name = "Sommerfest"
zone = "{self.zone}"
rounding = "{self.rounding}"

[[source]]
name = "finish-mat"
protocol = "tsv1"
role = "client"
port = 10000

[[point]]
name = "Finish"
feeds = [{{ name = "Finish", shift = "{self.shift}ms" }}]
gap = "{self.gap}ms"
rule = "{self.rule}"

[[course]]
legs = [{{ point = "Finish", distance = 25 }}, {{ point = "Finish", distance = 50, passing = 2 }}]
"""

    def times(self, reads: Mapping[str, list[int]]) -> dict[int, int | None]:
        """The final time (hundredths) of each lane, of reads in ms after the gun, worked out here.

        All of the reads are best-seen ones without a signal strength, so `best` is the earliest.
        """
        found: dict[int, int | None] = {}
        for chip, lane in LANES.items():
            passings: list[list[int]] = []
            for ms in sorted({each + self.shift for each in reads.get(chip, ())}):
                if passings and ms - passings[-1][-1] <= self.gap:
                    passings[-1].append(ms)
                else:
                    passings.append([ms])
            chosen = [max(p) if self.rule == "last" else min(p) for p in passings]
            counted = [ms for ms in chosen if ms > 0]
            found[lane] = self.rounded(counted[1]) if len(counted) > 1 else None
        return found

    def rounded(self, ms: int) -> int:
        """Hundredths of `ms`."""
        if self.rounding == "truncate":
            return ms // 10
        return -(-ms // 10) if self.rounding == "up-hundredth" else -(-ms // 1000) * 100


# A lingering chip is read again after 4 s; the second chip is slower by less than a second.
READS = {
    "123": [14_500, 18_504, 30_129, 30_329, 33_000],
    "456": [15_251, 31_000, 30_999],
}
RECORDED = Choice()
OTHERS: dict[str, Callable[[], Choice]] = {
    "gap": lambda: Choice(gap=3_000),
    "a gap that joins all": lambda: Choice(gap=12_000),
    "hundredths up": lambda: Choice(rounding="up-hundredth"),
    "seconds up": lambda: Choice(rounding="up-second"),
    "rule": lambda: Choice(rule="last"),
    "shift": lambda: Choice(shift=-1_500),
    "zone": lambda: Choice(zone="Europe/London"),
    "all": lambda: Choice(2_000, "up-second", "last", 250, "America/New_York"),
    "nothing": Choice,
}


@pytest.fixture(scope="module")
def swum(tmp_path_factory: pytest.TempPathFactory) -> RecordedMeet:
    """The heat swum and published with the recorded settings."""
    meet = RecordedMeet(tmp_path_factory.mktemp("what-if") / "meet", RECORDED.toml())
    meet.load()
    meet.connect()
    meet.publish()
    meet.receive([read(0, "", "Finish", 0)])
    for chip, moments in READS.items():
        for ms in moments:
            meet.receive([read(ms, chip, "Finish")])
    meet.publish()
    return meet


def lane_times(races: tuple[RaceChange, ...]) -> dict[int, tuple[int | None, int | None]]:
    """The final times that changed, by lane."""
    return {
        lane.lane: (f.before, f.after)
        for race in races
        for lane in race.lanes
        for f in lane.fields
        if f.field == "time_cs"
    }


def changed(before: Mapping[int, int | None], after: Mapping[int, int | None]) -> dict[int, object]:
    """The same from two calculations."""
    return {n: (before[n], after[n]) for n in before if before[n] != after[n]}


def places(times: Mapping[int, int | None]) -> dict[int, int]:
    """Places by time, equal times sharing one."""
    known = [t for t in times.values() if t is not None]
    return {n: 1 + sum(o < t for o in known) for n, t in times.items() if t is not None}


@pytest.mark.parametrize("what", OTHERS)
def test_what_if_changes_what_a_calculation_says(
    swum: RecordedMeet, tmp_path: Path, what: str
) -> None:
    other = OTHERS[what]()
    toml = tmp_path / "other.toml"
    toml.write_text(other.toml(), encoding="utf-8")
    into = tmp_path / "into"
    head = swum.log.head()
    result = call("replay", swum.folder, "--into", into, "--settings", toml, "--json")
    (report,) = msgspec.json.decode(result.stdout, type=Envelope[ReplayReport]).items
    old, new = RECORDED.times(READS), other.times(READS)
    assert lane_times(report.races) == changed(old, new)
    told = {
        lane.lane: (f.before, f.after)
        for race in report.races
        for lane in race.lanes
        for f in lane.fields
        if f.field == "place"
    }
    were, are = places(old), places(new)
    assert told == {
        n: (were.get(n), are.get(n)) for n in LANES.values() if were.get(n) != are.get(n)
    }
    starts = [f for race in report.races for f in race.fields if f.field == "start"]
    assert bool(starts) == (other.zone != RECORDED.zone)
    assert result.exit_code == (0 if other == RECORDED else 1)
    assert report.identical == (other == RECORDED)
    assert what_if(swum.log, parse(other.toml().encode())).races == report.races
    written = read_back(RESULT, (into / RESULT).read_bytes()) if (into / RESULT).exists() else None
    final = {lane.lane: lane.time_cs for lane in written.lanes} if written else {}
    assert {n: final.get(n) for n in LANES.values()} == new
    assert swum.log.head() == head


def test_the_report_says_that_it_is_only_what_if(swum: RecordedMeet, tmp_path: Path) -> None:
    toml = tmp_path / "other.toml"
    toml.write_text(Choice(rounding="up-second").toml(), encoding="utf-8")
    into = tmp_path / "into"
    result = call("replay", swum.folder, "--into", into, "--settings", toml)
    assert result.exit_code == 1
    assert "WHAT IF" in result.stdout
    assert "Nothing was adopted" in result.stdout
    assert "30.12 -> 31.00" in result.stdout
    assert b"what" not in (into / RESULT).read_bytes().lower()
    toml.write_text(RECORDED.toml(), encoding="utf-8")
    result = call("replay", swum.folder, "--into", tmp_path / "same", "--settings", toml)
    assert result.exit_code == 0
    assert "no result is another" in result.stdout


def test_wrong_settings_are_refused_before_anything_is_written(
    swum: RecordedMeet, tmp_path: Path
) -> None:
    toml = tmp_path / "other.toml"
    toml.write_text(RECORDED.toml().replace("10000ms", "10000"), encoding="utf-8")
    into = tmp_path / "into"
    for settings in (toml, tmp_path / "none.toml"):
        result = call("replay", swum.folder, "--into", into, "--settings", settings)
        assert result.exit_code == 3
        assert str(settings) in result.stderr
    assert not into.exists()


def test_another_zone_moves_the_start_and_no_time(swum: RecordedMeet) -> None:
    found = what_if(swum.log, parse(Choice(zone="Europe/London").toml().encode()))
    (race,) = found.races
    assert [(f.field, f.before, f.after) for f in race.fields] == [
        ("start", "2026-06-14T09:00:00+02:00", "2026-06-14T09:00:00+01:00")
    ]
    assert race.lanes == ()
    assert not found.identical
    assert moment_of("2026-06-14T09:00", "Europe/Berlin", 0) == GUN


def test_a_result_that_no_file_has_yet_differs_too(swum: RecordedMeet, tmp_path: Path) -> None:
    toml = tmp_path / "other.toml"
    toml.write_text(Choice(rounding="up-second").toml(), encoding="utf-8")
    published = next(p.position for p in publications(swum.log) if p.name == RESULT)
    result = call(
        "replay", swum.folder, "--into", tmp_path / "into", "--settings", toml,
        "--until", str(published - 1), "--json",
    )  # fmt: skip
    (report,) = msgspec.json.decode(result.stdout, type=Envelope[ReplayReport]).items
    assert all(f.identical for f in report.files)
    assert report.races
    assert (result.exit_code, report.identical) == (1, False)


def test_what_if_as_of_an_instant_knows_nothing_later(swum: RecordedMeet) -> None:
    other = parse(Choice(rounding="up-second").toml().encode())
    before = next(p for p in range(1, 100) if what_if(swum.log, other, p).races) - 1
    assert what_if(swum.log, other, before).identical
    assert what_if(swum.log, other, before).position == before
    assert not what_if(swum.log, other, before + 1).identical


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_adopted_is_what_was_shown(tmp_path: Path, what: str) -> None:
    toml = OTHERS[what]().toml()
    meet = RecordedMeet(tmp_path / "meet", RECORDED.toml())
    meet.load()
    meet.connect()
    meet.receive([read(0, "", "Finish", 0)])
    meet.receive([read(ms, chip, "Finish") for chip, moments in READS.items() for ms in moments])
    meet.publish()
    before = fold(meet.log)
    before.settle()
    shown = what_if(meet.log, parse(toml.encode()))
    said(meet, AdoptSettings, toml=toml)
    after = fold(meet.log)
    after.settle()
    assert compare(before.races(), after.races()) == shown.races
    meet.publish()
    (report,) = ask(ReplayReport, "replay", meet.path, "--into", tmp_path / "again").items
    assert report.identical
    assert report.pending == ()


CHOICES = st.builds(
    Choice,
    gap=st.integers(1, 20_000),
    rounding=st.sampled_from(["truncate", "up-hundredth", "up-second"]),
    rule=st.sampled_from(["best", "first", "last"]),
    shift=st.integers(-20_000, 20_000),
)
SWIMS = st.fixed_dictionaries(
    {chip: st.lists(st.integers(1, 60_000), max_size=6) for chip in LANES}
)


@given(recorded=CHOICES, other=CHOICES, reads=SWIMS)
def test_any_settings_give_what_the_calculation_gives(
    recorded: Choice, other: Choice, reads: dict[str, list[int]]
) -> None:
    log = MemoryLog(clock=lambda: GUN)
    pieces = [[read(0, "", "Finish", 0)]]
    pieces += [[read(ms, chip, "Finish")] for chip, moments in reads.items() for ms in moments]
    files = {
        "meet.toml": recorded.toml().encode(),
        PROGRAM_FILE: encode_program(PROGRAM),
        "chips.csv": CHIPS.encode(),
    }
    drafts = [
        Draft("settings" if path == "meet.toml" else "folder", FILE_CHANGED,
              pack_meta(path=path, mtime=0, size=len(body)), body)
        for path, body in files.items()
    ]  # fmt: skip
    drafts.append(Draft("finish-mat", SOCKET_OPENED, pack_meta(c=1, protocol="tsv1")))
    drafts += [
        Draft("finish-mat", SOCKET_READ, pack_meta(c=1), encode_tsv1(piece)) for piece in pieces
    ]
    log.append(drafts)
    found = what_if(log, parse(other.toml().encode()))
    assert lane_times(found.races) == changed(recorded.times(reads), other.times(reads))
