"""Logs with relays: verified, sealed, copied, put into capsules and replayed like any other."""

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from meetlog.capsule.making import make
from meetlog.capsule.masking import Masker
from meetlog.capsule.unpacking import LOG, open_into
from meetlog.reports import ReplayReport, VerifyReport
from projections.folding import fold
from projections.meet import Meet
from projections.relayed import Item, queued, queued_draft
from projections.views import RelayHealth
from store.event import LEFT_OUT, RELAY_QUEUED, RELAY_SENT
from store.log import Log
from store.sqlite import SqliteLog
from tests.meetlog.busy import busy
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import CHIPS, TOML, RecordedMeet
from tests.meetlog.relayed import RELAYS, RelayedMeet, corrected, relayed

RELAYED = (RELAY_QUEUED, RELAY_SENT)


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> RecordedMeet:
    """Six heats, all of which went to two relays."""
    return busy(tmp_path_factory.mktemp("busy"), more=RELAYS)[0]


def settled(log: Log) -> Meet:
    meet = fold(log)
    meet.settle()
    return meet


def test_a_log_with_relays_is_verified_sealed_backed_up_and_replayed(
    morning: RecordedMeet, tmp_path: Path
) -> None:
    assert len(morning.log.read(0, 10_000, kinds=(RELAY_QUEUED,))) > 10
    (verdict,) = ask(VerifyReport, "verify", morning.folder).items
    assert verdict.ok
    assert verdict.files
    assert {file.state for file in verdict.files} == {"as published"}
    code = verdict.seal
    assert call("seal", morning.folder).stdout.split()[0] == code
    copy = tmp_path / "copy.db"
    assert call("backup", copy, "-m", morning.folder).exit_code == 0
    assert f"{code}: HOLDS" in call("verify", copy, "--code", code).stdout
    told = ask(RelayHealth, "relays", "-m", copy).items
    assert told == ask(RelayHealth, "relays", "-m", morning.folder).items
    assert {r.queued > 0 for r in told} == {True}
    (report,) = ask(ReplayReport, "replay", morning.folder, "--into", tmp_path / "again").items
    assert report.identical


def test_relays_change_nothing_that_is_published(morning: RecordedMeet, tmp_path: Path) -> None:
    without, _ = busy(tmp_path / "without")
    names = sorted(p.name for p in morning.timedrops.glob("Session*"))
    assert names == sorted(p.name for p in without.timedrops.glob("Session*"))
    for name in names:
        assert (morning.timedrops / name).read_bytes() == (without.timedrops / name).read_bytes()


def test_a_capsule_has_what_relays_sent_in_its_complete_part_only(
    morning: RecordedMeet, tmp_path: Path
) -> None:
    head = morning.log.head().position
    begin = head - 40
    manifest = make(morning.log, begin, head, tmp_path / "c.zip").manifest
    assert 1 < manifest.complete_from <= begin
    open_into(tmp_path / "c.zip", tmp_path / "open")
    with closing(SqliteLog(tmp_path / "open" / LOG, read_only=True)) as log:
        events = log.read(0, head)
        carried = [e.position for e in events if e.kind in RELAYED]
        left_out = {e.position for e in events if e.kind == LEFT_OUT}
        there = morning.log.read(0, head, kinds=RELAYED)
        assert carried == [e.position for e in there if e.position >= manifest.complete_from]
        assert {e.position for e in there} - set(carried) <= left_out
        was, now = settled(morning.log), settled(log)
    assert now.races() == was.races()
    for before, after in zip(was.relays(), now.relays(), strict=True):
        # How many items there are is known, though not all of them are here.
        assert (after.queued, after.state) == (before.queued, before.state)
        assert sum(after.locations.values()) < before.queued
    assert [q for q in now.quarantine() if "relay" in q.reason] == []


def test_a_whole_capsule_tells_the_same_of_relays(tmp_path: Path) -> None:
    meet = corrected(tmp_path / "meet")
    make(meet.log, 1, meet.log.head().position, tmp_path / "c.zip")
    open_into(tmp_path / "c.zip", tmp_path / "open")
    told = ask(RelayHealth, "relays", "-m", tmp_path / "open" / LOG).items
    assert told == ask(RelayHealth, "relays", "-m", meet.folder).items
    assert told[1].withdrawals


NAMED = CHIPS.replace("123,101", "123,Elisabeth Ångström").replace("456,102", "456,Cora")


def test_a_masked_capsule_has_no_name_that_a_relay_sent(tmp_path: Path) -> None:
    """Where a chip table calls people by name, relays that send bibs send names."""
    meet = RelayedMeet(tmp_path / "meet", TOML + RELAYS)
    meet.load()
    meet.file("chips.csv", NAMED.encode())
    meet.connect()
    meet.swim()
    meet.publish()
    head = meet.log.head().position
    plain = b"".join(e.body for e in meet.log.read(0, head, kinds=(RELAY_QUEUED,)))
    assert "Elisabeth Ångström".encode() in plain
    assert b"Cora" in plain
    make(meet.log, 1, head, tmp_path / "c.zip", mask=True)
    open_into(tmp_path / "c.zip", tmp_path / "open")
    with closing(SqliteLog(tmp_path / "open" / LOG, read_only=True)) as log:
        events = log.read(0, head, kinds=(RELAY_QUEUED,))
        items = [item for event in events for item in queued(event).items]
        after = settled(log).relays()
    masked = b"".join(event.body for event in events)
    assert [word for word in (b"Elis", b"beth", b"ngstr", b"gstr", b"Cora") if word in masked] == []
    tags = {item.tag: (item.chip, item.full) for item in items if item.chip}
    assert tags == {"Person 1": ("123", "Person 1"), "Swimmer 103": ("456", "")}
    before = settled(meet.log).relays()
    assert [r.locations for r in after] == [r.locations for r in before]
    assert [r.queued for r in after] == [r.queued for r in before]


def test_what_is_no_decision_is_masked_into_none(tmp_path: Path) -> None:
    meet = relayed(tmp_path / "meet")
    meet.add("scoring", RELAY_QUEUED, b"Cora Cole", as_of=1, before=0, items=0, crossings=False)
    event = meet.log.read(meet.log.head().position - 1, 1)[0]
    meta, body = Masker(meet.log, event.position).mask(event)
    assert (meta, body) == (event.meta, b"{")


def test_masking_an_item_keeps_all_that_is_no_name(tmp_path: Path) -> None:
    meet = corrected(tmp_path / "meet")
    head = meet.log.head().position
    masker = Masker(meet.log, head)
    assert {e.kind for e in meet.log.read(0, head, kinds=RELAYED)} == set(RELAYED)
    for event in meet.log.read(0, head, kinds=RELAYED):
        assert masker.mask(event) == (event.meta, event.body)
    item = Item(
        2, "Dina Dunn's mat", "a Cole", 5, 3, reader="R Cora Cole", chip="9", full="Cora Cole"
    )
    draft = queued_draft("scoring", (item,), as_of=1, before=0, withdrawn=(item,))
    meet.log.append([draft])
    event = meet.log.read(head, 1)[0]
    meta, body = masker.mask(event)
    fact = queued(msgspec.structs.replace(event, meta=meta, body=body))
    expected = msgspec.structs.replace(
        item, location="Swimmer 104's mat", tag="er 103", reader="R Swimmer 103", full="Swimmer 103"
    )
    assert (fact.items, fact.withdrawn) == ((expected,), (expected,))
