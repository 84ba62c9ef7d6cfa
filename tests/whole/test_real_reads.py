"""The reads of a real race, through real sockets in every protocol, against a plain oracle.

The recordings lie in a folder beside the checkout (its README says what they
are). Where it is missing, the same tests run on an invented set only.
"""

import json
import random
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest

from meetlog.house import open_house
from meetlog.simulate.ctp01_player import Behaviour
from meetlog.simulate.faults import Faults, disturb
from meetlog.simulate.players import (
    Options,
    tsconnector_ctp01,
    tsconnector_tsv1,
    tsconnector_tsv2,
)
from meetlog.simulate.recordings import acts_of, load_reads
from meetlog.simulate.report import Report
from meetlog.simulate.script import Act
from meetlog.simulate.timing import Timing
from projections.folding import fold
from projections.views import Crossing
from store.event import SOCKET_READ
from store.sqlite import SqliteLog
from tests.kit.ports import free_port
from tests.whole.oracle import Crossed, Row, crossings, rows_of_arrays, rows_of_lines
from wire.ctp01_client import ClientOptions
from wire.settings_file import parse

RECORDINGS = Path(__file__).parents[3] / "shared" / "data"
SETS = ["invented", *(["race"] if (RECORDINGS / "START1.ctp01").exists() else [])]
MATS = ("START1", "START2", "9K", "19K")
ZONE = "Pacific/Auckland"
FEEDS = {
    "START1": ("Start", False),
    "START2": ("Start", True),
    "9K": ("9K", False),
    "19K": ("19K", False),
}
RULES = {"Start": "last", "9K": "best", "19K": "first"}
POINTS = """
[[point]]
name = "Start"
feeds = ["START1", { name = "START2", backup = true }]
rule = "last"
[[point]]
name = "9K"
[[point]]
name = "19K"
rule = "first"
"""


