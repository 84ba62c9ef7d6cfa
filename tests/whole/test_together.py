"""The program beside others: a second process or `run`, its own files, stops and restarts."""

import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from meetlog.house import open_house
from meetlog.loading import load_saved
from projections.folding import fold
from projections.meet import Meet
from store.event import (
    APP_STARTED,
    APP_STOPPED,
    FILE_CHANGED,
    RESULT_PUBLISHED,
    SOCKET_READ,
    Event,
    meta_of,
)
from store.sqlite import SqliteLog
from tests.kit.ports import free_port
from tests.kit.programs import Tail, programs_on
from tests.meetlog.calls import call, program
from tests.whole.peers import hang_on, say
from tests.whole.test_bad_input import CHIPS, MORNING, PROGRAM, read
from wire.settings_file import parse
from wire.timedrops import STATUS_FILE, encode_program
from wire.tsv2 import encode

pytestmark = pytest.mark.anyio
TOML = """
[folder]
quiet = "50ms"
settle = "50ms"
rescan = "500ms"
[[source]]
name = "mat"
protocol = "tsv2"
role = "server"
port = {mat}
[[source]]
name = "lines"
protocol = "ctp01"
port = {lines}
[[point]]
name = "Finish"
"""
STOPPED = "stopped; everything that arrived is recorded"
# What an operator does in another process, while `run` is recording.
RECALL = """
import sys
from ingest.statements import state
from store.sqlite import SqliteLog
from wire.statements import RecallHeat
log = SqliteLog(sys.argv[1])
state(log, RecallHeat(
    author="Ada", channel="test", at=1, seen=log.head().position, reason="false start",
    session="1", event="1", heat=1, gun=int(sys.argv[2]),
))
log.close()
"""


class Meeting:
    """A meet folder, and the ports of its two servers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.timedrops = folder / "timedrops"
        self.timedrops.mkdir(parents=True)
        self.mat, self.lines = free_port(), free_port()
        self.body = TOML.format(mat=self.mat, lines=self.lines).encode()
        (folder / "meet.toml").write_bytes(self.body)
        (self.timedrops / "meet_program.json").write_bytes(encode_program(PROGRAM))
        (self.timedrops / "chips.csv").write_bytes(CHIPS)
        self.tail = Tail(folder / "meet.db")

    def recorded(self, kind: str, count: int = 1) -> bool:
        """Whether so many events of this kind are in the log."""
        self.tail.refresh()
        return len(self.tail.of(kind)) >= count

    def has_file(self, name: str) -> bool:
        """Whether a version of this file was recorded."""
        return name in self.files()

    def files(self) -> list[str]:
        """The names of the files of which versions were recorded, as often as they were."""
        self.tail.refresh()
        return [str(meta_of(event)["path"]) for event in self.tail.of(FILE_CHANGED)]


@pytest.fixture
def meeting(tmp_path: Path) -> Meeting:
    return Meeting(tmp_path / "meet")


async def test_a_statement_of_another_process_takes_effect(meeting: Meeting) -> None:
    async with programs_on(meeting.folder) as programs:
        running = await programs.run()
        await programs.conditions.until(lambda: len(meeting.files()) == 3)
        await say(meeting.mat, encode([read(0, "0", kind=0)]))
        await running.until("event 1 heat 1 is started")
        gun = str(MORNING)
        recalled = await programs.start("-c", RECALL, str(meeting.folder / "meet.db"), gun)
        assert await recalled.gone() == 0, recalled.text
        await running.until("event 1 heat 1 is scheduled")
        # The next gun starts the heat anew, and times count from it.
        await say(meeting.mat, encode([read(40_000, "0", kind=0)]))
        await say(meeting.mat, encode([read(70_120, "1011"), read(71_450, "1012")]))
        published = await running.until("published Session1_Event_1_Heat1_Race1_1.json")
        assert "revision 1" in published
    meet = meeting.tail.refresh()
    (race,) = meet.races()
    assert [lane.time_cs for lane in race.lanes] == [3012, 3145]


async def test_our_own_files_do_not_come_back_to_us(meeting: Meeting) -> None:
    async with programs_on(meeting.folder) as programs:
        running = await programs.run()
        await programs.conditions.until(lambda: len(meeting.files()) == 3)
        await say(meeting.mat, encode([read(0, "0", kind=0), read(30_120, "1011")]))
        await say(meeting.mat, encode([read(31_450, "1012")]))
        await running.until("published Session1_Event_1_Heat1_Race1_1.json")
        # Files of others, written after it and seen one after the other: by then the
        # folder has been listed again and again, ours in it.
        for name in ("first.json", "second.json", "third.json"):
            (meeting.timedrops / name).write_bytes(b"{}")
            await programs.conditions.until(partial(meeting.has_file, name))
    ours = [p.name for p in meeting.timedrops.iterdir()]
    assert STATUS_FILE in ours
    assert "Session1_Event_1_Heat1_Race1_1.json" in ours
    assert sorted(meeting.files()) == sorted(
        ["meet.toml", "meet_program.json", "chips.csv", "first.json", "second.json", "third.json"]
    )
    assert len(meeting.tail.of(RESULT_PUBLISHED)) == 1


async def test_two_peers_with_one_name_are_told_and_counted_once(meeting: Meeting) -> None:
    greeting = b"SimpleClient~0.5.0~CTP01\r\n"
    answers = b"ack~getconnectionid~same-for-both\r\nack~getlocations~Finish\r\n"
    line = b"CT01_33~1~Finish~1011~2026-06-14T09:00:30.12~1~R1~1\r\n"
    async with programs_on(meeting.folder) as programs:
        running = await programs.run()
        async with (
            await anyio.connect_tcp("127.0.0.1", meeting.lines) as one,
            await anyio.connect_tcp("127.0.0.1", meeting.lines) as other,
        ):
            for peer in (one, other):
                await peer.send(greeting)
                await peer.send(answers)
            told = await running.until("two peers send")
            assert "same-for-both" in told
            assert "lines" in told
            for peer in (one, other):
                await peer.send(line)
                await peer.send_eof()
                await hang_on(peer)
        await running.until("OVER lines: two peers send")
    meet = meeting.tail.refresh()
    health = next(s for s in meet.sources() if s.source == "lines")
    assert (health.received, health.new, health.known) == (2, 1, 1)
    (crossing,) = meet.crossings()
    assert (crossing.chip, crossing.reads) == ("1011", 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to another process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_stop_is_clean_and_a_second_run_is_refused(
    meeting: Meeting, number: signal.Signals
) -> None:
    async with programs_on(meeting.folder) as programs:
        running = await programs.run()
        second = await programs.call("run", "--plain", "-m", str(meeting.folder))
        assert second.process.returncode == 8
        assert "`meetlog run` is recording into" in second.text
        assert "Stop that one first" in second.text
        assert "Traceback" not in second.text
        async with await anyio.connect_tcp("127.0.0.1", meeting.mat) as mat:
            await mat.send(encode([read(30_120, "1011")]))
            await running.until("chip 1011")
            await mat.send(encode([read(31_450, "1012")]))
            await programs.conditions.until(lambda: meeting.recorded(SOCKET_READ, 2))
            running.process.send_signal(number)
            assert await running.gone() == 0, running.text
        assert running.lines[-1].endswith(STOPPED)
        assert "Traceback" not in running.text
    meeting.tail.refresh()
    kinds = [event.kind for event in meeting.tail.events]
    assert kinds[-1] == APP_STOPPED
    assert kinds.count(APP_STARTED) == 1
    # Everything is folded, and saved for SQL and for the next start.
    with closing(sqlite3.connect(meeting.folder / "meet.db")) as database:
        assert database.execute("SELECT count(*) FROM crossings").fetchone() == (2,)


def test_all_mistakes_in_the_settings_are_told_and_nothing_starts(tmp_path: Path) -> None:
    lines = [
        "[meet]",
        'zone = "Atlantis/Capital"',
        'roundng = "truncate"',
        "[folder]",
        'quiet = "soon"',
        "[[source]]",
        'name = "mat"',
        'protocol = "tsv9"',
        "port = 70000",
        "[[source]]",
        'name = "mat"',
        'protocol = "ctp01"',
        "[[point]]",
        'name = "Finish"',
        "[[course]]",
        'legs = [{ point = "Finnish", distance = 50 }]',
    ]
    (tmp_path / "meet.toml").write_text("\n".join(lines))
    told = program("run", "--plain", "-m", tmp_path)
    assert told.returncode == 3
    text = told.stderr.decode()
    assert "nothing was started" in text
    assert "Traceback" not in text
    for number, words in {
        2: "Atlantis/Capital", 3: "roundng", 5: "soon", 8: "tsv9", 9: "70000", 11: "mat",
        16: "Finnish",
    }.items():  # fmt: skip
        (line,) = [line for line in text.splitlines() if f"line {number}," in line]
        assert words in line
    assert [p.name for p in tmp_path.iterdir()] == ["meet.toml"]


class Counted:
    """How many events were read from any log."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events = 0
        inner = SqliteLog.read

        def read_counted(log: SqliteLog, *args: Any, **options: Any) -> list[Event]:
            found = inner(log, *args, **options)
            self.events += len(found)
            return found

        monkeypatch.setattr(SqliteLog, "read", read_counted)


