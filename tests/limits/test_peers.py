"""Ceilings of connections, folders and pages: what is above them does not pass."""

import socket
from contextlib import ExitStack, closing
from pathlib import Path

import anyio
import msgspec
import pytest

from exporters.errors import Collision
from exporters.sink import FolderSink
from ingest import streams
from ingest.clients import CONNECT_TIME, run_client
from ingest.connections import Connection
from ingest.ctp01 import MOST_REMARKS, Peers
from ingest.desk import seconds
from ingest.disk import list_folder
from meetlog.checks import MOST_TIME_CS, check_sense
from meetlog.console import details, serving
from meetlog.console.protocol import MOST_CONNECTIONS
from meetlog.opening import open_meet
from meetlog.refusals import Unsayable
from tests.console.test_protocol import GET, Server, pass_seconds
from tests.kit.around import around, around_a_time
from tests.kit.jumping import JumpingLoop
from tests.kit.memory import Dialer, memory_pair
from tests.kit.recorders import HeldRecorder, desk_on
from tests.meetlog.meets import RecordedMeet
from wire.ctp01_server import ServerOptions
from wire.settings import ConsoleSettings, SourceSettings
from wire.statements import SetTime
from wire.timedrops import parse_result, result_name
from wire.timedrops_results import MAX_TIME_CS

pytestmark = pytest.mark.anyio
jumping = pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": JumpingLoop})])


@around
async def test_remarks_about_a_peer(more: int) -> None:
    source = SourceSettings("mats", "ctp01", "server", 61611)
    desk, board = desk_on(HeldRecorder())
    peers = Peers(source, desk, {})
    connection = Connection(memory_pair()[0], source, desk)
    peers.enter(connection, ServerOptions())
    peers.remark(connection, [f"odd {n}" for n in range(MOST_REMARKS + more)])
    assert len(board.standing()) == min(MOST_REMARKS, MOST_REMARKS + more)


async def test_peers_in_the_same_instant() -> None:
    """So many wait without being taken; what happens to more is the system's own affair."""
    (source,) = await streams.bind("source mat", "127.0.0.1", 0)
    console = serving.bind(ConsoleSettings(port=_free()))
    with closing(source), closing(console):
        port = int(source.address.rpartition(":")[2])
        for address, most in (
            (("127.0.0.1", port), streams.BACKLOG),
            (console.getsockname(), serving.BACKLOG),
        ):
            with ExitStack() as stack:
                for _ in range(most):
                    stack.enter_context(socket.create_connection(address, timeout=5))


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@jumping
@around_a_time
async def test_a_connection_is_made_in_time(late: float) -> None:
    source = SourceSettings("mat", "tsv1", "client", 5000)
    desk, board = desk_on(HeldRecorder(), Dialer())
    async with anyio.create_task_group() as group:
        group.start_soon(run_client, source, desk)
        await anyio.sleep(seconds(CONNECT_TIME) + late)
        told = [n.text.rpartition(": ")[2] for n in board.standing()]
        assert told == ["no answer"] * (late > 0)
        group.cancel_scope.cancel()


@around
@pytest.mark.parametrize("links", [0, 2, 4])
def test_files_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: int, more: int
) -> None:
    most = 4
    monkeypatch.setattr("ingest.disk.MOST_FILES", most)
    for n in range(most + more):
        path = tmp_path / f"{n}.json"
        if n < links:
            path.symlink_to("/etc/hostname")
        else:
            path.write_bytes(b"")
    listing = list_folder(tmp_path)
    assert listing.truncated == (more > 0)
    assert len(listing.files) + len(listing.links) == min(most, most + more)


@around
def test_a_time_in_a_result_file(more: int) -> None:
    lane = {"lane": 1, "finalTime": MAX_TIME_CS + more}
    body = {"sessionId": "1", "eventNumber": "1", "heatNumber": 1, "raceNumber": 1, "lanes": [lane]}
    result = parse_result(result_name("1", "1", 1, 1, 1), msgspec.json.encode(body))
    told = [w for w in result.warnings if "hundredths is no time of a race" in w]
    assert len(told) == (more > 0), result.warnings


@around
def test_a_foreign_file_of_our_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    most = 1000
    monkeypatch.setattr("exporters.sink.LARGEST", most)
    (tmp_path / "x.json").write_bytes(b"y" * (most + more))
    sink = FolderSink(tmp_path)
    assert sink.read("x.json") == b"y" * min(most, most + more)
    with pytest.raises(Collision):
        sink.write("x.json", b"ours")
    assert (tmp_path / "x.json").stat().st_size == most + more


@around
def test_a_time_that_is_set(ended: RecordedMeet, more: int) -> None:
    with open_meet(ended.folder) as opened:
        session, event, heat = next((r.session, r.event, r.heat) for r in opened.meet.races())
        said = SetTime(
            author="Ref", channel="test", at=1, seen=opened.meet.position, reason="watches",
            session=session, event=event, heat=heat, lane=1, time_cs=MOST_TIME_CS + more,
        )  # fmt: skip
        if more <= 0:
            check_sense(opened.meet, said)
        else:
            with pytest.raises(Unsayable, match="no race time"):
                check_sense(opened.meet, said)


@jumping
@pytest.mark.parametrize("more", [-2, -1, 0, 1])
async def test_connections_of_the_console(more: int) -> None:
    """The last one that there is room for is told that there is no more."""
    server = Server()
    server.config.limit_concurrency = MOST_CONNECTIONS
    visits = [server.visit() for _ in range(MOST_CONNECTIONS + more)]
    protocol, transport = visits[-1]
    protocol.data_received(GET)
    await pass_seconds(0)
    assert transport.written.split(b" ", 2)[1] == (b"503" if more >= 0 else b"200")


@jumping
@around_a_time
async def test_a_connection_that_nobody_uses(late: float) -> None:
    server = Server()
    server.config.timeout_keep_alive = serving.KEEP_ALIVE
    protocol, transport = server.visit()
    protocol.data_received(GET)
    await pass_seconds(0)
    transport.owed = 0
    await pass_seconds(serving.KEEP_ALIVE + late)
    assert transport.ended == (late > 0)


@around
def test_statements_on_their_page(
    ended: RecordedMeet, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    said = list(range(details.MOST_SAID + more))
    monkeypatch.setattr(details, "entries", lambda *_: said)
    with open_meet(ended.folder) as opened:
        shown = details._said(opened)
    assert shown == said[::-1][: details.MOST_SAID]
