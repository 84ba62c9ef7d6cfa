"""A long log is worked out when a run starts: it says so, does it once, and can be stopped."""

import asyncio
import sys
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from ingest.notices import Notice
from ingest.statements import state
from meetlog.house import Ears, open_house
from meetlog.loading import EVERY, MUCH, Loading, StoppedLoading, load_saved
from store.event import (
    APP_STARTED,
    APP_STOPPED,
    FILE_CHANGED,
    SOCKET_OPENED,
    SOCKET_READ,
    Draft,
    pack_meta,
)
from store.sqlite import SqliteLog
from tests.kit import sayings as say
from tests.kit.ports import free_port
from tests.kit.programs import Tail, programs_on
from tests.meetlog.calls import call
from tests.meetlog.meets import TOML as MEET
from tests.meetlog.meets import RecordedMeet
from tests.whole.test_bad_input import read
from wire.settings_file import parse
from wire.stamps import NS
from wire.tsv2 import encode

pytestmark = pytest.mark.anyio
TOML = """
[meet]
zone = "{zone}"
[console]
enabled = false
[[source]]
name = "mat"
protocol = "tsv2"
role = "server"
port = {port}
"""


READ = encode([read(1000, "7")])
JUNK = b"{}" * 200  # takes long to work out for its length


def a_log(path: Path, events: int, body: bytes = READ) -> None:
    """A log of one thing over and over from one connection, which no saved state belongs to."""
    log = SqliteLog(path)
    ends = {"peer": "127.0.0.1:9", "local": "127.0.0.1:8"}
    first = Draft("mat", SOCKET_OPENED, pack_meta(c=1, protocol="tsv2", role="server", **ends))
    one = Draft("mat", SOCKET_READ, pack_meta(c=1), body)
    for begin in range(0, events, 1000):
        log.append([*([one] if begin else [first]), *([one] * 999)])
    log.close()


async def meet_of(folder: Path, zone: str, ears: Ears) -> list[str]:
    """Record nothing for a moment; the kinds of all events in the log then."""
    body = TOML.format(zone=zone, port=free_port()).encode()
    async with open_house(folder, parse(body), body, ears):
        pass
    tail = Tail(folder / "meet.db")
    tail.refresh()
    tail.close()
    return [event.kind for event in tail.events]


async def test_the_log_is_worked_out_once_by_the_newest_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.folding.CHUNK", 500)
    a_log(tmp_path / "meet.db", 3000)
    heard: list[tuple[int, int]] = []
    ears = Ears(loading=lambda done, head: heard.append((done, head)))
    kinds = await meet_of(tmp_path, "Europe/Berlin", ears)
    assert kinds[3000:3002] == [APP_STARTED, FILE_CHANGED]
    assert heard == [(min(500 * n, 3002), 3002) for n in range(1, 8)]

    heard.clear()
    await meet_of(tmp_path, "Europe/Berlin", ears)
    assert heard == []  # by the saved state

    await meet_of(tmp_path, "America/New_York", ears)
    assert heard[0][0] == 500
    assert heard == sorted(heard)
    assert heard[-1][0] == heard[-1][1] > 3002

    with SqliteLog(tmp_path / "meet.db").views() as connection:
        connection.exec_driver_sql("DELETE FROM snapshot")
    heard.clear()
    await meet_of(tmp_path, "Europe/Paris", ears)
    assert len(heard) == len({done for done, _ in heard})
    assert heard == sorted(heard)


async def test_who_stops_it_meanwhile_has_a_log_in_good_order(tmp_path: Path) -> None:
    a_log(tmp_path / "meet.db", 3000)

    def stop(_done: int, _head: int) -> None:
        raise StoppedLoading

    with pytest.raises(StoppedLoading):
        await meet_of(tmp_path, "Europe/Berlin", Ears(loading=stop))
    heard: list[int] = []
    kinds = await meet_of(
        tmp_path, "Europe/Berlin", Ears(loading=lambda done, _: heard.append(done))
    )
    assert kinds[3000:3004] == [APP_STARTED, FILE_CHANGED, APP_STOPPED, APP_STARTED]
    assert heard


def test_what_was_worked_out_from_nothing_is_saved_with_the_first_tables(tmp_path: Path) -> None:
    """A crash in the first minute does not have it worked out again."""
    meet = RecordedMeet(tmp_path / "meet")
    meet.load()
    meet.connect()
    meet.swim()
    assert load_saved(meet.log) is None
    meet.projector.adopt_tables()
    for _ in range(5):
        meet.projector.step()
    saved = load_saved(meet.log)
    assert saved is not None
    assert saved.position > 10
    # From then on it is saved now and again.
    meet.now += NS
    meet.receive([read(50_000, "123")])
    for _ in range(5):
        meet.projector.step()
    again = load_saved(meet.log)
    assert again is not None
    assert again.position == saved.position
    # Other settings have all of it worked out again.
    meet.file("meet.toml", MEET.replace("Berlin", "Paris").encode(), "settings")
    meet.now += NS
    for _ in range(5):
        meet.projector.step()
    anew = load_saved(meet.log)
    assert anew is not None
    assert anew.position > saved.position
    meet.end()


async def test_settings_that_are_adopted_meanwhile_are_told_and_the_notice_goes(
    tmp_path: Path,
) -> None:
    """Recording goes on while the projector works everything out anew."""
    body = TOML.format(zone="Europe/Berlin", port=free_port()).encode()
    a_log(tmp_path / "meet.db", 3000)
    heard: list[tuple[str, bool]] = []
    over = anyio.Event()
    loop = asyncio.get_running_loop()

    def hear(notice: Notice, is_over: bool) -> None:
        if notice.key == "log:folding":
            heard.append((notice.text, is_over))
            if is_over:
                loop.call_soon_threadsafe(over.set)

    async with open_house(tmp_path, parse(body), body, Ears(notice=hear)) as house:
        with closing(SqliteLog(tmp_path / "meet.db", guest=True)) as guest:
            zone = body.decode().replace("Berlin", "Paris")
            state(guest, say.adopt(zone))
        await over.wait()
        assert house.board.standing() == ()
    assert [is_over for _, is_over in heard] == [False, True]
    assert heard[0][0].startswith("Other settings hold for what was read: 3")


def test_it_is_told_at_once_and_then_now_and_again() -> None:
    now, told = [0.0], list[str]()
    loading = Loading(told.append, lambda: False, lambda: now[0])
    loading(1, MUCH)
    assert told == []
    for done, at in ((2000, 0.0), (4000, EVERY - 1), (6000, EVERY), (8000, EVERY + 1)):
        now[0] = at
        loading(done, 1_000_000)
    assert told == [
        "no saved state fits this log and its settings: all 1,000,000 events are worked out "
        "before sources can connect",
        "worked out 6,000 of 1,000,000 events",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to another process")
async def test_a_run_that_works_out_a_long_log_says_so_and_stops_at_once(
    tmp_path: Path,
) -> None:
    a_log(tmp_path / "meet.db", MUCH + 10_000, JUNK)
    (tmp_path / "meet.toml").write_text(TOML.format(zone="Europe/Berlin", port=free_port()))
    async with programs_on(tmp_path) as programs:
        running = await programs.start("-m", "meetlog", "run", "--plain", "-m", str(tmp_path))
        assert "are worked out before sources can connect" in await running.until("no saved state")
        running.process.terminate()
        assert await running.gone() == 0, running.text
    assert "stopped before sources could connect; nothing had arrived" in running.lines[-1]
    assert "listens on" not in running.text
    assert call("verify", tmp_path).exit_code == 0