async def test_a_restart_goes_on_from_the_checkpoint_with_the_same_views(
    meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = parse(meeting.body)

    async def meet_for_a_while(reads: list[bytes]) -> None:
        async with open_house(meeting.folder, settings, meeting.body):
            # An event each: a piece is taken before the next is sent.
            for piece in reads:
                await say(meeting.mat, piece)

    finishes = [encode([read(30_000 + 20_000 * n, f"{1011 + n % 2}")]) for n in range(60)]
    await meet_for_a_while([encode([read(0, "0", kind=0)]), *finishes])
    log = SqliteLog(meeting.folder / "meet.db")
    length = log.head().position
    assert length > 180
    counted = Counted(monkeypatch)
    restored = load_saved(log)
    assert restored is not None
    # The event at the checkpoint, to see that it is of this log; then what the end added.
    assert restored.position >= length - 2
    assert counted.events <= 1
    monkeypatch.undo()
    assert views(restored) == views(fold(log, restored.position))
    log.close()

    counted = Counted(monkeypatch)
    await meet_for_a_while(finishes[:3])
    monkeypatch.undo()
    assert counted.events < length / 2
    log = SqliteLog(meeting.folder / "meet.db")
    restored = load_saved(log)
    assert restored is not None
    assert views(restored) == views(fold(log, restored.position))
    log.close()


def views(meet: Meet) -> list[object]:
    """Everything that a meet shows."""
    meet.settle()
    shown: list[Callable[[], object]] = [
        meet.crossings, meet.races, meet.revisions, meet.sources, meet.quarantine, meet.alarms,
        meet.current_race, meet.next_race,
    ]  # fmt: skip
    return [view() for view in shown]


async def test_the_log_of_a_running_program_can_be_verified(meeting: Meeting) -> None:
    async with programs_on(meeting.folder) as programs:
        await programs.run()
        await say(meeting.mat, encode([read(30_120, "1011")]))
        verified = await programs.call("verify", str(meeting.folder))
        assert verified.process.returncode == 0, verified.text
    assert call("verify", meeting.folder).exit_code == 0
