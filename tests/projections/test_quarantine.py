"""What could not be used: counted, bounded, and gone when it becomes known."""

import pytest

from projections.facts import Quarantined
from projections.folding import fold
from projections.meet import DEFAULTS, Meet
from projections.quarantine import KEPT, Quarantine
from store.event import (
    APP_STARTED,
    FILE_CHANGED,
    FILE_REMOVED,
    RELAY_QUEUED,
    RELAY_SENT,
    RESULT_PUBLISHED,
    SOCKET_CLOSED,
    SOCKET_OPENED,
    SOCKET_READ,
    STATEMENT,
    STATUS_PUBLISHED,
    Draft,
    pack_meta,
)
from store.memory import MemoryLog
from tests.kit.meets import SWIM, TOML, Pool, heat, read


def test_the_same_again_is_counted_not_listed() -> None:
    pool = Pool()
    first = pool.receive(b"[{oops\r")
    pool.receive(b"[{oops\r[{other\r")
    found = pool.meet().quarantine()
    assert [(q.source, q.position, q.count) for q in found] == [
        ("mat", first, 2),
        ("mat", first + 1, 1),
    ]
    assert all((q.reason and q.hint and "oops" in q.excerpt) or "other" in q.excerpt for q in found)


@pytest.mark.parametrize("more", [-1, 0, 1, 50])
def test_a_noisy_source_is_bounded_and_hides_no_other(more: int) -> None:
    quarantine = Quarantine()
    for n in range(KEPT + more):
        quarantine.add(Quarantined(n + 1, "mat", "not JSON", f"{n}", "look"))
    quarantine.add(Quarantined(9000, "folder", "no JSON", "x", "write it again"))
    quarantine.add(Quarantined(9001, "mat", "not JSON", "0", "look"))
    found = quarantine.views()
    assert found[0].count == 2
    assert (found[-1].source, found[-1].position) == ("folder", 9000)
    assert len([q for q in found[:-1] if q.excerpt]) == min(KEPT, KEPT + more)
    further = [(q.source, q.position, q.count) for q in found if not q.excerpt]
    assert further == [("mat", KEPT + 1, more)] * (more > 0)


def test_a_file_that_cannot_be_read_is_named_and_the_last_one_stays() -> None:
    pool = Pool()
    pool.load(heat("1", 1, 1, {1: "101"}))
    pool.file("meet_program.json", b'{"meetSessions": [')
    pool.file("chips.csv", b"nothing of use\n")
    meet = pool.meet()
    assert [r.event for r in meet.races()] == ["1"]
    assert [q.source for q in meet.quarantine()] == ["folder", "folder"]
    assert meet.quarantine()[0].reason.startswith("meet_program.json: ")


def test_settings_that_cannot_be_read_leave_those_before() -> None:
    pool = Pool()
    pool.file("meet.toml", b"[meet]\nzone = 'Nowhere'\n", "settings")
    meet = pool.meet()
    assert meet.settings.meet.zone == "Europe/Berlin"
    [entry] = meet.quarantine()
    assert (entry.source, "Nowhere" in entry.reason) == ("settings", True)


def test_unknown_points_are_listed_until_the_settings_claim_them() -> None:
    pool = Pool()
    first = pool.passes(0, "101", "102", point="Mystery")
    pool.passes(500, "101", point="Mystery")
    [entry] = pool.meet().quarantine()
    assert (entry.reason, entry.count, entry.position) == ("unknown point Mystery", 3, first)
    assert (entry.source, entry.excerpt) == ("mat", "at Mystery")
    claimed = SWIM.replace('feeds = ["Finish"', 'feeds = ["Finish", "Mystery"')
    pool.file("meet.toml", claimed.encode(), "settings")
    meet = pool.meet()
    assert meet.quarantine() == []
    assert {c.point for c in meet.crossings()} == {"Finish"}


def test_without_points_in_the_settings_every_name_is_a_point() -> None:
    pool = Pool("")
    pool.passes(0, "101", point="Mystery")
    meet = pool.meet()
    assert meet.quarantine() == []
    assert [c.point for c in meet.crossings()] == ["Mystery"]


