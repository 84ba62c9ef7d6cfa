"""Targets: whole logs, of events as another program or a capsule may have put there."""

from collections.abc import Iterable
from pathlib import Path
from random import Random
from zlib import crc32

import msgspec

from exporters.documents import owners, race_key, result_documents
from meetlog.auditing import audit, gather
from meetlog.capsule.masking import Masker
from meetlog.opening import OpenMeet, Place
from meetlog.protests import page_of
from projections.folding import fold, follow
from projections.meet import Meet
from store import event as ev
from store.event import Draft, Event, meta_of, pack_meta
from store.forms import misfit
from store.memory import MemoryLog
from tests.fuzz.target import Target
from wire import timedrops
from wire.errors import WireError
from wire.timedrops import encode_result, parse_result, result_name

KINDS = (
    ev.SOCKET_READ, ev.SOCKET_OPENED, ev.SOCKET_CLOSED, ev.SOCKET_SENT, ev.FILE_CHANGED,
    ev.FILE_REMOVED, ev.STATEMENT, ev.STATEMENT_REFUSED, ev.RESULT_PUBLISHED, ev.STATUS_PUBLISHED,
    ev.RELAY_QUEUED, ev.RELAY_SENT, ev.APP_STARTED, ev.APP_STOPPED, ev.LEFT_OUT, "of.tomorrow",
)  # fmt: skip
SOURCES = ("mat", "loop", "chrono", "folder", "settings", "operator", "meetlog", "scoring")
_PROTOCOLS = {"mat": "tsv1", "loop": "tsv2", "chrono": "ctp01", "scoring": "tsv2"}
_PATHS = ("meet_program.json", "time_drops_status.json", "chips.csv",
          "Session67_Event_1_Heat1_Race1_1.json")  # fmt: skip
_SHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_BEGIN = 1_781_420_340  # seconds since 1970: 08:59 at the pool of `tests.kit.meets`
_MOST_EVENTS = 48
_HEAD = 6


def write_events(events: Iterable[Event]) -> bytes:
    """An input that stands for a log, which `log_of` makes of it again as far as there is room."""
    out, before = bytearray(), _BEGIN
    for event in events:
        second = event.recorded_at // 10**9
        if event.source in SOURCES and len(event.meta) < 256 and len(event.body) < 1 << 16:
            out += bytes((KINDS.index(event.kind), SOURCES.index(event.source),
                          min(255, max(0, second - before)), len(event.meta)))  # fmt: skip
            out += len(event.body).to_bytes(2, "big") + event.meta + event.body
        before = second
    return bytes(out)


def log_of(data: bytes) -> MemoryLog:
    """The log that an input stands for.

    Of each event: its kind, source, seconds since the one before, and how long meta (1 byte) and
    body (2) are, then both. Without a meta it has the usual one of its kind.
    """
    now = _BEGIN
    log = MemoryLog(clock=lambda: now * 10**9)
    at = 0
    for _ in range(_MOST_EVENTS):
        if at + _HEAD > len(data):
            break
        kind = KINDS[data[at] % len(KINDS)]
        source = SOURCES[data[at + 1] % len(SOURCES)]
        now += data[at + 2]
        meta_end = at + _HEAD + data[at + 3]
        end = meta_end + int.from_bytes(data[at + 4 : at + _HEAD], "big")
        meta, body = data[at + _HEAD : meta_end], data[meta_end:end]
        at = end
        log.append([Draft(source, kind, _meta(kind, source, meta, len(body)), body)])
    return log


