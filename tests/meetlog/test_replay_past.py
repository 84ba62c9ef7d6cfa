"""A meet with many corrections: replayed, and seen as it was at any instant of it."""

from hashlib import sha256
from pathlib import Path

import pytest

from exporters.documents import document_key, owners, result_documents
from meetlog.asof import UpTo
from meetlog.replay import Replay, pending, publications, replay_all
from meetlog.reports import ReplayReport, StatusReport
from projections.clock import iso_local
from projections.folding import fold
from projections.views import Crossing, Race
from store.log import StoreError
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import RecordedMeet, read
from tests.meetlog.replays import Moment, corrected, said
from wire.statements import RecallHeat, SetTime
from wire.timedrops import RaceKey, encode_result

ZONE = "Europe/Berlin"


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[RecordedMeet, list[Moment]]:
    """The meet with its corrections, and the moments after each."""
    return corrected(tmp_path_factory.mktemp("past") / "meet")


def replayed(meet: RecordedMeet, until: int | None = None) -> Replay:
    """The meet replayed up to `until`."""
    end = meet.log.head().position if until is None else until
    return replay_all(UpTo(meet.log, end))


def test_the_meet_has_what_it_takes(past: tuple[RecordedMeet, list[Moment]]) -> None:
    meet, moments = past
    results = [p for p in publications(meet.log) if p.key]
    assert len(moments) > 20
    assert len(results) > 20
    assert len({p.sha256 for p in results}) > 15


def test_every_revision_is_replayed_to_the_same_bytes(
    past: tuple[RecordedMeet, list[Moment]], tmp_path: Path
) -> None:
    meet, moments = past
    into = tmp_path / "again"
    (report,) = ask(
        ReplayReport, "replay", meet.path, "--into", into, "--compare", meet.timedrops
    ).items
    assert report.identical
    assert all(f.identical for f in report.files)
    assert {f.state for f in report.compared} == {"identical"}
    assert len(report.files) == len(publications(meet.log))
    assert {p.name: p.read_bytes() for p in into.iterdir()} == moments[-1].folder


def test_thirty_instants_show_what_was_known_then(
    past: tuple[RecordedMeet, list[Moment]],
) -> None:
    meet, moments = past
    instants = [*moments, *moments[1::3]][:32]
    assert len(instants) >= 30
    for number, moment in enumerate(instants):
        at = str(moment.position)
        if number >= len(moments):
            at = iso_local(moment.recorded_at, ZONE)
        found = ask(Race, "results", "-m", meet.path, "--at", at)
        assert (found.position, found.items) == (moment.position, moment.races)


def test_thirty_instants_show_the_folder_of_then(
    past: tuple[RecordedMeet, list[Moment]],
) -> None:
    meet, moments = past
    for moment in moments:
        found = replayed(meet, moment.position)
        assert {n: r.data for n, r in found.newest().items()} == moment.folder
        assert pending(found) == []


def test_documents_of_any_instant_are_the_newest_published_by_then(
    past: tuple[RecordedMeet, list[Moment]],
) -> None:
    meet, _ = past
    decided = [p for p in publications(meet.log) if p.key]
    instants = [p.position for p in decided][:30]
    for instant in instants:
        newest: dict[RaceKey, str] = {}
        for p in sorted(decided, key=lambda p: p.position):
            if p.position <= instant and p.key:
                newest[p.key] = p.sha256
        folded = fold(meet.log, instant)
        folded.settle()
        races = folded.races()
        told = {
            document_key(file): sha256(encode_result(file)).hexdigest()
            for race in races
            for file in result_documents(race, folded.settings.meet.zone, owners(races))
        }
        assert told == newest


def test_what_was_not_published_by_then_is_pending(
    past: tuple[RecordedMeet, list[Moment]],
) -> None:
    meet, _ = past
    first, second = sorted((p for p in publications(meet.log) if p.key), key=lambda p: p.position)[
        :2
    ]
    (found,) = pending(replayed(meet, first.position - 1))
    assert (found.state, found.name, found.position) == ("unpublished", "", 0)
    (race,) = found.races
    assert race.presence == "after"
    (found,) = pending(replayed(meet, second.position - 1))
    assert (found.state, found.name, found.position) == ("differs", first.name, first.position)
    times = [
        (f.before, f.after)
        for race in found.races
        for lane in race.lanes
        for f in lane.fields
        if f.field == "time_cs"
    ]
    assert times == [(3145, 3144)]