def test_a_name_that_the_settings_take_from_one_source_is_anothers_no_point() -> None:
    only = '{ name = "Finish", source = "mat" }'
    pool = Pool(TOML.replace('feeds = ["Finish",', f"feeds = [{only},"))
    pool.passes(0, "101")
    pool.passes(500, "101", source="loop")
    meet = pool.meet()
    assert [(c.point, c.source) for c in meet.crossings()] == [
        ("Finish", "mat"),
        ("loop/Finish", "loop"),
    ]
    assert [q.reason for q in meet.quarantine()] == ["unknown point loop/Finish"]


def test_unknown_chips_are_listed_once_somebody_is_known() -> None:
    pool = Pool()
    first = pool.passes(0, "101", "999")
    pool.passes(500, "999", point="Turn")
    assert pool.meet().quarantine() == []
    pool.load(heat("1", 1, 1, {1: "101"}))
    [entry] = pool.meet().quarantine()
    assert (entry.reason, entry.position, entry.count) == ("unknown chip 999", first, 2)
    assert entry.excerpt == "at Finish, Turn"
    pool.chips({"999": "101"})
    assert pool.meet().quarantine() == []


def test_an_unknown_chip_that_is_read_again_is_counted_in_a_running_meet() -> None:
    pool = Pool()
    pool.load(heat("1", 1, 1, {1: "101"}))
    pool.passes(0, "999")
    meet = pool.meet()
    assert [q.count for q in meet.quarantine()] == [1]
    pool.hear(read(0, "999"), read(700, "999"))
    meet.feed(pool.log.read(meet.position))
    meet.settle()
    assert [q.count for q in meet.quarantine()] == [2]


def test_a_connection_in_an_unknown_language_is_quarantined_not_lost() -> None:
    pool = Pool()
    pool.add("mat", "socket.opened", c=7, protocol="tsv9", role="client", peer="10.0.0.9:1")
    pool.add("mat", "socket.read", b"whatever", c=7)
    pool.add("mat", "socket.read", b"whatever", c=8)
    [entry] = pool.meet().quarantine()
    assert entry.reason == "bytes of a connection in a language unknown to this version"
    assert entry.count == 2


@pytest.mark.parametrize(
    ("kind", "meta", "body"),
    [
        (RESULT_PUBLISHED, pack_meta(session="1"), b"{}"),
        (RESULT_PUBLISHED, pack_meta(session=1, event=[], heat="x"), b"{}"),
        (STATEMENT, pack_meta(), b'{"verb":"of-a-newer-meetlog","author":"x"}'),
        (STATEMENT, pack_meta(), b"\xff"),
        (STATEMENT, pack_meta(), b'{"verb":"\xb1"}'),
        (STATEMENT, pack_meta(), b'{"verb":"dq","x":' + b"[" * 100_000),
        (SOCKET_OPENED, pack_meta(protocol="tsv1"), b""),
        (SOCKET_OPENED, pack_meta(c=2**63, protocol="tsv1"), b""),
        (SOCKET_READ, pack_meta(c=[1]), b"[]\r"),
        (SOCKET_READ, b"\x81\xa1", b"[]\r"),
        (SOCKET_CLOSED, pack_meta(), b""),
        (FILE_CHANGED, pack_meta(path=7), b"{}"),
        (FILE_CHANGED, b"\x82\xa4path\xa1a\xa1\xb1\x01", b"{}"),
        (FILE_REMOVED, pack_meta(mtime=0), b""),
        (STATUS_PUBLISHED, pack_meta(name="time_drops_status.json"), b"{}"),
        (RELAY_QUEUED, pack_meta(before=0), b"\x92\x90\x90"),
        (RELAY_SENT, pack_meta(c="x"), b""),
    ],
)
def test_a_decision_or_statement_that_is_none_stops_no_fold(
    kind: str, meta: bytes, body: bytes
) -> None:
    log = MemoryLog()
    log.append([Draft("meetlog", kind, meta, body)])
    log.append([Draft("meetlog", APP_STARTED, pack_meta(version="1"))])
    meet = fold(log)
    meet.settle()
    assert meet.position == 2
    (entry,) = meet.quarantine()
    assert entry.position == 1
    assert "not a" in entry.reason


def test_settings_whose_event_is_none_are_in_force_for_nobody() -> None:
    log = MemoryLog()
    log.append([Draft("settings", FILE_CHANGED, pack_meta(mtime=0), SWIM.encode())])
    meet = Meet()
    meet.feed(log.read())
    meet.settle()
    assert fold(log).settings == meet.settings == DEFAULTS
