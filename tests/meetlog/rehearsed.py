"""A whole rehearsal as bytes in a log: three protocols, pieces cut anywhere, a lost connection."""

import random

from meetlog.demo import SETTINGS
from meetlog.simulate.faults import Faults
from meetlog.simulate.race import BACKUP_AHEAD, Plan, Rehearsal, make_rehearsal
from meetlog.simulate.script import Act, Detection, Recall, point_of, without_first_seen
from tests.kit.meets import MORNING, Pool
from wire.ctp01_messages import Ack, DataLine
from wire.ctp01_messages import encode as encode_ctp01
from wire.reads import RawRead, ReadKind
from wire.settings import format_duration
from wire.stamps import HOUR, NS, format_iso
from wire.statements import RecallHeat
from wire.timedrops import PROGRAM_FILE, encode_program
from wire.tsv1 import encode as encode_tsv1
from wire.tsv2 import encode as encode_tsv2

SOURCES = {"Start": "turn-and-gun", "Turn": "turn-and-gun", "Finish": "finish", "Finish2": "backup"}
PROTOCOLS = {"turn-and-gun": "tsv1", "finish": "ctp01", "backup": "tsv2"}
PLAN = Plan(seed=3, heats=3, lanes=4, missed=0.3, faults=Faults(duplicates=0.3, late=0.2))


class RehearsedPool(Pool):
    """The rehearsal as it came in, in pieces of at most `most` bytes."""

    def __init__(self, seed: int = 1, most: int = 90) -> None:
        toml = SETTINGS.format(
            zone="Europe/Berlin",
            shift=format_duration(-BACKUP_AHEAD),
            tsv1=1,
            ctp01=2,
            tsv2=3,
            console=4,
        )
        super().__init__(toml)
        self.rehearsal: Rehearsal = make_rehearsal(PLAN)
        self.random = random.Random(seed)
        self.most = most
        self.numbers = dict.fromkeys(PROTOCOLS, 10)
        self.waiting = {source: bytearray() for source in PROTOCOLS}
        self.chips(self.rehearsal.chips)
        self.file(PROGRAM_FILE, encode_program(self.rehearsal.program))
        for source in PROTOCOLS:
            self._open(source)
        self.waiting["finish"] += encode_ctp01(Ack("getconnectionid", ("b617",)))

    def play(self) -> None:
        """Everything happens; one connection is lost in the middle of a message, and comes back."""
        acts = self.rehearsal.acts
        for number, act in enumerate(acts):
            self._act(act)
            if number == len(acts) // 2:
                self._lose("turn-and-gun")
        for source in PROTOCOLS:
            self._send(source, flush=True)

    def _open(self, source: str) -> None:
        self.numbers[source] += 1
        self.open.add(source)
        self.add(
            source, "socket.opened", c=self.numbers[source], protocol=PROTOCOLS[source],
            role="client", peer=f"10.0.0.{self.numbers[source]}:9",
        )  # fmt: skip

    def _lose(self, source: str) -> None:
        lost = bytes(self.waiting[source])
        self.waiting[source].clear()
        if lost:
            self.add(source, "socket.read", lost[: len(lost) // 2], c=self.numbers[source])
        self.add(source, "socket.closed", c=self.numbers[source], reason="cut")
        self._open(source)
        self.waiting[source] += lost

    def _act(self, act: Act) -> None:
        self.now = max(self.now, MORNING - 2 * HOUR + act.at)
        if isinstance(act.what, Recall):
            race = act.what.race
            self.say(
                RecallHeat(
                    session=race.session,
                    event=race.event,
                    heat=race.heat,
                    gun=MORNING - 2 * HOUR + act.what.gun,
                    author="Ada",
                    channel="cli",
                    at=self.now,
                    seen=0,
                    reason="false start",
                )
            )
        elif isinstance(act.what, Detection):
            source = SOURCES[point_of(act)]
            if source != "finish" or without_first_seen([act]):
                self.waiting[source] += self._encoded(source, act.what)
            self._send(source)

    def _encoded(self, source: str, d: Detection) -> bytes:
        if source == "finish":
            self.seq += 1
            stamp = format_iso(MORNING + d.moment, 2)
            return encode_ctp01(
                DataLine("CT01_33", self.seq, d.point, d.chip, stamp, 1, d.reader, d.antenna)
            )
        gun = d.kind == ReadKind.GUN
        read = RawRead(
            0 if gun else d.chip, format_iso(MORNING + d.moment, 7) + "Z", d.point, int(d.kind),
            d.antenna, d.reader, rssi=d.rssi if source == "backup" else None,
        )  # fmt: skip
        return encode_tsv2([read]) if source == "backup" else encode_tsv1([read])

    def _send(self, source: str, *, flush: bool = False) -> None:
        """Some of what waits arrives, cut anywhere; with `flush` all of it."""
        waiting = self.waiting[source]
        while waiting and (flush or len(waiting) > self.random.randrange(3 * self.most)):
            size = self.random.randint(1, self.most)
            self.now += NS // 1000
            self.add(source, "socket.read", bytes(waiting[:size]), c=self.numbers[source])
            del waiting[:size]
