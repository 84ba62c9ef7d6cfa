"""Wiring the house: one function that puts every room to work, and takes all down again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import msgspec
from anyio.abc import TaskGroup

from exporters.publisher import Publisher
from exporters.relay_choice import configured_locations
from exporters.relay_connection import Office
from exporters.relay_feed import Feed
from exporters.relay_ledger import Ledger
from exporters.relay_queue import Queue
from ingest.clients import run_client
from ingest.ctp01 import run_ctp01_server
from ingest.desk import Desk
from ingest.folder import FOLDER_SOURCE, watch_folder
from ingest.notices import Notice, NoticeBoard
from ingest.recorder import (
    SETTINGS_PATH,
    SETTINGS_SOURCE,
    GroupCommitRecorder,
    record_file_version,
)
from ingest.servers import run_server
from meetlog import __version__
from meetlog.clockwatch import ClockWatch
from meetlog.edges import MACHINE, Edges, Writer
from meetlog.loading import last_settings, load_meet, load_saved
from meetlog.passwords import read_password
from meetlog.projector import Overview, Projector
from meetlog.relaying import run_relay
from projections.meet import Meet
from projections.pausing import collection_paused
from projections.views import Crossing
from store.event import APP_STARTED, APP_STOPPED, Draft, pack_meta
from store.log import Log, StoreUnavailable
from wire.settings import RelaySettings, Settings, SourceSettings

US = "meetlog"
STOP_SECONDS = 5


class Ears(msgspec.Struct, frozen=True):
    """Who wants to hear what happens; each is called in the thread where it happens.

    `loading` hears how far the log is folded before anything listens, and of how many events;
    what it raises ends that.
    """

    notice: Callable[[Notice, bool], None] = lambda _notice, _over: None
    crossings: Callable[[Sequence[Crossing]], None] | None = None
    loading: Callable[[int, int], None] = lambda _done, _head: None


DEAF = Ears()
CLOCK_EVERY = 1.0  # seconds between two looks at the clock


class House:
    """A meet being recorded. `addresses` are where its servers listen, by source or relay."""

    def __init__(self, settings: Settings, board: NoticeBoard, projector: Projector) -> None:
        self.settings = settings
        self.board = board
        self.addresses: dict[str, tuple[str, ...]] = {}
        self.failed = anyio.Event()
        self.failure: BaseException | None = None
        self._projector = projector

    @property
    def overview(self) -> Overview:
        """How the meet stands, at most a quarter of a second old."""
        return self._projector.overview


@asynccontextmanager
async def open_house(
    folder: Path,
    settings: Settings,
    settings_body: bytes,
    ears: Ears = DEAF,
    *,
    edges: Edges = MACHINE,
) -> AsyncIterator[House]:
    """Record the meet whose `meet.toml` is in `folder` until the block ends.

    Everything is open and listening when the block begins; when it ends,
    sources are closed, what arrived is folded and published, and the log is
    closed, whatever is being cancelled around it. Raises `Refused`,
    `StoreError` and `IngestError`; `StoreUnavailable` also at the end, when
    what had arrived could not be written.
    """
    async with _unhurried() as stack:
        path = folder / settings.log.path
        stack.enter_context(
            edges.alone(
                path, "Stop that one first; reading commands and statements work beside it."
            )
        )
        log = edges.log(path, edges.wall)
        stack.callback(log.close)
        board = NoticeBoard(ears.notice)
        writer = edges.writer(
            log,
            partial(_stalled, board, edges),
            lambda _seconds, _count: board.clear("log:stalled"),
        )
        stack.push(partial(_close, writer))
        recorder = GroupCommitRecorder(writer)
        watch = ClockWatch(board, edges.wall, edges.monotonic, log.head().recorded_at)
        stack.callback(writer.subscribe(watch.recorded))
        with collection_paused():  # until what was loaded is not looked through any more
            saved = await edges.work(partial(load_saved, log))
            await recorder.append(Draft(US, APP_STARTED, pack_meta(version=__version__)))
            stack.push_async_callback(_record_stop, recorder)
            # First of all: by other settings than the newest the log would be folded in vain.
            await record_file_version(
                recorder,
                SETTINGS_SOURCE,
                SETTINGS_PATH,
                settings_body,
                mtime=edges.wall(),
                last_sha256=await edges.work(partial(last_settings, log, saved)),
            )
            meet = await edges.work(partial(load_meet, log, saved, ears.loading))
            stack.enter_context(edges.steady())
        root = folder / settings.folder.path
        there = edges.folder(root)
        publisher = Publisher(log, there.sink, clock=edges.monotonic)
        feeds = {
            relay.name: Feed(log, relay.name, locations=configured_locations(relay, settings))
            for relay in settings.relays
        }
        queue = Queue(log, feeds)
        projector = Projector(
            log,
            meet,
            publisher,
            log.views,
            edges.monotonic,
            queue=queue,
            on_crossings=ears.crossings,
            on_trouble=partial(_tables_trouble, board, edges),
            on_folding=ears.loading,
        )
        house = House(settings, board, projector)
        versions = meet.state.files.get(FOLDER_SOURCE, {})
        desk = Desk(
            recorder,
            board,
            now=edges.wall,
            network=edges.network,
            chance=edges.chance,
            work=edges.work,
        )
        await edges.work(partial(_begin, projector, publisher, queue, log))
        projector.on_folding = partial(_folding, board, edges)
        # Before the projector has the meet for itself.
        offices = {
            relay.name: Office(
                relay,
                feeds[relay.name],
                desk,
                _ledger(projector.meet, relay),
                edges.monotonic,
            )
            for relay in settings.relays
        }
        loop = asyncio.get_running_loop()

        def fail(e: BaseException) -> None:
            house.failure = e
            loop.call_soon_threadsafe(house.failed.set)

        projecting = edges.projecting(projector, fail)
        stack.callback(writer.subscribe(projecting.wake))
        projecting.start()
        stack.push_async_callback(edges.work, projecting.stop)
        async with anyio.create_task_group() as group:
            for source in settings.sources:
                await _start_source(group, house, source, desk=desk, meet=meet, folder=folder)
            for relay in settings.relays:
                listening = partial(house.addresses.__setitem__, relay.name)
                await group.start(run_relay, offices[relay.name], settings, folder, listening)
            group.start_soon(
                partial(
                    watch_folder,
                    settings.folder,
                    root,
                    desk,
                    dict(versions),
                    publisher.is_own,
                    disk=there.disk,
                    watch=there.watch,
                    clock=edges.monotonic,
                )
            )
            group.start_soon(_watch_clock, watch)
            try:
                yield house
            finally:
                group.cancel_scope.cancel()


@asynccontextmanager
async def _unhurried() -> AsyncIterator[AsyncExitStack]:
    """An exit stack that is unwound to its end even while its task is being cancelled."""
    stack = AsyncExitStack()
    try:
        yield stack
    finally:
        with anyio.CancelScope(shield=True):
            await stack.aclose()


def _close(writer: Writer, _type: object, error: BaseException | None, _trace: object) -> None:
    writer.close()
    failure = writer.failure
    if error is None and isinstance(failure, StoreUnavailable):
        raise StoreUnavailable(
            f"The log could not be written to the end: {failure}. What waited for it is not "
            "recorded; timing systems that can resend are asked for it at the next start."
        ) from failure


async def _watch_clock(watch: ClockWatch) -> None:
    while True:
        watch.look()
        await anyio.sleep(CLOCK_EVERY)


async def _record_stop(recorder: GroupCommitRecorder) -> None:
    # With a full disk this would wait for ever; a stop that is not recorded reads as a crash.
    with anyio.move_on_after(STOP_SECONDS):
        await recorder.append(Draft(US, APP_STOPPED))


async def _start_source(
    group: TaskGroup, house: House, source: SourceSettings, *, desk: Desk, meet: Meet, folder: Path
) -> None:
    if source.role == "client":
        group.start_soon(run_client, source, desk)
    elif source.protocol == "ctp01":
        marks = meet.state.resume.get(source.name, {})
        password = read_password(source, folder)
        house.addresses[source.name] = await group.start(
            partial(run_ctp01_server, source, desk, marks, password=password)
        )
    else:
        house.addresses[source.name] = await group.start(run_server, source, desk)


def _begin(projector: Projector, publisher: Publisher, queue: Queue, log: Log) -> None:
    projector.adopt_tables()
    publisher.recover(projector.meet, log)
    queue.begin(projector.meet, log.head().position)
    projector.step()


def _ledger(meet: Meet, relay: RelaySettings) -> Ledger:
    known = meet.state.relays.relays.get(relay.name)
    return Ledger(relay, known.peers if known else {})


def _folding(board: NoticeBoard, edges: Edges, done: int, of: int) -> None:
    if done >= of:
        board.clear("log:folding")
        return
    board.raise_(
        Notice(
            edges.wall(),
            US,
            "info",
            "log:folding",
            f"Other settings hold for what was read: {of} events are worked out anew",
            "Recording goes on; crossings and results come when that is done.",
        )
    )


def _stalled(board: NoticeBoard, edges: Edges, message: str) -> None:
    board.raise_(
        Notice(
            edges.wall(),
            US,
            "alarm",
            "log:stalled",
            f"Nothing is being recorded: {message}",
            "Sources are held back meanwhile and nothing is acknowledged. "
            "Recording goes on by itself as soon as the log can be written.",
        )
    )


def _tables_trouble(board: NoticeBoard, edges: Edges, message: str) -> None:
    if message:
        board.raise_(Notice(edges.wall(), US, "warning", "log:tables", message))
    else:
        board.clear("log:tables")
