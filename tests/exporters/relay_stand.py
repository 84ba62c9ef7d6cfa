"""A stand for relays in memory: a pool, its meet, and a queue whose log fails when told to."""

from collections.abc import Iterable, Sequence

from exporters.relay_feed import Feed
from exporters.relay_queue import Queue
from projections.folding import follow
from projections.meet import Meet
from projections.relayed import Item, Queued, queued
from store.event import RELAY_QUEUED, Draft, Head
from store.log import StoreUnavailable
from store.memory import MemoryLog
from tests.kit.meets import TOML, Pool
from tests.kit.passing_log import PassingLog
from wire.stamps import NS

SECOND = NS
TRIES = 1000  # steps after which a queue that is not done never will be


class Crash(BaseException):
    """The process ends here."""


class Faulty(PassingLog):
    """The log as one writer sees it: its disk can be full, its process end around an append."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log)
        self.full = False
        self.crash = ""

    def append(self, drafts: Sequence[Draft], *, after: int | None = None) -> Head:
        if self.full:
            raise StoreUnavailable("appending to meet.db: the disk is full; free some space")
        if self.crash == "before append":
            raise Crash
        head = super().append(drafts, after=after)
        if self.crash == "after append":
            raise Crash
        return head


def relay(name: str, protocol: str = "tsv2", **more: object) -> str:
    """A `[[relay]]` of a meet.toml."""
    keys: dict[str, object] = {"name": name, "protocol": protocol, "role": "server", "port": 7000}
    if protocol == "ctp01":
        keys["role"] = "client"
    keys["port"] = 7000 + sum(map(ord, name))
    lines = [f"{key} = {_toml(value)}" for key, value in (keys | more).items()]
    return "\n[[relay]]\n" + "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


class Stand:
    """A meet with relays, stepped as the projector does. `now` is the monotonic clock, in ns."""

    def __init__(self, *relays: str, toml: str = TOML) -> None:
        self.toml = toml
        self.pool = Pool(toml + "".join(relays))
        self.log = Faulty(self.pool.log)
        self.now = 0
        self.begin()

    def begin(self, meet: Meet | None = None) -> None:
        """A new process: on a meet that was saved, or on nothing."""
        self.log.crash = ""
        self.meet = meet or Meet()
        self.meet.settle()  # as `Projector.adopt_tables` does
        self.feeds = {r.name: Feed(self.log, r.name) for r in self.meet.settings.relays}
        self.queue = Queue(self.log, self.feeds)
        self.queue.begin(self.meet, self.log.head().position)

    def adopt(self, *relays: str, toml: str = "") -> None:
        """Other settings are recorded."""
        self.toml = toml or self.toml
        self.pool.file("meet.toml", (self.toml + "".join(relays)).encode(), "settings")

    def step(self, size: int = 10_000) -> int | None:
        """One turn of the projector: for how long nothing will be due."""
        self.meet = follow(self.meet, self.log, size)
        for each in self.meet.settings.relays:
            self.feeds.setdefault(each.name, Feed(self.log, each.name))
        return self.queue.consider(self.meet, self.meet.settle(), self.now)

    def hurry(self, size: int = 10_000) -> int | None:
        """A turn in which the projector settles nothing."""
        self.meet = follow(self.meet, self.log, size)
        return self.queue.pass_on(self.meet, self.now)

    def catch_up(self) -> None:
        """Turn until everything is folded and nothing is due now."""
        for _ in range(TRIES):
            wait = self.step()
            if self.meet.position == self.log.head().position and (wait is None or wait > 0):
                return
        raise AssertionError("the queue does not come to an end")

    def settle(self) -> None:
        """Turn until nothing will be due any more, however long that takes."""
        for _ in range(TRIES):
            wait = self.step()
            if self.meet.position == self.log.head().position:
                if wait is None:
                    return
                self.now += wait
        raise AssertionError("the queue does not come to an end")

    def finish(self) -> None:
        """The end of a run, as `Projector.finish` has it."""
        self.catch_up()
        self.queue.conclude(self.meet)
        self.catch_up()

    def decisions(self, name: str) -> list[Queued]:
        """What was decided for a relay."""
        events = self.pool.log.read(0, 1_000_000, kinds=(RELAY_QUEUED,))
        return [queued(event) for event in events if event.source == name]

    def items(self, name: str) -> list[Item]:
        """A relay's stream."""
        return [item for decision in self.decisions(name) for item in decision.items]

    def read_by(self, name: str, numbers: Iterable[int] = (1,)) -> list[Item]:
        """The stream as a connection reads it, from these items on."""
        return [
            each.item for number in numbers for each in self.feeds[name].at(number).read(1_000_000)
        ]