@pytest.fixture(params=SETS)
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with the recordings of the four mats, each in both formats."""
    if request.param == "race":
        return RECORDINGS
    folder = tmp_path / "invented"
    folder.mkdir()
    rng = random.Random(20)
    for mat in MATS:
        lines, arrays = _invent(rng, mat)
        (folder / f"{mat}.ctp01").write_bytes("".join(lines).encode())
        (folder / f"{mat}.tsv2").write_bytes("".join(arrays).encode())
    return folder


def _invent(rng: random.Random, mat: str) -> tuple[list[str], list[str]]:
    """Sixty chips that linger at a mat, some of them for longer than the gap, out of order."""
    reads = []
    for chip in range(100, 160):
        at = rng.randrange(3_000_00)  # hundredths after eight o'clock
        for _ in range(rng.randint(1, 6)):
            at += rng.choice((0, 1, 37, 550, 1000, 1001, 1500))
            reads.append((at, chip, rng.choice("AB"), rng.randint(1, 4), rng.randint(-80, -35)))
    reads = list({read[:4]: read for read in reads}.values())
    reads.sort(key=lambda read: read[0] + rng.randrange(600))
    lines, arrays = [], []
    for seq, (at, chip, reader, antenna, rssi) in enumerate(reads, 1):
        minutes, rest = divmod(at, 6000)
        moment = f"2021-05-08T08:{minutes:02d}:{rest // 100:02d}.{rest % 100:02d}"
        lines.append(f"CT01_33~{seq}~{mat}~{chip}~{moment}~1~{reader}{mat}~{antenna}\r\n")
        told = {
            "Chip": str(chip), "Moment": f"{moment}00000Z", "UtcMoment": f"{moment}00000Z",
            "TimingPoint": mat, "Type": 2, "Antenna": antenna, "Source": f"{reader}{mat}",
            "Rssi": rssi,
        }  # fmt: skip
        arrays.append(json.dumps([told]) + "\r")
    return lines, arrays


def _acts(path: Path, seed: int) -> list[Act]:
    """The recording as a script, with some reads sent twice."""
    return disturb(acts_of(load_reads(path)), Faults(duplicates=0.03), seed)


class Mat(NamedTuple):
    """A recording that is played: into or from which port, and what was sent."""

    name: str
    acts: list[Act]
    port: int
    report: Report


Player = Callable[[Mat, Timing], Coroutine[None, None, None]]


async def play_ctp01(mat: Mat, timing: Timing) -> None:
    behaviour = Behaviour(ClientOptions(connection_id=f"id-of-{mat.name}"))
    await tsconnector_ctp01(mat.acts, timing, mat.report, behaviour, port=mat.port)


async def play_tsv1(mat: Mat, timing: Timing) -> None:
    await tsconnector_tsv1(mat.acts, timing, mat.report, Options(batch=20), port=mat.port)


async def play_tsv2_server(mat: Mat, timing: Timing) -> None:
    options = Options(batch=20)
    await tsconnector_tsv2(mat.acts, timing, mat.report, options, role="server", port=mat.port)


async def play_tsv2_client(mat: Mat, timing: Timing) -> None:
    options = Options(batch=1)
    await tsconnector_tsv2(mat.acts, timing, mat.report, options, role="client", port=mat.port)


class Way(NamedTuple):
    """A way from the mats to us: the protocol, our role, who plays, and what the oracle reads."""

    protocol: str
    role: str
    play: Player
    suffix: str
    rows: Callable[[Path], list[Row]]


WAYS = {
    "ctp01": Way("ctp01", "server", play_ctp01, "ctp01", partial(rows_of_lines, zone=ZONE)),
    "tsv1": Way("tsv1", "client", play_tsv1, "tsv2", partial(rows_of_arrays, zone=ZONE)),
    "tsv2-we-call": Way(
        "tsv2", "client", play_tsv2_server, "tsv2", partial(rows_of_arrays, zone=None)
    ),
    "tsv2-they-call": Way(
        "tsv2", "server", play_tsv2_client, "tsv2", partial(rows_of_arrays, zone=None)
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_crossings_equal_the_oracles(data: Path, tmp_path: Path, way: Way) -> None:
    mats = [
        Mat(name, _acts(data / f"{name}.{way.suffix}", n), free_port(), Report(keep_bytes=True))
        for n, name in enumerate(MATS)
    ]
    folder = tmp_path / "meet"
    folder.mkdir()
    log = anyio.run(record, folder, way, mats)
    try:
        meet = fold(log)
        meet.settle()
        rows = [row for name in MATS for row in way.rows(data / f"{name}.{way.suffix}")]
        expected = crossings(rows, FEEDS, RULES)
        assert expected
        assert {c.feed for c in expected} == set(MATS)
        assert [crossed(c) for c in meet.crossings()] == expected
        assert not any(c.provisional for c in meet.crossings())
        assert meet.quarantine() == []
        for mat in mats:
            health = next(s for s in meet.sources() if s.source == f"mat-{mat.name}")
            assert health.received == mat.report.reads
            sent = b"".join(bytes(each.data or b"") for each in mat.report.connections)
            assert received(log, health.source) == sent
    finally:
        log.close()


def crossed(c: Crossing) -> Crossed:
    return Crossed(c.chip, c.point, c.moment_ns, c.first_ns, c.last_ns, c.reads, c.feed)


def received(log: SqliteLog, source: str) -> bytes:
    events = log.read(0, 1_000_000, kinds=(SOCKET_READ,))
    return b"".join(event.body for event in events if event.source == source)


async def record(folder: Path, way: Way, mats: list[Mat]) -> SqliteLog:
    """The log, once every mat has sent everything and left in good order."""
    sources = "".join(
        f'[[source]]\nname = "mat-{mat.name}"\nprotocol = "{way.protocol}"\n'
        f'role = "{way.role}"\nport = {mat.port}\n'
        for mat in mats
    )
    body = f'[meet]\nzone = "{ZONE}"\n{sources}{POINTS}'.encode()
    (folder / "meet.toml").write_bytes(body)
    async with open_house(folder, parse(body), body), anyio.create_task_group() as group:
        for mat in mats:
            group.start_soon(way.play, mat, Timing(None, parties=1))
    return SqliteLog(folder / "meet.db", read_only=True)
