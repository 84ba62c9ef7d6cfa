"""What must hold, each promise a function that raises `Broken` when it does not.

Those of the first part are asked at the very step at which they could be
broken; those of the second whenever a process has ended; those of the third
when everything has settled.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from unittest.mock import patch

from ingest.folder import FOLDER_SOURCE
from meetlog.replay import replay
from meetlog.subjects import subject_of
from projections import crossed, intake
from projections.folding import fold
from projections.meet import Meet
from projections.relayed import Item, ItemKind
from store.event import FILE_CHANGED, Event, meta_of
from store.log import Log
from store.verify import verify
from tests.simulation.disk import TABLES, Rows, rows_for
from tests.simulation.evidence import Evidence
from tests.simulation.meet import FEEDS, RULES
from tests.simulation.network import WINDOW, Cable
from tests.simulation.peers import CtpProgram, Program, TsvProgram
from tests.whole.oracle import Crossed, Row, crossings
from wire.ctp01_shelf import seq_of
from wire.reads import RawRead
from wire.stamps import format_iso, parse_iso
from wire.statements import AnyStatement
from wire.tsv1 import Decoder as TsV1
from wire.tsv2 import Decoder as TsV2

# Far more than a few connections can have waiting; what passes it grows without end.
MOST_PENDING = 4 * 1024 * 1024
MOST_TASKS = 400


class Broken(AssertionError):  # noqa: N818 - what has become of a promise
    """A promise was broken: what was seen, and what should have been."""


def require(holds: bool, what: str) -> None:
    """Raise `Broken` unless it holds."""
    if not holds:
        raise Broken(what)


# -- at each step --------------------------------------------------------------


def what_was_received_is_durable_before_more_is(evidence: Evidence, cable: Cable) -> None:
    """When the hub asks a connection for more, all that it was given there is in the log."""
    had = evidence.read.get(cable.name, b"")
    require(
        had == cable.delivered,
        f"{cable.name}: more is asked for with {len(had)} of {len(cable.delivered)} bytes durable",
    )


def what_is_said_to_a_source_is_durable_first(
    evidence: Evidence, cable: Cable, said: bytearray
) -> None:
    """What a timing system is told, acknowledgements above all, is in the log before it leaves."""
    require(
        evidence.sent.get(cable.name, b"")[: len(said)] == said,
        f"{cable.name}: {bytes(said[-80:])!r} was sent before it was durable",
    )


class RelayedBytes:
    """What one connection of a relay sends, looked at as it is sent."""

    def __init__(self, protocol: str, relay: str) -> None:
        self.protocol = protocol
        self.relay = relay
        self._decoder = TsV1() if protocol == "tsv1" else TsV2()
        self._rest = b""

    def what_is_relayed_was_decided_first(
        self, evidence: Evidence, cable: Cable, data: bytes
    ) -> None:
        """Each item that leaves is in a durable decision, and what else is said is in the log."""
        if self.protocol != "ctp01":
            known = evidence.keys[self.relay]
            for read in self._decoder.feed(data):
                require(isinstance(read, RawRead), f"{cable.name}: {read!r} was sent")
                assert isinstance(read, RawRead)
                moment = parse_iso(read.utc_moment or read.moment).wall
                key = read.type, read.timing_point, str(read.chip), moment
                require(key in known, f"{cable.name}: {key} was sent before it was decided")
            return
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        places: dict[str, list[Item]] = {}
        for item in evidence.items[self.relay]:
            places.setdefault(item.location, []).append(item)
        said = bytes(evidence.sent.get(cable.name, b"")).split(b"\r\n")
        for line in lines:
            if not line.startswith(b"CT01_33~"):
                require(line in said, f"{cable.name}: {line!r} was sent before it was durable")
                continue
            _, seq, location, tag, *_ = line.decode().split("~")
            place = int(seq)
            items = places.get(location, [])
            require(
                place <= len(items) and (items[place - 1].tag or tag) == tag,
                f"{cable.name}: {line!r} was sent before it was decided",
            )


def what_is_published_was_decided_first(evidence: Evidence, name: str, data: bytes) -> None:
    """A file appears in the folder only when the decision on these very bytes is durable."""
    require(
        (name, sha256(data).hexdigest()) in evidence.published,
        f"{name} was written before its decision was durable",
    )


def revisions_increase(evidence: Evidence) -> None:
    """The revisions of a race go up in the order of the log: none twice, none with two contents."""
    for race, revisions in evidence.revisions.items():
        require(
            all(a < b for a, b in pairwise(revisions)), f"{race}: revisions {revisions} were made"
        )


def own_files_are_not_taken_in(evidence: Evidence, events: Sequence[Event]) -> None:
    """A file that we published is never recorded as one that somebody else wrote."""
    for event in events:
        if event.kind == FILE_CHANGED and event.source == FOLDER_SOURCE:
            name = str(meta_of(event)["path"])
            require(
                (name, sha256(event.body).hexdigest()) not in evidence.published,
                f"{name}, which we published, was taken for somebody else's",
            )


def memory_is_bounded(pending: int, cables: list[Cable], tasks: int) -> None:
    """What waits for the log, what waits in a connection, and who is at work: all have bounds."""
    require(pending <= MOST_PENDING, f"{pending} bytes wait for the log")
    for cable in cables:
        size = max(cable.to_hub.size, cable.to_peer.size)
        require(size <= WINDOW, f"{cable.name}: {size} bytes wait")
    require(tasks <= MOST_TASKS, f"{tasks} tasks")


# -- whenever a process has ended -------------------------------------------------


def bodies_are_what_was_received(
    evidence: Evidence, cables: list[Cable], lost: Mapping[str, int]
) -> None:
    """Joined per connection, bodies are the bytes received; only the last piece may be missing.

    `lost` gives the size of that piece where the process crashed, or stopped
    while the log could not be written.
    """
    for cable in cables:
        had, given = bytes(evidence.read.get(cable.name, b"")), bytes(cable.delivered)
        missing = len(given) - len(had)
        require(
            given.startswith(had) and missing in (0, lost.get(cable.name, 0)),
            f"{cable.name}: the log has {len(had)} of {len(given)} bytes,"
            f" and they {'agree' if given.startswith(had) else 'differ'}",
        )


def folded_at_once(log: Log, until: int) -> Meet:
    """The meet as of an event, folded from nothing with as many reads at once as there are.

    A long log is folded so; the house, which takes in what comes live, folds one by one.
    """
    with patch.object(intake, "MUCH", 1), patch.object(crossed, "MANY", 1):
        meet = fold(log, until)
        meet.settle()
        return meet


def folding_on_equals_folding_anew(meet: Meet, anew: Meet) -> None:
    """The meet as it was kept up equals the one that is folded from nothing, up to there."""
    anew.settle()
    require(meet.position == anew.position, f"{meet.position} and {anew.position} are compared")
    for name, kept, made in zip(VIEWS, views(meet), views(anew), strict=True):
        require(kept == made, f"{name} as of {meet.position} were {kept}, and are {made} anew")


VIEWS = ("crossings", "races", "revisions", "sources", "relays", "quarantine", "alarms", "heats")


def views(meet: Meet) -> list[object]:
    """Everything that a settled meet shows."""
    return [
        meet.crossings(), meet.races(), meet.revisions(), meet.sources(), meet.relays(),
        meet.quarantine(), meet.alarms(), (meet.current_race(), meet.next_race()),
    ]  # fmt: skip


def a_statement_is_about_what_was_seen(log: Log, statement: AnyStatement, position: int) -> None:
    """A statement that was made stands after the very state that its author had looked at."""
    then, now = fold(log, statement.seen), fold(log, position - 1)
    then.settle()
    now.settle()
    seen, found = subject_of(then, statement), subject_of(now, statement)
    require(
        seen == found,
        f"a statement was made at {position} about {found}, and its author saw {seen}",
    )


# -- when everything has settled --------------------------------------------------


def the_chain_holds(log: Log) -> None:
    """Each event follows the one before by its hash."""
    found = verify(log)
    require(found.ok, f"{found}")


def crossings_are_the_oracles(meet: Meet, rows: list[Row]) -> None:
    """The crossings of all that was told, worked out the plain way, are the meet's."""
    found = [
        Crossed(c.chip, c.point, c.moment_ns, c.first_ns, c.last_ns, c.reads, c.feed)
        for c in meet.crossings()
    ]
    expected = crossings(rows, FEEDS, RULES)
    require(found == expected, f"the crossings are {found}, and should be {expected}")