def test_what_no_longer_holds_is_pending_too(tmp_path: Path) -> None:
    meet, _ = corrected(tmp_path / "meet")
    start = meet.projector.meet.starts().by_race[RaceKey("67", "4A", 1)]
    said(meet, RecallHeat, gun=start.moment, start=start.position)
    (found,) = pending(replayed(meet))
    assert found.state == "withdrawn"
    assert found.position == max(p.position for p in publications(meet.log) if p.key)
    assert {race.presence for race in found.races} == {"before"}
    result = call("replay", meet.path, "--into", tmp_path / "again")
    assert result.exit_code == 0
    assert "published, and no longer holds" in result.stdout


def test_crossings_and_status_as_of_then(past: tuple[RecordedMeet, list[Moment]]) -> None:
    meet, moments = past
    first = moments[0]
    early = ask(Crossing, "crossings", "-m", meet.path, "--at", str(first.position)).items
    late = ask(Crossing, "crossings", "-m", meet.path).items
    assert sum(c.reads for c in early) + 3 == sum(c.reads for c in late)
    (status,) = ask(StatusReport, "status", "-m", meet.path, "--at", str(first.position)).items
    assert (status.head, status.head_at_ns) == (first.position, first.recorded_at)
    assert status.age_ns == 0
    assert status.published == 1
    assert "As of event" in call("results", "-m", meet.path, "--at", "3").stdout


def test_a_time_of_day_is_one_of_the_last_day(past: tuple[RecordedMeet, list[Moment]]) -> None:
    meet, moments = past
    for moment in moments[::5]:
        clock = iso_local(moment.recorded_at, ZONE)[11:-6]
        # For a while the settings said London; those of the end tell what a clock shows.
        found = ask(Race, "results", "-m", meet.path, "--at", clock)
        assert found.position == moment.position


@pytest.mark.parametrize("at", ["0", "100000", "2026-06-14", "25:00", "noon", "1999-01-01T10:00"])
def test_a_wrong_instant_is_refused(
    past: tuple[RecordedMeet, list[Moment]], tmp_path: Path, at: str
) -> None:
    meet, _ = past
    into = tmp_path / "again"
    for args in (
        ("results", "-m", meet.path, "--at", at),
        ("replay", meet.path, "--into", into, "--until", at),
        ("diff", at, "3", "-m", meet.path),
    ):
        result = call(*args)
        assert result.exit_code == 2, result.output
        assert result.stderr
    assert not into.exists()


def test_until_leaves_out_what_came_later(
    past: tuple[RecordedMeet, list[Moment]], tmp_path: Path
) -> None:
    meet, moments = past
    middle = moments[10]
    into = tmp_path / "again"
    result = call(
        "replay", meet.path, "--into", into, "--until", str(middle.position),
        "--compare", meet.timedrops, "--json",
    )  # fmt: skip
    assert {p.name: p.read_bytes() for p in into.iterdir()} == middle.folder
    assert result.exit_code == 1
    assert '"state": "later"' in result.stdout
    assert call(
        "replay", meet.path, "--into", tmp_path / "2", "--until", str(middle.position)
    ).exit_code == 0  # fmt: skip


def test_a_log_as_it_was_knows_nothing_of_later_events(
    past: tuple[RecordedMeet, list[Moment]],
) -> None:
    meet, moments = past
    end = moments[3].position
    log = UpTo(meet.log, end)
    everything = meet.log.read(0, 10_000)
    assert log.read(0, 10_000) == everything[:end]
    assert log.read(end, 10) == []
    assert log.read(end - 2, 10) == everything[end - 2 : end]
    kinds = ("statement", "file.changed")
    assert log.read(0, 1000, kinds=kinds) == [e for e in everything[:end] if e.kind in kinds]
    assert log.head() == (end, everything[end - 1].hash, everything[end - 1].recorded_at)
    assert UpTo(meet.log, 0).head().position == 0
    with pytest.raises(StoreError, match="can only be read"):
        log.append([])
    log.close()
    assert log.head().position == end


def test_a_running_meet_is_replayed_up_to_one_moment(tmp_path: Path) -> None:
    meet, _ = corrected(tmp_path / "meet")
    log = UpTo(meet.log, meet.log.head().position)
    before = replay_all(log)
    meet.receive([read(30_000, "123", "Finish")])
    said(meet, SetTime, lane=2, time_cs=2999)
    meet.publish()
    after = replay_all(log)
    assert after.files == before.files
    assert after.meet.races() == before.meet.races()
