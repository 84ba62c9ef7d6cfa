"""Whatever is cut, and whenever: each program of a machine gets everything."""

from typing import Any

import anyio
import anyio.abc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.jumping import JumpingLoop
from tests.kit.memory import MemoryStream, memory_pair
from tests.kit.relays import RelayStand, TsvPeer
from wire.settings import RelaySettings
from wire.stamps import MINUTE

LAG = 59  # seconds, for which at most a program reads nothing: less than the overlap
PROGRAMS = ("a", "b")


class Day:
    """Two programs of one machine, which read late and are cut off with what they had not read."""

    def __init__(self, protocol: Any, group: anyio.abc.TaskGroup) -> None:
        relay = RelaySettings("scoring", protocol, "server", 9000, overlap=MINUTE)
        self.stand = RelayStand(relay)
        self.got: dict[str, set[str]] = {name: set() for name in PROGRAMS}
        self._peers: dict[str, tuple[TsvPeer, anyio.CancelScope]] = {}
        self._read_at = 0.0
        self._group = group

    async def play(self, deeds: list[tuple[Any, ...]]) -> None:
        await self.connect_all()
        for name, *args in deeds:
            await getattr(self, name)(*args)
        await self.connect_all()
        await self.read()
        for name in PROGRAMS:
            await self.cut(name, 0)

    async def connect_all(self) -> None:
        for name in PROGRAMS:
            await self.connect(name)

    async def connect(self, name: str) -> None:
        if name not in self._peers:
            near, far = memory_pair(far="10.0.0.9:50000")
            peer, scope = TsvPeer(far, self.stand.relay.protocol), anyio.CancelScope()
            self._peers[name] = peer, scope
            self._group.start_soon(self._attend, near, scope)
            await anyio.wait_all_tasks_blocked()

    async def add(self, count: int) -> None:
        self.stand.add(count)
        await anyio.wait_all_tasks_blocked()

    async def wait(self, seconds: int) -> None:
        """Time passes, in which both read from time to time."""
        for _ in range(0, seconds, LAG):
            await self.lag(min(LAG, seconds))
            await self.read()

    async def lag(self, seconds: int) -> None:
        """Time passes, in which nobody reads."""
        if anyio.current_time() + seconds - self._read_at > LAG:
            await self.read()
        await anyio.sleep(seconds)

    async def read(self) -> None:
        for name, (peer, _) in self._peers.items():
            await peer.take_pending()
            self.got[name] |= set(peer.chips)
        self._read_at = anyio.current_time()

    async def cut(self, name: str, lag: int) -> None:
        """A program dies, having read nothing for some time."""
        await self.lag(lag)
        if name in self._peers:
            self._peers.pop(name)[0].stream.close()
            await anyio.wait_all_tasks_blocked()

    async def restart(self, lag: int) -> None:
        """We are stopped, and begin again."""
        await self.lag(lag)
        for _, scope in self._peers.values():
            scope.cancel()
        self._peers.clear()
        await anyio.wait_all_tasks_blocked()
        self.stand.restart()

    async def _attend(self, near: MemoryStream, scope: anyio.CancelScope) -> None:
        with scope:
            await self.stand.attend(near)


_program = st.sampled_from(PROGRAMS)
_lag = st.integers(0, LAG)
_deed = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 30)),
    st.tuples(st.just("wait"), st.sampled_from((1, 30, 70, 200))),
    st.tuples(st.just("lag"), _lag),
    st.tuples(st.just("cut"), _program, _lag),
    st.tuples(st.just("restart"), _lag),
    st.tuples(st.just("connect"), _program),
)


@pytest.mark.parametrize("protocol", ["tsv1", "tsv2"])
@given(deeds=st.lists(_deed, min_size=5, max_size=25))
@settings(max_examples=50, deadline=None)
def test_every_program_gets_everything_whatever_is_cut(
    protocol: str, deeds: list[tuple[Any, ...]]
) -> None:
    async def play() -> Day:
        async with anyio.create_task_group() as group:
            day = Day(protocol, group)
            await day.play(deeds)
        return day

    day = anyio.run(play, backend_options={"loop_factory": JumpingLoop})
    everything = {f"{1000 + n}" for n in range(day.stand.queued)}
    assert day.got == dict.fromkeys(PROGRAMS, everything)
