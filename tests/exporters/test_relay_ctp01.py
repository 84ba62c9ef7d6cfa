"""CTP01 toward scoring programs: what they are sent, and what the operator hears of odd ones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import anyio
import anyio.abc
import pytest

from exporters.relay_connection import PATIENCE, SLOW_AFTER
from exporters.relay_ctp01 import IDLE_AFTER
from ingest.clients import LONGEST_PAUSE, run_client
from ingest.desk import seconds
from projections.relayed import Item, ItemKind
from store.event import SOCKET_CLOSED, SOCKET_SENT
from tests.kit.jumping import JumpingLoop
from tests.kit.memory import Dialer, MemoryStream, memory_pair
from tests.kit.relays import NINE, RelayStand, item
from wire.ctp01 import ServerDecoder
from wire.ctp01_messages import Authorize, auth_string
from wire.settings import AUTHENTICATIONS, RelaySettings

pytestmark = pytest.mark.anyio
RELAY = RelaySettings("scoring", "ctp01", "client", 61611, user="ada")
GREETING = "SimpleClient~0.5.0~CTP01"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": JumpingLoop}


class Program:
    """A scoring program on a stream in memory, of which a test is the mind."""

    def __init__(self, stream: MemoryStream) -> None:
        self.stream = stream
        self.lines: list[str] = []
        self.pieces: list[bytes] = []
        self._rest = b""

    async def say(self, *lines: str) -> None:
        """Send lines in one piece."""
        await self.stream.send("".join(f"{line}\r\n" for line in lines).encode())

    async def hear(self) -> bool:
        """Take one piece; False at the end."""
        self.pieces.append(await self.stream.receive())
        *lines, self._rest = (self._rest + self.pieces[-1]).split(b"\r\n")
        self.lines += [line.decode() for line in lines]
        return bool(self.pieces[-1])

    async def hear_out(self) -> list[str]:
        """Take all that comes without time passing; the lines since the last time."""
        await anyio.wait_all_tasks_blocked()
        while self.stream.is_ready and await self.hear():
            await anyio.wait_all_tasks_blocked()
        return self.new()

    async def until(self, count: int) -> list[str]:
        """Take pieces until there are so many lines; those since the last time."""
        while len(self.lines) < count:
            assert await self.hear(), f"it ended with {self.lines}"
        return self.new()

    def new(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines

    async def greet(self, *settings: str) -> None:
        """Be greeted and greet; push and ISO times are always among the settings."""
        assert await self.until(1) == [GREETING]
        usual = ("stream-mode=push", "time-format=iso", "guntimes=true", "newlocations=true")
        settings = (*usual, *settings)
        await self.say(f"RunScore~Version 6.5~{len(settings)}", *settings)


@asynccontextmanager
async def calling(stand: RelayStand, window: float = 1000) -> AsyncIterator[Program]:
    """A relay that has called a scoring program."""
    near, far = memory_pair(window, far="10.0.0.9:61611")
    async with anyio.create_task_group() as group:
        group.start_soon(stand.attend, near)
        yield Program(far)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()


def seen(lines: list[str]) -> list[tuple[str, int, str]]:
    """Location, seq and tag of lines of data."""
    found = []
    for line in lines:
        form, seq, location, tag, *rest = line.split("~")
        assert form == "CT01_33"
        assert len(rest) == 4, line
        found.append((location, int(seq), tag))
    return found


# -- what is sent ------------------------------------------------------------------


async def test_a_program_is_greeted_answered_and_sent_each_line_from_the_start() -> None:
    stand = RelayStand(RELAY, locations=("Start", "Finish"))
    stand.queue(
        Item(ItemKind.GUN, "Start", "", NINE, 1),
        Item(ItemKind.BEST_SEEN, "Finish", "1001", NINE + 12_345_678_901, 2, 3, "23H016", lap=2),
    )
    async with calling(stand) as program:
        await program.greet("connection-id=true")
        assert program.pieces[0] == f"{GREETING}\r\n".encode(), "some compare a whole piece with it"
        await program.say("getconnectionid", "geteventinfo", "getlocations", "ping", "start")
        identity, *answers, gun, read = await program.until(6)
        assert answers == ["ack~geteventinfo~Meet~~", "ack~getlocations~Start~Finish", "ack~ping"]
        controller = identity.removeprefix("ack~getconnectionid~")[:6].upper()
        assert gun == f"CT01_33~1~Start~guntime~2026-06-14T09:00:00.00~0~{controller}~0"
        assert read == "CT01_33~1~Finish~1001~2026-06-14T09:00:12.34~2~23H016~3"
        stand.queue(item(5))
        assert seen(await program.until(1)) == [("Finish", 2, "1005")]
    assert len(stand.recorder.of(SOCKET_SENT)) == 2, "greeting and answers; the lines are queued"


async def test_a_location_that_turns_up_is_announced_and_its_lines_wait_for_a_start() -> None:
    stand = RelayStand(RELAY, locations=("Finish",))
    async with calling(stand) as program:
        await program.greet()
        await program.say("start")
        await program.hear_out()
        stand.queue(Item(ItemKind.LOCATION, "Far", "newlocation", NINE), item(1, "Far"), item(2))
        assert sorted(seen(await program.hear_out())) == [
            ("Far", 1, "newlocation"),
            ("Finish", 1, "1002"),
        ]
        await program.say("start~Far")
        assert seen(await program.hear_out()) == [("Far", 1, "newlocation"), ("Far", 2, "1001")]
        await program.say(*["start~Far"] * 20)
        assert await program.hear_out() == [], "a start that is repeated for ever is no other start"


async def test_a_sequence_is_resumed_from_and_one_of_the_future_brings_everything() -> None:
    stand = RelayStand(RELAY, locations=("Finish",))
    stand.add(3000)
    everything = [("Finish", n + 1, f"{1000 + n}") for n in range(3000)]
    async with calling(stand) as program:
        await program.greet()
        await program.say("start~Finish~2990")
        assert seen(await program.until(11)) == everything[-11:]
        await program.say("start~Finish~3500")
        assert seen(await program.until(3000)) == everything
        await program.say("start~Finish~1500")
        assert seen(await program.until(1501)) == everything[1499:]
        await anyio.sleep(2)
        await program.hear_out()
    assert stand.marks(1)[-1][2] == 11 + 3000 + 1501
    async with calling(stand) as program:
        await program.greet("pushmode-ack=true")
        await program.say("start~Finish~3500")
        assert (await program.hear_out())[0].startswith("err~start~Finish~sequence 3500")
        await program.say("start~Finish~3000")
        assert await program.until(2) == ["ack~start~Finish", "CT01_33~3000~Finish~3999~"
                                          "2026-06-14T09:49:59.00~1~R1~2"]  # fmt: skip
        await anyio.sleep(2)
    assert stand.marks(2)[-1][2:] == (1, 1), "and it is known that the program had it before"


async def test_a_location_that_is_first_started_in_a_later_connection_is_not_sent_again() -> None:
    stand = RelayStand(RELAY, locations=("Start", "Finish"))
    stand.add(3, "Start")
    stand.add(2, "Finish")
    async with calling(stand) as program:
        await program.greet()
        await program.say("start~Finish")
        assert len(await program.until(2)) == 2
        await anyio.sleep(2)
    async with calling(stand) as program:
        await program.greet()
        await program.say("start~Start", "start~Finish~2")
        assert len(await program.until(4)) == 4
        await anyio.sleep(2)
    assert stand.marks(2)[-1][2:] == (4, 1), "four were sent, and one of them again"


async def test_one_who_goes_back_while_it_is_being_sent_lines_gets_them_again() -> None:
    stand = RelayStand(RELAY, locations=("Start", "Finish"))
    for n in range(1000):
        stand.add(1, ("Start", "Finish")[n % 2])
    async with calling(stand, window=1) as program:
        await program.greet()
        await program.say("start")
        lines = await program.until(300)
        await program.say("start~Finish~11")
        while seen(lines)[-1] != ("Finish", 500, "1999"):
            lines += await program.until(1)
        got = seen(lines)
        back = got.index(("Finish", 11, "1021"), got.index(("Finish", 11, "1021")) + 1)
        assert 300 < back < 800
        assert [each for each in got[back:] if each[0] == "Finish"] == [
            ("Finish", n + 1, f"{1001 + 2 * n}") for n in range(10, 500)
        ]
        starts = [each for each in got if each[0] == "Start"]
        assert starts == [("Start", n + 1, f"{1000 + 2 * n}") for n in range(500)]


async def test_one_who_pulls_gets_exactly_what_was_promised() -> None:
    stand = RelayStand(RELAY, locations=("Start", "Finish"))
    stand.add(5)
    async with calling(stand) as program:
        await program.until(1)
        await program.say("Old~1~0")
        await program.say("getdata~3", "ping", "getdata~100~Finish", "getdata~100~Finish")
        answers = await program.until(9)
        assert [line.partition("CT01")[0] for line in answers] == [
            "ack~getdata~3", "", "", "", "ack~ping", "ack~getdata~2", "", "", "ack~getdata~0",
        ]  # fmt: skip
        times = [line.split("~")[4] for line in answers if line.startswith("CT01")]
        assert times[0] == "09:00:00.00", "`normal`, since nothing else was asked for"
        await program.say("getdata~100~Finish~4")
        assert len(await program.until(3)) == 3


async def test_an_answer_that_waited_for_lines_is_in_the_log_before_it_leaves() -> None:
    stand = RelayStand(RELAY, locations=("Finish",))
    stand.add(2)
    async with calling(stand) as program:
        await program.greet("stream-mode=pull")
        await program.say("getdata~2~Finish", "ping", "getlocations")
        told, *lines = await program.until(5)
        assert told == "ack~getdata~2"
        assert seen(lines[:2]) == [("Finish", 1, "1000"), ("Finish", 2, "1001")]
        assert lines[2:] == ["ack~ping", "ack~getlocations~Finish"]
    assert stand.recorder.sent(1).decode().split("\r\n") == [
        GREETING, "ack~getdata~2", "ack~ping", "ack~getlocations~Finish", "",
    ]  # fmt: skip


@pytest.mark.parametrize("method", AUTHENTICATIONS)
async def test_each_form_of_authentication(method: str) -> None:
    stand = RelayStand(RELAY, locations=("Finish",), password="s~cret")
    chips = stand.add(2)
    async with calling(stand) as program:
        await program.greet(f"authentication={method}", "authentication-seed=d1ce")
        if method != "none":
            (line,) = await program.until(1)
            (said,) = ServerDecoder().feed(f"{line}\r\n".encode())
            assert not isinstance(said, Authorize), "it is the client's"
            assert line == f"authorize~ada~{auth_string(method, 's~cret', 'd1ce')}"
            await program.say("ack~authorize")
        await program.say("start")
        assert [tag for _, _, tag in seen(await program.until(2))] == chips


# -- what the operator hears -------------------------------------------------------


async def test_a_program_that_never_greets_is_told_of_until_it_does() -> None:
    stand = RelayStand(RELAY, locations=("Finish",))
    async with calling(stand) as program:
        (notice,) = await stand.board.until(lambda texts: len(texts) == 1)
        assert anyio.current_time() == pytest.approx(IDLE_AFTER)
        assert notice.text == "scoring: 10.0.0.9:61611 has not answered our greeting"
        await anyio.sleep(3600)
        assert len(stand.texts()) == 1
        await program.greet()
        (notice,) = await stand.board.until(lambda texts: "started any location" in str(texts))
        await program.say("start")
        await stand.board.until(lambda texts: not texts)
        assert not stand.recorder.of(SOCKET_CLOSED)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["RunScore~1~9", "stream-mode=push"], "has not sent all the settings that it announced"),
        (["RunScore~1~1", "authentication=plaintext"], "has not answered our authorization"),
        (["RunScore~1~1", "stream-mode=push"], "has not started any location"),
    ],
)
async def test_where_a_conversation_stands_still_is_told(lines: list[str], words: str) -> None:
    stand = RelayStand(RELAY, locations=("Finish",), password="x")
    chips = stand.add(1)
    async with calling(stand) as program:
        await program.say(*lines)
        (notice,) = await stand.board.until(lambda texts: len(texts) == 1)
        assert words in notice.text
        # It may go on whenever it likes.
        await program.say("stream-mode=push", "start")
        assert f"~{chips[0]}~" in (await program.hear_out())[-1]
        await stand.board.until(lambda texts: not texts)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"getlocations\r\n", "the server began with 'getlocations' instead of a greeting"),
        (b"HTTP/1.1 400 Bad Request\r\n", "no CTP01 scoring program ("),
        (b"RunScore~1~0\r\n" + b"?!\r\n" * 200, "101 lines in a row that are not CTP01"),
        (b"RunScore~1~0\r\n" + bytes(range(65, 91)) * 20_000, "without the end of a line"),
        (b"RunScore~1~1\r\nauthentication=kerberos\r\n", "wants what we cannot give"),
    ],
)
async def test_one_who_makes_no_sense_is_hung_up_on_in_words(said: bytes, reason: str) -> None:
    stand = RelayStand(RELAY, locations=("Finish",))
    async with calling(stand) as program:
        for at in range(0, len(said), 50_000):
            with suppress(BrokenPipeError):
                await program.stream.send(said[at : at + 50_000])
        await stand.recorder.until_count(SOCKET_CLOSED, 1)
    assert reason in stand.recorder.metas(SOCKET_CLOSED)[0]["reason"]


async def test_a_location_that_is_unknown_is_told_of_with_those_that_are_not() -> None:
    stand = RelayStand(RELAY, locations=("Start", "Finish"))
    async with calling(stand) as program:
        await program.greet("pushmode-ack=true")
        await program.say("start~Finsh", "start~Finish~1")
        (notice,) = await stand.board.until(lambda texts: len(texts) == 1)
        assert notice.text == (
            "scoring: RunScore Version 6.5 asks for the location 'Finsh', which is unknown here"
        )
        assert notice.hint.startswith("Known: Start, Finish.")
        await program.hear_out()
        program.stream.close()
        await stand.recorder.until_count(SOCKET_CLOSED, 1)
        assert stand.texts() == []


async def test_a_program_that_does_not_read_is_pointed_out_and_given_up() -> None:
    stand = RelayStand(RELAY, locations=("Finish",))
    stand.add(3000)
    async with calling(stand, window=1) as program:
        await program.greet()
        await program.say("start")
        (notice,) = await stand.board.until(lambda texts: len(texts) == 1)
        assert anyio.current_time() == pytest.approx(seconds(SLOW_AFTER), abs=6)
        assert "10.0.0.9:61611 has not read for more than 10 s" in notice.text
        await program.say("ping", "ping")
        await stand.recorder.until_count(SOCKET_CLOSED, 1)
        assert anyio.current_time() == pytest.approx(seconds(PATIENCE), abs=6)
        assert stand.texts() == []
    (closed,) = stand.recorder.metas(SOCKET_CLOSED)
    assert closed["reason"] == "the peer did not read what we sent for 120 s"


# -- again and again ---------------------------------------------------------------


class Servers:
    """What is behind a port that a relay calls again and again."""

    def __init__(self, stand: RelayStand, count: int) -> None:
        pairs = [memory_pair(far="10.0.0.9:61611") for _ in range(count)]
        self.programs = [Program(far) for _, far in pairs]
        self._dialer = Dialer(*[near for near, _ in pairs])
        stand.desk.network = self._dialer
        self.stand = stand

    @property
    def dialled(self) -> list[float]:
        return self._dialer.dialled

    @asynccontextmanager
    async def called(self) -> AsyncIterator[None]:
        stand = self.stand
        async with anyio.create_task_group() as group:
            group.start_soon(run_client, RELAY, stand.desk, stand.talk)
            yield
            group.cancel_scope.cancel()


async def test_a_wrong_password_is_told_in_words_and_tried_with_longer_pauses() -> None:
    stand = RelayStand(RELAY, locations=("Finish",), password="wrong")
    servers = Servers(stand, 40)
    async with servers.called():
        for program in servers.programs:
            await program.greet("authentication=plaintext")
            assert await program.until(1) == ["authorize~ada~wrong"]
            await program.say("err~authorize~no such user")
            (notice,) = await stand.board.until(lambda texts: len(texts) == 1)
            assert "RunScore Version 6.5 refused our authorization: no such user" in notice.text
            assert "`user`" in notice.text
            assert "`password_file`" in notice.text
    pauses = [after - before for before, after in pairwise(servers.dialled)]
    assert pauses[-30:] == pytest.approx([seconds(LONGEST_PAUSE)] * 30, abs=1)
    assert len(stand.recorder.events) <= 8 * 40


async def test_a_program_that_hangs_up_at_once_does_not_fill_the_log() -> None:
    stand = RelayStand(RELAY, locations=("Finish",))
    stand.add(100)
    servers = Servers(stand, 100)
    async with servers.called():
        for program in servers.programs:
            assert await program.until(1) == [GREETING]
            program.stream.close()
        (notice,) = await stand.board.until(lambda texts: len(texts) == 1)
        assert notice.text.endswith("is lost: the peer closed the connection")
        assert anyio.current_time() > 90 * seconds(LONGEST_PAUSE)
    # Opened, greeted, closed; and how far the peer is, once.
    assert len(stand.recorder.events) <= 3 * 100 + 1


async def test_after_each_cut_the_lines_go_on_from_where_the_program_asks() -> None:
    stand = RelayStand(RELAY, locations=("Finish",))
    servers = Servers(stand, 6)
    got: list[tuple[str, int, str]] = []
    async with servers.called():
        for program in servers.programs:
            stand.add(700)
            await program.greet()
            await program.say(f"start~Finish~{got[-1][1]}" if got else "start")
            got += seen(await program.until(stand.queued - len(got) + bool(got)))[bool(got) :]
            program.stream.close()
    assert got == [("Finish", n + 1, f"{1000 + n}") for n in range(stand.queued)]
