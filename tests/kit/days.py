"""Invented days at a pool, for properties: anything may be said at any time, in any order."""

from collections.abc import Callable

from hypothesis import strategies as st

from store.event import APP_STARTED, STATUS_PUBLISHED
from tests.kit import relay_deeds
from tests.kit.meets import SWIM, Pool, heat, read, result
from wire.ctp01_messages import Blank, DataLine
from wire.ctp01_messages import encode as encode_ctp01
from wire.timedrops import LaneEntry, ResultLane, encode_result
from wire.tsv1 import encode as encode_tsv1
from wire.tsv2 import encode as encode_tsv2

Deed = Callable[[Pool], object]

CHIPS = ("101", "0102", "102", "7", "007", "X9", "555")
PROGRAMS = (
    (heat("1", 1, 1, {1: "101", 2: "102"}), heat("1", 2, 2, {1: "103", 2: ("101", "104")})),
    (heat("1", 1, 1, {1: "102", 2: "101"}), heat("2", 1, 2, {3: "0103", 4: LaneEntry(4)})),
    (heat("1", 2, 1, {1: "007"}), heat("1", 3, 2, {1: LaneEntry(1, ("101",), event="3")})),
)
TABLES = ({"7": "101", "X9": "102"}, {"007": "102", "7": "103"}, {"0102": "104", "555": "7"})
SETTINGS = (
    SWIM,
    SWIM.replace("[meet]", '[meet]\nrounding = "up-second"\ngun_window = "1s"'),
    SWIM.replace('zone = "Europe/Berlin"', 'zone = "America/New_York"'),
    SWIM.replace('name = "Turn"', 'name = "Turn"\nfeeds = ["Finish"]\ngap = "3s"').replace(
        'feeds = ["Finish", {', "feeds = [{"
    ),
    SWIM + '[folder]\nchips = "other.csv"\n',
    SWIM.replace('protocol = "tsv2"', 'protocol = "tsv2"\nclock = "utc"'),
    SWIM + relay_deeds.RELAYS,
    SWIM.replace('zone = "Europe/Berlin"', 'zone = "America/New_York"') + relay_deeds.RELAYS,
    "nothing = that can be read",
)
GARBAGE = (
    b"[{oops\r",
    b"\x00\xff\r\n",
    b'{"Chip":',
    b"CT01_33~x~y\r\n",
    b'[{"Chip":1}]\r',
    b"]]\n",
)

_ms = st.integers(0, 240).map(lambda tick: tick * 500)
_chip = st.sampled_from(CHIPS)
_point = st.sampled_from(["Finish", "Backup", "Turn", "Elsewhere"])
_source = st.sampled_from(["mat", "loop", "chrono"])
_race = st.sampled_from([("1", 1), ("1", 2), ("2", 1), ("9", 9)])


def encode_result_of(event: str, number: int) -> bytes:
    """A console's result of a race of this event and heat."""
    return encode_result(result(event, number, ResultLane(1, 2999)))


def _reads(ms: int, chip: str, point: str, kind: int, source: str) -> Deed:
    def told(pool: Pool) -> None:
        if source == "chrono":
            pool.line(ms, chip, point)
        else:
            pool.hear(read(ms, "" if kind == 0 else chip, point, kind), source=source)

    return told


def _in_pieces(ms: int, chips: list[str], at: int, source: str) -> Deed:
    """A message that arrives in two pieces, whatever comes between them."""

    def told(pool: Pool) -> None:
        encode = encode_tsv1 if source == "mat" else encode_tsv2
        message = encode(read(ms + n * 500, chip) for n, chip in enumerate(chips))
        cut = min(at, len(message))
        pool.receive(message[:cut], source)
        pool.line(ms)
        if source in pool.open:
            pool.receive(message[cut:], source)

    return told


def _lines(seqs: list[int], location: str) -> Deed:
    def told(pool: Pool) -> None:
        lines = [
            Blank("CT01_33", seq, location)
            if seq % 5 == 0
            else DataLine("CT01_33", seq, location, "newlocation" if seq == 1 else "101",
                          f"{9 + seq % 100}:00:0{seq % 10}.25", 1, "AB", 1)
            for seq in seqs
        ]  # fmt: skip
        pool.receive(b"".join(map(encode_ctp01, lines)), "chrono")

    return told


def _console(race: tuple[str, int], revision: int, cs: int, empty: bool) -> Deed:
    lanes = (ResultLane(1, cs), ResultLane(2, None, timers_cs=(cs, cs + 9, None), empty=empty))
    return lambda pool: pool.console(*race, *lanes, revision=revision)


def _published(race: tuple[str, int], revision: int, edited: bool) -> Deed:
    def told(pool: Pool) -> None:
        body = b"the document"
        name = pool.publish(*race, body, revision)
        if edited:
            pool.file(name, body)

    return told


def _restart(pool: Pool) -> None:
    pool.add("meetlog", APP_STARTED)
    pool.open.clear()


