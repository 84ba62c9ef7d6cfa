"""The benches run, and what they tell is sane; with sizes so small that nothing is measured."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from bench import __main__ as command
from bench import append, console, latency, memory, race, replay, restart
from bench.figures import Figure, table
from projections.folding import fold
from store.sqlite import SqliteLog
from wire.settings_file import parse

PARTICIPANTS = 40


def test_append_tells_ratios() -> None:
    found = append.measure(1)
    assert found["single_ratio"] > 0
    assert found["burst_ratio"] > 0
    # The disk alone may be outdone for a moment by other work, hardly by as much.
    assert found["burst_ceiling"] > found["burst_ratio"] / 4


def test_restart_runs_the_real_commands() -> None:
    figures = restart.measure(2_000, 1, participants=PARTICIPANTS)
    assert [f.target for f in figures] == [2.0, 1.0]
    assert all(0 < f.value < 60 for f in figures)


def test_replay_folds_every_read_and_tells_each_case() -> None:
    figures = replay.measure(2_000, 1, participants=PARTICIPANTS)
    assert [f.target for f in figures[1::2]] == [150_000, 250_000, 400_000, 400_000]
    assert all(f.value > 0 and f.note == "2,000 reads, 1 times" for f in figures)
    assert all(f.value < 2 for f in figures if f.unit == "x"), "folding does more than decoding"


def test_memory_tells_what_each_log_took() -> None:
    figures = memory.measure(1_000, participants=PARTICIPANTS)
    peaks = [f.value for f in figures if f.unit == "MiB"]
    assert len(peaks) == 4
    assert all(10 < each < 1_000 for each in peaks)
    assert all(0.5 < f.value < 5 for f in figures if f.unit == "x")


def test_latency_on_real_sockets_finds_every_read_and_every_heat() -> None:
    found = latency.time_rate(rate=200, seconds=1, participants=PARTICIPANTS)
    assert len(found.durable) == 200
    assert len(found.result) == latency.HEATS_A_SECOND
    assert all(each > 0 for each in found.durable + found.result)
    assert min(found.result) > min(found.durable), "a result follows its last read's commit"


def test_a_page_is_as_old_as_the_time_to_its_first_beat_with_a_position() -> None:
    commits = [(1, 10), (2, 20), (3, 30), (4, 40)]
    pages = [[(2, 25), (3, 38), (3, 50)], [], [(4, 15)]]
    assert console.ages(commits, pages) == [8, 0, 0, 0]


def test_pages_are_watched_while_a_meet_is_timed() -> None:
    figures = console.measure(1, 1, participants=PARTICIPANTS)
    assert [f.unit for f in figures] == ["ms", "ms", "x", "x"]
    assert all(f.value > 0 for f in figures)


def test_a_race_has_the_reads_it_was_asked_for(tmp_path: Path) -> None:
    stream = list(race.arrivals(3_000, participants=PARTICIPANTS))
    assert len(stream) == 3_000
    assert len({read for _, read in stream}) == pytest.approx(2_700, rel=0.05), "a tenth are copies"
    assert any(b[0] < a[0] or b[1] < a[1] for a, b in pairwise(stream)), "some come late"
    race.write_log(tmp_path / "log.db", stream, 100, participants=PARTICIPANTS)
    log = SqliteLog(tmp_path / "log.db", read_only=True)
    meet = fold(log)
    meet.settle()
    log.close()
    (source,) = meet.sources()
    assert source.received == 3_000
    assert source.quarantined == 0
    assert not meet.quarantine(), "everything in it is understood"
    assert all(lane.time_cs for lane in meet.races()[0].lanes), "everybody finished"


def test_settings_of_the_benches_are_good() -> None:
    for body in (race.settings_text(), latency.settings_body(7701)):
        assert parse(body).meet.name == "Bench"


@pytest.mark.parametrize(
    ("value", "target", "better", "verdict"),
    [
        (0.8, 0.8, "more", "met"),
        (0.79, 0.8, "more", "missed"),
        (10.1, 10.0, "less", "missed"),
        (9.9, 10.0, "less", "met"),
        (1.0, None, "more", ""),
    ],
)
def test_a_figure_says_whether_its_target_is_met(
    value: float, target: float | None, better: str, verdict: str
) -> None:
    figure = Figure("x", "name", value, "x", target, "more" if better == "more" else "less")
    assert figure.verdict == verdict
    assert verdict in table([figure])


def test_the_command_prints_and_writes_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[bool] = []

    def bench(quick: bool) -> list[Figure]:
        asked.append(quick)
        return [Figure("append", "an append", 0.5, "x", 0.8)]

    monkeypatch.setitem(command.BENCHES, "append", bench)
    command.main(["--quick", "--only", "append", "--json", str(tmp_path / "out.json")])
    assert asked == [True]
    printed = capsys.readouterr().out
    assert "missed" in printed
    assert "0 targets met, 1 missed" in printed
    (row,) = json.loads((tmp_path / "out.json").read_bytes())
    assert (row["name"], row["value"], row["verdict"]) == ("an append", 0.5, "missed")
