"""A small meet for tests of one fault each: a mat, a heat of two, and where its files are."""

from collections.abc import Callable
from pathlib import Path

from store.event import FILE_CHANGED, SOCKET_READ, Event, meta_of
from store.sqlite import SqliteLog
from tests.kit.ports import free_port
from tests.kit.programs import Tail
from tests.whole.peers import say
from tests.whole.test_bad_input import CHIPS, MORNING, PROGRAM, read
from wire.reads import RawRead
from wire.stamps import NS, format_iso
from wire.timedrops import encode_program
from wire.tsv2 import encode

RUN = ("-m", "meetlog", "run", "--plain", "-m")
RESULT = "Session1_Event_1_Heat1_Race1_{}.json"
TOML = """
[log]
path = "{log}"
[folder]
path = "{timedrops}"
quiet = "50ms"
settle = "50ms"
rescan = "200ms"
[console]
enabled = false
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
[[course]]
legs = [{{ point = "Finish", distance = 50 }}]
"""


def messages(megabytes: int = 6) -> list[bytes]:
    """Reads that take so much room, in messages of some: each has an EPC longer than any."""
    count = megabytes * 512
    reads = [
        RawRead(str(100 + n), format_iso(MORNING + n * NS // 100), "Finish", epc="E" * 2000)
        for n in range(count)
    ]
    return [encode(reads[at : at + 8]) for at in range(0, count, 8)]


class Stage:
    """A meet's folder; the log and the Time Drops folder may be elsewhere."""

    def __init__(
        self, folder: Path, *, log: Path | None = None, timedrops: Path | None = None
    ) -> None:
        self.folder = folder
        self.log = log or folder / "meet.db"
        self.timedrops = timedrops or folder / "timedrops"
        self.mat, self.lines = free_port(), free_port()
        folder.mkdir(exist_ok=True)
        text = TOML.format(log=self.log, timedrops=self.timedrops, mat=self.mat, lines=self.lines)
        (folder / "meet.toml").write_text(text)
        self.timedrops.mkdir(exist_ok=True)
        self.write_program()
        (self.timedrops / "chips.csv").write_bytes(CHIPS)
        self.tail = Tail(self.log)

    def write_program(self, name: str = "Small") -> None:
        """Have the meet manager write its program."""
        program = encode_program(PROGRAM).replace(b'"Small"', f'"{name}"'.encode())
        (self.timedrops / "meet_program.json").write_bytes(program)

    def recorded(self, *names: str) -> Callable[[], bool]:
        """Whether a version of each of these files was recorded."""

        def are_there() -> bool:
            self.tail.refresh()
            return {str(meta_of(e)["path"]) for e in self.tail.of(FILE_CHANGED)} >= set(names)

        return are_there

    def has(self, kind: str, count: int = 1) -> Callable[[], bool]:
        """Whether so many events of this kind were recorded."""

        def are_there() -> bool:
            self.tail.refresh()
            return len(self.tail.of(kind)) >= count

        return are_there

    async def swim(self) -> None:
        """Have the mat see the start and both finishes of the heat."""
        await say(self.mat, encode([read(0, "0", kind=0), read(30_120, "1011")]))
        await say(self.mat, encode([read(31_450, "1012")]))

    async def swim_better(self, ms: int = 31_440) -> None:
        """Have it see a finish that counts instead: stronger and a hundredth earlier."""
        await say(self.mat, encode([read(ms, "1012")]))

    def events(self) -> list[Event]:
        """The log, read anew."""
        log = SqliteLog(self.log, read_only=True)
        try:
            return log.read(0, 1_000_000)
        finally:
            log.close()

    def received(self) -> bytes:
        """All that the mat has said."""
        return b"".join(e.body for e in self.events() if e.kind == SOCKET_READ)
