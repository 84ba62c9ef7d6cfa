"""A relay that cannot start is an alarm with a remedy and is tried again; recording goes on."""

from pathlib import Path

import anyio
import pytest

from ingest.errors import IngestError
from ingest.streams import Listener
from meetlog.passwords import read_password
from meetlog.relaying import TRY_AGAIN, run_relay
from store.event import SOCKET_CLOSED, SOCKET_OPENED, SOCKET_SENT
from tests.kit.jumping import JumpingLoop
from tests.kit.memory import Dialer, Knocking, MemoryStream, memory_pair
from tests.kit.relays import RelayStand, TsvPeer
from wire.settings import RelaySettings, Settings

pytestmark = pytest.mark.anyio
TSV1 = RelaySettings("scoring", "tsv1", "server", 9000)
CTP01 = RelaySettings(
    "scoring", "ctp01", "client", 61611, user="ada", password_file="scoring.password"
)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": JumpingLoop}


class Ports(Dialer):
    """Stands for the ports of this machine: the first `taken` attempts to listen fail."""

    def __init__(self, taken: int, *peers: MemoryStream) -> None:
        self.taken = taken
        self.tried: list[float] = []
        super().__init__(*peers)

    async def listen(self, who: str, host: str, port: int) -> list[Listener]:
        self.tried.append(anyio.current_time())
        if len(self.tried) <= self.taken:
            raise IngestError(f"{who}: cannot listen on {host} port {port}: somebody has it.")
        return [Knocking(self)]


async def test_a_port_that_is_taken_is_tried_again_until_it_is_free(tmp_path: Path) -> None:
    near, far = memory_pair()
    ports = Ports(3, near)
    stand = RelayStand(TSV1, network=ports)
    told: list[tuple[str, ...]] = []
    async with anyio.create_task_group() as group:
        await group.start(run_relay, stand.office, Settings(), tmp_path, told.append)
        assert ports.tried == [0.0], "it does not hold up the start"
        (notice,) = stand.board.standing()
        assert notice.text == (
            "relay scoring: cannot listen on 127.0.0.1 port 9000: somebody has it."
        )
        assert (notice.severity, notice.source) == ("alarm", "scoring")
        assert notice.hint.startswith("Recording goes on")
        chips = stand.add(3)
        assert await TsvPeer(far).take_until(3) == chips, "and gets what was queued meanwhile"
        assert ports.tried == pytest.approx([n * TRY_AGAIN for n in range(4)])
        assert stand.board.standing() == ()
        group.cancel_scope.cancel()
    ((address,),) = told
    assert address.startswith("127.0.0.1:")


async def test_a_relay_that_can_start_tells_where_it_listens(tmp_path: Path) -> None:
    stand = RelayStand(TSV1, network=Ports(0))
    told: list[tuple[str, ...]] = []
    async with anyio.create_task_group() as group:
        await group.start(run_relay, stand.office, Settings(), tmp_path, told.append)
        assert len(told) == 1
        group.cancel_scope.cancel()


def write(path: Path, data: bytes | None) -> None:
    """Make this file, or take it away."""
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)


@pytest.mark.parametrize(
    ("password", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"a\0b", "CTP01 cannot send its program, version, user or password"),
    ],
)
async def test_a_password_that_cannot_be_used_is_read_again_until_it_can(
    tmp_path: Path, password: bytes | None, words: str
) -> None:
    near, far = memory_pair()
    stand = RelayStand(CTP01, network=Dialer(near))
    path = tmp_path / "scoring.password"
    if password is not None:
        write(path, password)
    async with anyio.create_task_group() as group:
        await group.start(run_relay, stand.office, Settings(), tmp_path, lambda _: None)
        (notice,) = stand.board.standing()
        assert notice.text.startswith("relay scoring: ")
        assert words in notice.text
        assert not stand.recorder.of(SOCKET_OPENED)
        write(path, b"\xef\xbb\xbfsecret\r\nwhat else is in the file\r\n")
        assert await far.receive() == b"SimpleClient~0.5.0~CTP01\r\n"
        assert stand.board.standing() == ()
        await far.send(b"RunScore~1~1\r\nauthentication=plaintext\r\n")
        assert await far.receive() == b"authorize~ada~secret\r\n"
        group.cancel_scope.cancel()
    assert stand.recorder.of(SOCKET_SENT)


async def test_a_password_that_was_wrong_can_be_set_right_while_it_is_tried(
    tmp_path: Path,
) -> None:
    pairs = [memory_pair() for _ in range(3)]
    stand = RelayStand(CTP01, network=Dialer(*[near for near, _ in pairs]))
    path = tmp_path / "scoring.password"
    write(path, b"wrong")
    async with anyio.create_task_group() as group:
        await group.start(run_relay, stand.office, Settings(), tmp_path, lambda _: None)
        await _ask(pairs[0][1])
        assert await pairs[0][1].receive() == b"authorize~ada~wrong\r\n"
        write(path, None)
        await pairs[0][1].send(b"err~authorize\r\n")
        assert await pairs[1][1].receive() == b"", "without a password nobody is greeted"
        write(path, b"right")
        await _ask(pairs[2][1])
        assert await pairs[2][1].receive() == b"authorize~ada~right\r\n"
        group.cancel_scope.cancel()
    reasons = [meta["reason"] for meta in stand.recorder.metas(SOCKET_CLOSED)]
    assert "refused our authorization" in reasons[0]
    assert "cannot be read: No such file" in reasons[1]


async def _ask(far: MemoryStream) -> None:
    """Greet, and ask for the password."""
    assert await far.receive() == b"SimpleClient~0.5.0~CTP01\r\n"
    await far.send(b"RunScore~1~1\r\nauthentication=plaintext\r\n")


@pytest.mark.parametrize(
    ("data", "password"),
    [(b"secret", "secret"), (b"", ""), ("\ufeffgehäim\r\nmore".encode(), "gehäim")],
)
def test_the_password_is_the_first_line_of_its_file(
    tmp_path: Path, data: bytes, password: str
) -> None:
    (tmp_path / "scoring.password").write_bytes(data)
    assert read_password(CTP01, tmp_path) == password
