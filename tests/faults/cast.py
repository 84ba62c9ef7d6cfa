"""Who is at the meet beside the program: timing systems that play their script, and listeners."""

import asyncio
from collections.abc import Hashable
from typing import NamedTuple

import anyio
import anyio.abc
from anyio.abc import ByteStream, SocketAttribute

from meetlog.simulate.ctp01_player import Behaviour
from meetlog.simulate.hearing import Hearing
from meetlog.simulate.players import (
    Options,
    tsconnector_ctp01,
    tsconnector_tsv1,
    tsconnector_tsv2,
)
from meetlog.simulate.playing import Dial
from meetlog.simulate.report import Report
from meetlog.simulate.scoring import Asking, Ctp01Scoring, TsvScoring, score
from meetlog.simulate.script import Act
from tests.faults.day import BACKUP, BOARD, CLUB, FINISH, GATE, LAPS, OFFICE, SCORING, SPARE
from tests.kit.conditions import Conditions
from tests.kit.stepped import Stepped
from wire.ctp01_client import ClientOptions
from wire.ctp01_messages import DataLine
from wire.reads import RawRead, ReadKind
from wire.stamps import parse_iso

Ports = dict[str, int]


class Told(NamedTuple):
    """A read as a scoring program was told it: `chip` is "" of a gun, `moment` ns."""

    location: str
    chip: str
    moment: int


class Listener(Hearing):
    """What one scoring program was told: each read once in `told`, lines of CTP01 by number."""

    def __init__(self, conditions: Conditions) -> None:
        super().__init__(lambda _text: None, quiet=True)
        self.told: dict[Hashable, Told] = {}
        self.lines: dict[tuple[str, int], DataLine] = {}
        self._conditions = conditions
        self._looking = False

    def read(self, read: RawRead, line: DataLine | None = None) -> None:
        """See `Hearing.read`. A number of CTP01 is never that of two lines."""
        chip = "" if read.type == ReadKind.GUN else str(read.chip)
        told = Told(read.timing_point, chip, parse_iso(read.moment).wall)
        self.reads += 1
        # A copy differs in nothing; two detections at one moment differ in something.
        self.told[told, read.type, read.antenna, read.source] = told
        if line is not None:
            assert self.lines.setdefault((line.location, line.seq), line) == line
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._look)  # when the whole piece is taken

    def _look(self) -> None:
        self._looking = False
        self._conditions.look()


class Answers:
    """What the program said to one timing system, by the address of each connection of theirs."""

    def __init__(self, port: int) -> None:
        self.heard: dict[str, bytearray] = {}
        self._port = port

    async def dial(self) -> ByteStream:
        """Connect, and take note of everything that is received."""
        stream = await anyio.connect_tcp("127.0.0.1", self._port)
        address = stream.extra(SocketAttribute.local_address)  # noqa: S610 - anyio's, not Django's
        return _Noted(stream, self.heard.setdefault(f"{address[0]}:{address[1]}", bytearray()))


class _Noted(ByteStream):
    def __init__(self, stream: ByteStream, heard: bytearray) -> None:
        self._stream = stream
        self._heard = heard

    async def receive(self, max_bytes: int = 65536) -> bytes:
        data = await self._stream.receive(max_bytes)
        self._heard += data
        return data

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def play(
    group: anyio.abc.TaskGroup, acts: dict[str, list[Act]], ports: Ports, clock: Stepped
) -> dict[str, Answers]:
    """Start the timing systems, which stay until cancelled; what those of CTP01 are answered.

    These two read `start~loc~seq` differently: `laps` sends that line again,
    `spare` begins after it (PROTOCOLS 1.6).
    """
    resend = Options(resend=1_000_000, stay=True)
    await group.start(_tsv1, acts[FINISH], clock, resend, ports[FINISH])
    await group.start(_tsv2, acts[BACKUP], clock, resend, ports[BACKUP], "client")
    await group.start(_tsv2, acts[GATE], clock, resend, ports[GATE], "server")
    answers = {}
    for source, inclusive in ((LAPS, True), (SPARE, False)):
        answers[source] = Answers(ports[source])
        client = ClientOptions(connection_id=f"id-of-{source}", inclusive=inclusive)
        behaviour = Behaviour(client, stay=True)
        await group.start(_ctp01, acts[source], clock, behaviour, answers[source].dial)
    return answers


async def listen(
    group: anyio.abc.TaskGroup, ports: Ports, clock: Stepped, conditions: Conditions
) -> dict[str, Listener]:
    """Start the scoring programs, which stay until cancelled; what each of them is told."""
    listeners = {}
    for relay, utc, role in (
        (BOARD, False, "client"), (OFFICE, True, "client"), (CLUB, True, "server"),
    ):  # fmt: skip
        listeners[relay] = listener = Listener(conditions)
        await group.start(
            _score, TsvScoring(listener, utc=utc), listener, role, ports[relay], clock
        )
    listeners[SCORING] = listener = Listener(conditions)
    await group.start(
        _score, Ctp01Scoring(Asking(), listener), listener, "server", ports[SCORING], clock
    )
    return listeners


async def _score(
    scoring: Ctp01Scoring | TsvScoring,
    listener: Listener,
    role: str,
    port: int,
    clock: Stepped,
    *,
    task_status: anyio.abc.TaskStatus[int],
) -> None:
    await score(
        scoring,
        listener,
        role="client" if role == "client" else "server",
        host="127.0.0.1",
        port=port,
        timing=clock,
        task_status=task_status,
    )


async def _tsv1(
    acts: list[Act],
    clock: Stepped,
    options: Options,
    port: int,
    *,
    task_status: anyio.abc.TaskStatus[int],
) -> None:
    await tsconnector_tsv1(acts, clock, Report(), options, port=port, task_status=task_status)


async def _tsv2(
    acts: list[Act],
    clock: Stepped,
    options: Options,
    port: int,
    role: str,
    *,
    task_status: anyio.abc.TaskStatus[int],
) -> None:
    await tsconnector_tsv2(
        acts,
        clock,
        Report(),
        options,
        role="client" if role == "client" else "server",
        port=port,
        task_status=task_status,
    )


async def _ctp01(
    acts: list[Act],
    clock: Stepped,
    behaviour: Behaviour,
    dial: Dial,
    *,
    task_status: anyio.abc.TaskStatus[int],
) -> None:
    await tsconnector_ctp01(acts, clock, Report(), behaviour, dial=dial, task_status=task_status)