def _meta(kind: str, source: str, meta: bytes, size: int) -> bytes:
    if meta:
        return meta
    match kind:
        case ev.SOCKET_OPENED:
            protocol = _PROTOCOLS.get(source, "tsv1")
            return pack_meta(c=1, protocol=protocol, role="client", peer="10.0.0.9:1")
        case ev.SOCKET_READ | ev.SOCKET_SENT:
            return pack_meta(c=1)
        case ev.SOCKET_CLOSED:
            return pack_meta(c=1, reason="the peer closed the connection")
        case ev.FILE_CHANGED | ev.FILE_REMOVED:
            path = "meet.toml" if source == "settings" else _PATHS[size % len(_PATHS)]
            return pack_meta(path=path, mtime=0, size=size)
        case ev.RESULT_PUBLISHED:
            return pack_meta(
                session="67", event="1", heat=1, race_number=1, revision=1 + size % 3,
                name=result_name("67", "1", 1, 1, 1 + size % 3), sha256=_SHA, as_of=1,
                cause="reads", author="meetlog", reason="",
            )  # fmt: skip
        case ev.STATUS_PUBLISHED:
            return pack_meta(name="time_drops_status.json", sha256=_SHA, as_of=1, cause="start")
        case ev.RELAY_QUEUED:
            return pack_meta(as_of=1, before=0, items=1, crossings=False)
        case ev.RELAY_SENT:
            return pack_meta(c=1, peer="10.0.0.9:1", through=1, safe=1, sent=1, again=0)
        case _:
            return pack_meta()


def _views(meet: Meet) -> dict[str, object]:
    """All that people see."""
    meet.settle()
    return {
        "settings": meet.settings,
        "crossings": meet.crossings(),
        "races": meet.races(),
        "starts": meet.starts(),
        "next": meet.next_race(),
        "current": meet.current_race(),
        "revisions": meet.revisions(),
        "quarantine": meet.quarantine(),
        "alarms": meet.alarms(),
        "sources": meet.sources(),
        "relays": meet.relays(),
        "points": meet.points(),
        "resume": meet.state.resume,
        "files": meet.state.files,
    }


def check_fold(data: bytes) -> None:
    """Any log folds; folded bit by bit, saved and loaded in between, it is the same meet."""
    log = log_of(data)
    head = log.head().position
    whole = _views(fold(log))
    random = Random(crc32(data))
    meet = Meet()
    while meet.position < head:
        meet = follow(meet, log, random.randint(1, 5))
        match random.randrange(4):
            case 0:
                meet = Meet.load(meet.save())
            case 1:
                meet.settle()
    again = _views(meet)
    assert again == whole, [name for name in whole if again[name] != whole[name]]
    for value in whole.values():
        if isinstance(value, list):
            msgspec.json.encode(value)  # every view can be told


def check_papers(data: bytes) -> None:
    """Of any log there are documents that read back, an audit, and a page whose names are text."""
    log = log_of(data)
    meet = fold(log)
    meet.settle()
    opened = OpenMeet(log, meet, Place(Path("meet.db")), "")
    papers = gather(log, meet)
    revisions = audit(meet, papers)
    races = meet.races()
    owner = owners(races)
    for race in races[:3]:
        for document in result_documents(race, meet.settings.meet.zone, owner):
            written = encode_result(document)
            assert encode_result(parse_result("other.json", written)) == written
        key = race_key(race)
        about = [r for r in revisions if (r.session, r.event, r.heat) == key]
        page = page_of(opened, papers, race, about)
        assert "<script" not in page.casefold()
        assert all(c.isprintable() or c == "\n" for c in page)


def check_masked(data: bytes) -> None:
    """Any event can be masked and keeps its form; what a program tells of people is gone."""
    log = log_of(data)
    events = log.read(0, _MOST_EVENTS)
    if not events or any(misfit(event.kind, event.meta) for event in events):
        return
    masker = Masker(log, events[-1].position)
    for event in events:
        meta, body = masker.mask(event)
        assert not misfit(event.kind, meta)
        if event.kind == ev.FILE_CHANGED and meta_of(event)["path"] == timedrops.PROGRAM_FILE:
            for swimmer in _people(body):
                assert (swimmer.first_name, swimmer.age) == ("Swimmer", 0)


def _people(body: bytes) -> tuple[timedrops.Swimmer, ...]:
    try:
        return timedrops.parse_program(body).swimmers
    except WireError:
        return ()


TARGETS = {
    "fold": Target(check_fold, longest=8192),
    "masked": Target(check_masked, longest=8192),
    "papers": Target(check_papers, longest=8192),
}
