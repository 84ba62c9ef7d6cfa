"""The races that the benches time: made up, seeded, and shaped like recorded ones.

A lap race: four points, each passing a first-seen read and then best-seen
ones from neighbouring antennas, stamps of seven digits. Reads of different
people mix, one in twenty comes up to six seconds late, and one in ten is a
copy of an earlier one (PROTOCOLS 1.4 has the recorded figures).
"""

import heapq
import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from store.event import FILE_CHANGED, SOCKET_OPENED, SOCKET_READ, Draft, pack_meta
from store.sqlite import SqliteLog
from wire.settings_file import parse
from wire.stamps import NS
from wire.timedrops import (
    PROGRAM_FILE,
    Heat,
    LaneEntry,
    Program,
    ProgramEvent,
    Session,
    Swimmer,
    encode_program,
)

PARTICIPANTS = 5_000
WAVE = 500  # participants that start together
WAVE_EVERY = 120 * NS
POINTS = ("North", "Bridge", "South", "Finish")
READS_A_PASSING = 5
HOURS = 4  # how long the race lasts for a million reads
RESENDS = 0.1
SOURCE = "finish-mat"
ZONE_OFFSET = 2 * 3600 * NS  # Oslo in April
MIDNIGHT = 1_776_808_800 * NS  # of 2026-04-22 in Oslo, UTC
START = MIDNIGHT + 8 * 3600 * NS

Arrival = tuple[int, bytes]  # when it arrived (ns UTC), and the message
Message = Callable[..., bytes]  # see `message`


def first_chip(participant: int) -> int:
    """The number of a participant's chip."""
    return 100_000 + participant