def _reconnect(source: str) -> Deed:
    def told(pool: Pool) -> None:
        if source in pool.open:
            pool.disconnect(source)
        else:
            pool.connect(source)

    return told


def _status(pool: Pool) -> None:
    pool.add("meetlog", STATUS_PUBLISHED, b"{}", name="time_drops_status.json", sha256="0" * 64)


def _wait(seconds: int) -> Deed:
    def told(pool: Pool) -> None:
        pool.now += seconds * 1_000_000_000

    return told


_statement = st.one_of(
    st.builds(lambda r, ms: lambda p: p.start(*r, ms), _race, _ms),
    st.builds(lambda r, ms: lambda p: p.recall(*r, ms), _race, _ms),
    st.builds(lambda r: lambda p: p.close(*r), _race),
    st.builds(lambda r: lambda p: p.reopen(*r), _race),
)
_file = st.one_of(
    st.sampled_from(PROGRAMS).map(lambda heats: lambda p: p.load(*heats)),
    st.sampled_from(PROGRAMS).map(lambda heats: lambda p: p.load(*heats, session="68", number=2)),
    st.sampled_from(TABLES).map(lambda table: lambda p: p.chips(table)),
    st.sampled_from(TABLES).map(
        lambda t: lambda p: p.file("other.csv", f"chip,swimmer\n{next(iter(t))},101\n".encode())
    ),
    st.sampled_from(SETTINGS).map(lambda t: lambda p: p.file("meet.toml", t.encode(), "settings")),
    st.builds(lambda r: lambda p: p.call(*r), _race),
    st.builds(_console, _race, st.integers(0, 3), st.integers(3000, 3001), st.booleans()),
    st.builds(_published, _race, st.integers(1, 3), st.booleans()),
    st.sampled_from(["meet_program.json", "chips.csv", "Session67_Event_1_Heat1_Race1_1.json"])
    .flatmap(lambda name: st.sampled_from([b"{", encode_result_of("1", 1), b""])
             .map(lambda body: lambda p: p.file(name, body))),
    st.just(lambda p: p.remove("chips.csv")),
)  # fmt: skip
_wire = st.one_of(
    st.builds(_reads, _ms, _chip, _point, st.sampled_from([0, 1, 2, 2, 2]), _source),
    st.builds(_reads, _ms, st.just(""), st.just("Finish"), st.just(0), st.just("mat")),
    st.builds(_in_pieces, _ms, st.lists(_chip, min_size=1, max_size=3), st.integers(1, 300),
              st.sampled_from(["mat", "loop"])),
    st.builds(_lines, st.lists(st.integers(1, 12), min_size=1, max_size=5),
              st.sampled_from(["Finish", "10k"])),
    st.builds(lambda ms: lambda p: p.line(ms), _ms),
    st.sampled_from(["id1", "id2"]).map(lambda name: lambda p: p.connection_id(name)),
    st.builds(lambda body, source: lambda p: p.receive(body, source), st.sampled_from(GARBAGE),
              _source),
)  # fmt: skip
_life = st.one_of(
    st.builds(_reconnect, _source),
    st.just(_restart),
    st.just(_status),
    st.integers(1, 5000).map(_wait),
)


_relayed = st.one_of(relay_deeds.connections, relay_deeds.decisions)
_unrelayed: st.SearchStrategy[Deed] = st.one_of(_wire, _wire, _wire, _file, _statement, _life)
deed: st.SearchStrategy[Deed] = st.one_of(_wire, _wire, _wire, _file, _statement, _life, _relayed)


def _lively(size: int, deed: st.SearchStrategy[Deed] = deed) -> st.SearchStrategy[list[Deed]]:
    """Without a program, a gun and some reads of its swimmers little would come of a day."""
    some: list[st.SearchStrategy[Deed]] = [
        st.sampled_from(PROGRAMS).map(lambda heats: lambda p: p.load(*heats)),
        st.sampled_from(TABLES).map(lambda table: lambda p: p.chips(table)),
        st.sampled_from([0, 20_000]).map(lambda ms: lambda p: p.gun(ms)),
        *[st.builds(_reads, _ms, _chip, st.just("Finish"), st.just(2), _source)] * 4,
    ]
    return (
        st.tuples(*some, st.lists(deed, min_size=size // 2, max_size=size))
        .map(lambda drawn: [*drawn[:-1], *drawn[-1]])
        .flatmap(st.permutations)
    )


deeds: st.SearchStrategy[list[Deed]] = _lively(30)
fewer_deeds: st.SearchStrategy[list[Deed]] = _lively(14)
deeds_without_relays: st.SearchStrategy[list[Deed]] = _lively(14, _unrelayed)


def day(done: list[Deed]) -> Pool:
    """A pool where all of this was done, one after the other."""
    pool = Pool()
    for each in done:
        each(pool)
    return pool
