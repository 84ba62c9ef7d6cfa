"""Making a statement: nothing slips in between looking and appending, and nothing starves it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from meetlog.refusals import NotAllowed, Stale, Unsayable
from meetlog.stating import TRIES, folding_ahead, make, propose
from projections.folding import fold
from projections.meet import Meet
from store.event import SOCKET_READ, STATEMENT, Draft, Head
from tests.kit.passing_log import PassingLog
from tests.meetlog.meets import TOML, RecordedMeet, read, swum
from wire.stamps import NS
from wire.statements import (
    AdoptSettings,
    AnyStatement,
    AssignChip,
    ClearTime,
    Disqualify,
    MoveGun,
    NoShow,
    RegisterOperator,
    SetTime,
    Withdraw,
    decode,
)


@pytest.fixture
def meet(tmp_path: Path) -> RecordedMeet:
    """A heat that was swum (30.12 in lane 1, 31.45 in lane 2) and published."""
    return swum(tmp_path / "meet")


def common(seen: int, **other: Any) -> dict[str, Any]:
    return {"author": "Ada", "channel": "test", "at": 1, "seen": seen, "login": "ada"} | other


def lane(seen: int, number: int = 1, **other: Any) -> dict[str, Any]:
    return common(seen, session="67", event="4A", heat=1, lane=number, **other)


def settled(recorded: RecordedMeet) -> Meet:
    meet = fold(recorded.log)
    meet.settle()
    return meet


def head(recorded: RecordedMeet) -> int:
    return recorded.log.head().position


def stated(recorded: RecordedMeet) -> list[AnyStatement]:
    return [decode(event.body) for event in recorded.log.read(kinds=(STATEMENT,))]


def later_finish(recorded: RecordedMeet, chip: str = "123") -> None:
    """Another best-seen read of a chip, a stronger one by its rule: earlier at the finish."""
    recorded.receive([read(29_500, chip, "Finish")])


class Streaming(PassingLog):
    """A log into which something else is always appended just before us."""

    def __init__(self, recorded: RecordedMeet, before: Callable[[], object]) -> None:
        super().__init__(recorded.log)
        self.tried = 0
        self._before = before

    def append(self, drafts: Sequence[Draft], *, after: int | None = None) -> Head:
        self.tried += 1
        self._before()
        return super().append(drafts, after=after)


def test_a_proposal_tells_what_changes_and_changes_nothing(meet: RecordedMeet) -> None:
    folded, before = settled(meet), head(meet)
    races = folded.races()
    found = propose(folded, Disqualify(**lane(before), code="6.2"))
    (race,) = found.races
    assert (race.event, race.heat) == ("4A", 1)
    changed = {(each.lane, f.field): (f.before, f.after) for each in race.lanes
               for f in each.fields}  # fmt: skip
    assert changed[1, "status"] == ("", "DQ")
    assert changed[2, "place"] == (2, 1)
    (revision,) = found.revisions
    assert (revision.revision, revision.name) == (2, "Session67_Event_4A_Heat1_Race1_2.json")
    assert (folded.position, folded.races(), head(meet)) == (before, races, before)


def test_what_is_proposed_is_what_is_published(meet: RecordedMeet) -> None:
    made = make(meet.log, settled(meet), SetTime(**lane(head(meet), time_cs=2999)))
    meet.publish()
    (planned,) = made.proposal.revisions
    assert (meet.timedrops / planned.name).exists()
    assert meet.projector.meet.revisions()[-1].revision == planned.revision


def test_a_withdrawal_proposes_the_way_back(meet: RecordedMeet) -> None:
    made = make(meet.log, settled(meet), Disqualify(**lane(head(meet))))
    found = propose(settled(meet), Withdraw(**common(head(meet)), position=made.position))
    assert {f.after for each in found.races[0].lanes for f in each.fields if f.field == "status"} \
        == {""}  # fmt: skip


def test_settings_are_proposed_by_folding_the_log_anew(meet: RecordedMeet) -> None:
    toml = TOML.replace('zone = "Europe/Berlin"', 'zone = "UTC"\nrounding = "up-hundredth"')
    statement = AdoptSettings(**common(head(meet)), toml=toml)
    found = propose(settled(meet), statement, folding_ahead(meet.log))
    assert "meet.zone: Europe/Berlin -> UTC" in found.notes
    assert any(f.field == "time_cs" for race in found.races for each in race.lanes
               for f in each.fields)  # fmt: skip
    assert make(meet.log, settled(meet), statement).proposal.races == found.races
    assert settled(meet).settings.meet.zone == "UTC"
    with pytest.raises(Unsayable, match="in force already"):
        make(meet.log, settled(meet), AdoptSettings(**common(head(meet)), toml=toml))


def test_a_stale_statement_is_refused_with_both_versions(meet: RecordedMeet) -> None:
    seen = head(meet)
    folded = settled(meet)
    make(meet.log, folded, SetTime(**lane(seen, time_cs=2999)))
    before = head(meet)
    with pytest.raises(Stale) as refused:
        make(meet.log, folded, ClearTime(**lane(seen)))
    assert refused.value.changed == (("time", "30.12", "29.99"),)
    assert "was 30.12, is now 29.99" in str(refused.value)
    assert f"--seen {before}" in str(refused.value)
    assert head(meet) == before


def test_what_happens_elsewhere_makes_nothing_stale(meet: RecordedMeet) -> None:
    seen = head(meet)
    make(meet.log, settled(meet), SetTime(**lane(seen, 2, time_cs=2999)))
    make(meet.log, settled(meet), ClearTime(**lane(seen, 1)))
    # A judge's decision is about who swims, not about the time that comes in meanwhile.
    make(meet.log, settled(meet), Disqualify(**lane(seen, 1)))


def test_a_meet_that_is_where_its_author_looked_is_not_folded_again(
    meet: RecordedMeet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meetlog.stating.fold", None)
    folded, seen = settled(meet), head(meet)
    meet.lost()  # reads of others come in
    make(meet.log, folded, SetTime(**lane(seen, time_cs=2999)))
    assert stated(meet) == [SetTime(**lane(seen, time_cs=2999))]


def test_of_two_who_move_one_gun_the_second_is_refused(meet: RecordedMeet) -> None:
    seen, start = head(meet), settled(meet).races()[0].start_ns
    assert start is not None
    race = common(seen, session="67", event="4A", heat=1)
    make(meet.log, settled(meet), MoveGun(**race, gun=start + NS))
    with pytest.raises(Stale, match="start: was"):
        make(meet.log, settled(meet), MoveGun(**race, gun=start + 2 * NS))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (RegisterOperator(**common(0), name="Ada", role="referee"),
         RegisterOperator(**common(0), name="Ada", role="referee", secret="x")),
        (AssignChip(**common(0), chip="0123", swimmer="103"),
         AssignChip(**common(0), chip="123", swimmer="104")),
    ],
)  # fmt: skip
def test_statements_about_one_thing_do_not_pass_each_other(
    meet: RecordedMeet, one: AnyStatement, other: AnyStatement
) -> None:
    seen = head(meet)
    replace = msgspec.structs.replace
    make(meet.log, settled(meet), replace(one, seen=seen, login="Ada"))
    with pytest.raises(Stale):
        make(meet.log, settled(meet), replace(other, seen=seen, login="Ada"))


def test_a_position_that_is_still_to_come_was_not_seen(meet: RecordedMeet) -> None:
    with pytest.raises(Unsayable, match="There is no event 9999"):
        make(meet.log, settled(meet), Disqualify(**lane(9999)))


def test_streaming_reads_do_not_starve_a_statement(meet: RecordedMeet) -> None:
    ms = iter(range(50_000, 90_000, 10))
    log = Streaming(meet, lambda: meet.receive([read(next(ms), "456", "Turn")]))
    made = make(log, settled(meet), Disqualify(**lane(head(meet))))
    assert log.tried == TRIES + 1
    (event,) = meet.log.read(made.position - 1, 1)
    assert event.kind == STATEMENT
    assert settled(meet).races()[0].lanes[0].status == "DQ"


def test_a_conflict_with_what_it_is_about_refuses_it(meet: RecordedMeet) -> None:
    log = Streaming(meet, lambda: later_finish(meet))
    with pytest.raises(Stale) as refused:
        make(log, settled(meet), ClearTime(**lane(head(meet))))
    assert refused.value.changed[0][:2] == ("time", "30.12")
    assert log.tried == 1
    assert stated(meet) == []


def test_what_changes_in_the_very_moment_is_withdrawn_at_once(meet: RecordedMeet) -> None:
    ms = iter(range(50_000, 90_000, 10))

    def before() -> None:
        if log.tried == TRIES + 1:  # the append that insists on nothing
            later_finish(meet)
        elif log.tried <= TRIES:
            meet.receive([read(next(ms), "456", "Turn")])

    log = Streaming(meet, before)
    with pytest.raises(Stale):
        make(log, settled(meet), ClearTime(**lane(head(meet))))
    cleared, taken_back = stated(meet)
    assert isinstance(cleared, ClearTime)
    assert isinstance(taken_back, Withdraw)
    (event,) = meet.log.read(taken_back.position - 1, 1)
    assert event.kind == STATEMENT
    assert settled(meet).races()[0].lanes[0].time_cs == 2950
    (last,) = meet.log.read(taken_back.position - 2, 1)
    assert last.kind == SOCKET_READ


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (Disqualify(**lane(0, 9)), "has no lane 9. Its lanes: 1, 2, 3"),
        (Disqualify(**lane(0, 3)), "is empty"),
        (Disqualify(**(lane(0) | {"heat": 7})), "There is no event 4A, heat 7"),
        (SetTime(**lane(0), time_cs=0), "no race time"),
        (Disqualify(**lane(0, author=" ")), "no name"),
        (Disqualify(**lane(0, reason="x" * 501)), "longer than 500"),
        (Disqualify(**lane(0), text="\ud800"), "no text"),
        (AssignChip(**common(0), chip="1", swimmer="999"), "Nobody in the program has the id 999"),
        (AdoptSettings(**common(0), toml="zone = 1"), "cannot be adopted"),
        (AdoptSettings(**common(0), toml='[log]\npath = "x.db"'), "another log"),
        (Withdraw(**common(0), position=1), "is no statement"),
        (RegisterOperator(**common(0), name="Ben", role="timer"), "no referee"),
    ],
)
def test_what_cannot_be_said(meet: RecordedMeet, statement: AnyStatement, words: str) -> None:
    before = head(meet)
    with pytest.raises(Unsayable, match=words):
        make(meet.log, settled(meet), msgspec.structs.replace(statement, seen=before))
    assert head(meet) == before


def test_the_author_is_looked_at_in_every_channel(meet: RecordedMeet) -> None:
    say = RegisterOperator(**common(head(meet), login="Ada"), name="Ada", role="referee")
    make(meet.log, settled(meet), say)
    timer = RegisterOperator(**common(head(meet), login="Ada"), name="Ben", role="timer",
                             secret="hash")  # fmt: skip
    make(meet.log, settled(meet), timer)
    said = NoShow(**lane(head(meet), author="Ben", login="Ada"))
    with pytest.raises(NotAllowed, match="secret"):
        make(meet.log, settled(meet), said)
    proven = lane(head(meet), author="Ben", proof="secret")
    with pytest.raises(NotAllowed, match="Ben is registered as timer"):
        make(meet.log, settled(meet), Disqualify(**proven))
    make(meet.log, settled(meet), SetTime(**proven, time_cs=3000))
    with pytest.raises(NotAllowed, match="Cid is not registered"):
        make(meet.log, settled(meet), SetTime(**(proven | {"author": "Cid"}), time_cs=3001))