def stamp(moment: int) -> bytes:
    """`moment`, ns UTC, as Oslo's wall clock, with the seven digits that TsConnector writes."""
    ticks = (moment - MIDNIGHT) // 100
    seconds, fraction = divmod(ticks, 10_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return b"2026-04-%02dT%02d:%02d:%02d.%07d" % (22 + days, hour, minute, second, fraction)


def message(chip: int, moment: int, point: str, kind: int = 2, antenna: int = 1) -> bytes:
    """One TsV1 message with one read; `moment` is ns UTC."""
    return (
        b'[{"Chip":%d,"Moment":"%bZ","TimingPoint":"%b",'
        b'"Type":%d,"Antenna":%d,"Source":"Reader-01"}]\r'
        % (chip, stamp(moment), point.encode(), kind, antenna)
    )


def tsv2_message(chip: int, moment: int, point: str, kind: int = 2, antenna: int = 1) -> bytes:
    """The same in TsV2, with all that a reader of UHF chips tells."""
    return (
        b'[{"Chip":"%d","Moment":"%bZ","UtcMoment":"%bZ","TimingPoint":"%b","Type":%d,'
        b'"Antenna":%d,"Source":"12009E","Rssi":%d,"Epc":"E2801160000000000%07d"}]\r'
        % (
            *(chip, stamp(moment), stamp(moment - ZONE_OFFSET), point.encode(), kind),
            *(antenna, -80 + chip % 40, chip),
        )
    )


def ctp01_lines() -> Message:
    """The same in CTP01: a line each, numbered, with `time-format=iso`, in hundredths."""
    numbers = itertools.count(1)

    def line(chip: int, moment: int, point: str, kind: int = 2, antenna: int = 1) -> bytes:
        tag = b"%d" % chip if kind else b"guntime"
        told = (next(numbers), point.encode(), tag, stamp(moment)[:22], antenna)
        return b"CT01_33~%d~%b~%b~%b~0~12009E~%d\r\n" % told

    return line


def arrivals(
    count: int,
    *,
    participants: int = PARTICIPANTS,
    resends: float = RESENDS,
    hours: int = HOURS,
    seed: int = 1,
    write: Message = message,
) -> Iterator[Arrival]:
    """`count` reads in the order of their arrival, guns first; a share `resends` are copies."""
    waves = -(-participants // WAVE)
    guns = [
        (START + w * WAVE_EVERY, write(0, START + w * WAVE_EVERY, "Finish", 0))
        for w in range(waves)
    ]
    yield from islice(guns, count)
    yield from islice(
        _mixed(count, participants, resends, hours * 3600 * NS, random.Random(seed), write),
        max(0, count - waves),
    )


def _mixed(  # noqa: PLR0917 - the same as above, all given
    count: int,
    participants: int,
    resends: float,
    length: int,
    chance: random.Random,
    write: Message,
) -> Iterator[Arrival]:
    late: list[Arrival] = []
    for moment, chip, point in _passings(count, participants, length, chance):
        for kind, at, antenna in _detections(moment, chance):
            read = write(chip, at, point, kind, antenna)
            arrival = at + 80_000_000
            while late and late[0][0] <= arrival:
                yield heapq.heappop(late)
            if chance.random() < 0.05:
                heapq.heappush(late, (arrival + chance.randrange(6 * NS), read))
            else:
                yield arrival, read
            if chance.random() < resends / (1 - resends):
                heapq.heappush(late, (arrival + chance.randrange(NS, 300 * NS), read))
    while late:
        yield heapq.heappop(late)


def _passings(
    count: int, participants: int, length: int, chance: random.Random
) -> list[tuple[int, int, str]]:
    """Enough passings for `count` reads over `length` ns: moment, chip and point, by moment."""
    each = count // (participants * READS_A_PASSING) + 2
    found = []
    for participant in range(participants):
        gun = START + participant // WAVE * WAVE_EVERY
        pace = int(length / each * chance.uniform(0.8, 1.0))
        found += [
            (
                gun + n * pace + chance.randrange(pace // 20 + 1),
                first_chip(participant),
                POINTS[(n - 1) % len(POINTS)],
            )
            for n in range(1, each + 1)
        ]
    found.sort()
    return found


def _detections(moment: int, chance: random.Random) -> Iterator[tuple[int, int, int]]:
    antenna = chance.randrange(1, 8)
    yield 1, moment // 100 * 100, antenna
    for n in range(1, READS_A_PASSING):
        at = moment + n * 300_000_000 + chance.randrange(200_000_000)
        yield 2, at // 100 * 100, antenna + (n & 1)


def settings_text(port: int = 7701, more: str = "", protocol: str = "tsv1") -> bytes:
    """A `meet.toml` for these races."""
    role = "" if protocol == "ctp01" else 'role = "client"\n'
    points = "".join(f'[[point]]\nname = "{name}"\n' for name in POINTS)
    return (
        f'[meet]\nname = "Bench"\nzone = "Europe/Oslo"\n{more}'
        f'[[source]]\nname = "{SOURCE}"\nprotocol = "{protocol}"\n{role}port = {port}\n'
        f'{points}[[course]]\nlegs = [{{point = "North", distance = 100}}, '
        '{point = "Bridge", distance = 200}, {point = "South", distance = 300}, '
        '{point = "Finish", distance = 400}, {point = "Finish", distance = 800, passing = 2}]\n'
    ).encode()


def program(participants: int, wave: int, event: str = "1", first: int = 0) -> bytes:
    """A program of one event in which heats of `wave` swimmers follow each other."""
    ids = [str(first + n) for n in range(participants)]
    heats = tuple(
        Heat(
            event,
            number,
            number,
            tuple(LaneEntry(lane, (id_,)) for lane, id_ in enumerate(ids[at : at + wave], 1)),
        )
        for number, at in enumerate(range(0, participants, wave), 1)
    )
    session = Session("1", 1, current=True, events=(ProgramEvent(event, "Laps"),), heats=heats)
    swimmers = tuple(Swimmer(id_, "Kim", f"Number {id_}") for id_ in ids)
    return encode_program(Program(meet_name="Bench", sessions=(session,), swimmers=swimmers))


def chip_table(participants: int) -> bytes:
    """Which chip is on whom."""
    rows = (f"{first_chip(n)},{n}\n" for n in range(participants))
    return ("chip,swimmer\n" + "".join(rows)).encode()


def write_log(
    path: Path,
    reads: Iterable[Arrival],
    per_event: int,
    *,
    participants: int = PARTICIPANTS,
    protocol: str = "tsv1",
    port: int = 7701,
) -> int:
    """A log of a race with `per_event` reads in each event; returns how many reads it holds.

    The reads are those of `arrivals` in the language of `protocol`.
    """
    now = START - 60 * NS
    body = settings_text(port, protocol=protocol)
    parse(body)
    log = SqliteLog(path, clock=lambda: now)
    log.append(
        [
            Draft("settings", FILE_CHANGED, pack_meta(path="meet.toml", mtime=0), body),
            _file(PROGRAM_FILE, program(participants, WAVE)),
            _file("chips.csv", chip_table(participants)),
            Draft(SOURCE, SOCKET_OPENED, pack_meta(c=1, protocol=protocol, role="", peer="")),
        ]
    )
    if protocol == "ctp01":
        greeting = b"Bench~1~CTP01\r\nack~getconnectionid~bench\r\n"
        log.append([Draft(SOURCE, SOCKET_READ, pack_meta(c=1), greeting)])
    meta = pack_meta(c=1)
    total = 0
    reads = iter(reads)
    while some := list(islice(reads, 10_000)):
        total += len(some)
        now = some[-1][0]
        pieces = [
            b"".join(read for _, read in some[at : at + per_event])
            for at in range(0, len(some), per_event)
        ]
        log.append([Draft(SOURCE, SOCKET_READ, meta, piece) for piece in pieces])
    log.close()
    return total


def _file(path: str, body: bytes) -> Draft:
    return Draft("folder", FILE_CHANGED, pack_meta(path=path, mtime=0), body)