def files_are_what_was_decided(evidence: Evidence, files: Mapping[str, bytes]) -> None:
    """The result files in the folder are those of the log, byte for byte, and no other."""
    require(
        dict(files) == evidence.documents,
        f"the folder has {sorted(files)}, and the log {sorted(evidence.documents)}",
    )


def read_tables_are_what_a_fold_writes(rows: Rows, anew: Meet) -> None:
    """The read tables, kept up over all that happened, are those of a fold from nothing."""
    for table, kept, made in zip(TABLES, rows, rows_for(anew), strict=True):
        require(kept == made, f"{table.name} has {kept}, and should have {made}")


def replay_makes_the_same(log: Log) -> None:
    """Whatever was published is made again from the log, to the byte."""
    for each in replay(log):
        report = each.report
        require(report.identical, f"{report.name}: {report.difference}")


def scoring_programs_have_everything(evidence: Evidence, programs: Mapping[str, Program]) -> None:
    """Each scoring program got each item of its relay, at least once."""
    for name, program in programs.items():
        missing = missing_items(evidence, name, program)
        require(not missing, f"{name}: {program.relay.program} never got {sorted(missing)[:5]}")


def missing_items(evidence: Evidence, name: str, program: Program) -> set[tuple[object, ...]]:
    """The items of a relay that its program has not got yet."""
    items = evidence.items[name]
    if isinstance(program, TsvProgram):
        wanted: set[tuple[object, ...]] = {
            (i.kind, i.location, i.tag, format_iso(i.moment, 7, "Z"))
            for i in items
            if i.kind != ItemKind.LOCATION
        }
        return wanted - {(kind, at, chip or "", stamp) for kind, at, chip, stamp in program.got}
    assert isinstance(program, CtpProgram)
    places: dict[str, int] = {}
    lines: set[tuple[object, ...]] = set()
    for item in items:
        place = places[item.location] = places.get(item.location, 0) + 1
        if item.kind == ItemKind.LOCATION or (not item.tag and not program.peer.guns):
            continue
        lines.add((item.location, seq_of(place), item.tag or "guntime"))
    return lines - program.peer.has()


def relays_queue_what_was_read(evidence: Evidence, name: str, rows: list[Row]) -> None:
    """A relay of reads has each distinct best-seen read in its stream."""
    queued = {
        (i.location, i.tag, i.moment) for i in evidence.items[name] if i.kind == ItemKind.BEST_SEEN
    }
    told = {(row.feed, row.chip, row.moment) for row in rows}
    require(queued == told, f"{name}: {sorted(queued ^ told)[:5]} differ from what was told")
