"""What relays leave in a log, for invented days: decisions, marks, connections, and peers' talk."""

from collections.abc import Callable

from hypothesis import strategies as st

from projections.relayed import Item, queued_draft
from store.event import (
    RELAY_QUEUED,
    RELAY_SENT,
    SOCKET_CLOSED,
    SOCKET_OPENED,
    SOCKET_READ,
    SOCKET_SENT,
)
from tests.kit.meets import Pool, read, utc
from wire.tsv1 import encode

Deed = Callable[[Pool], object]

RELAYS = """
[[relay]]
name = "scoring"
protocol = "tsv2"
role = "server"
port = 10010

[[relay]]
name = "board"
protocol = "ctp01"
role = "client"
port = 10011
send = "crossings"

[[relay]]
name = "spare"
protocol = "tsv1"
role = "server"
port = 10012
send = "raw"
"""
NAMES = ("scoring", "board", "spare", "gone")
TALK = (
    b"",
    b"RunScore~6.5~0\r\nstart\r\n",
    b"[{oops\r",
    encode([read(0, "101")]),
    encode([read(0, "", kind=0)]),
    b"CT01_33~1~Finish~101~09:00:00.00~1~AB~1\r\n",
)

_name = st.sampled_from(NAMES)
_item = st.builds(
    Item,
    kind=st.sampled_from([0, 1, 2, 2, 3]),
    location=st.sampled_from(["Finish", "Turn", "The_far_side_of_"]),
    tag=st.sampled_from(["101", "7"]),
    moment=st.integers(0, 4).map(lambda tick: utc(tick * 500)),
    point=st.sampled_from(["", "The far side of the lake"]),
    full=st.sampled_from(["", "E200001722110144189"]),
)
_items = st.lists(_item, max_size=3).map(tuple)


def _toggle(name: str, peer: str, number: int) -> Deed:
    """Connect, or disconnect what is connected."""

    def told(pool: Pool) -> None:
        if name in pool.open:
            pool.open.discard(name)
            pool.add(name, SOCKET_CLOSED, c=number, reason="the peer closed the connection")
        else:
            pool.open.add(name)
            pool.add(
                name, SOCKET_OPENED, c=number, protocol="tsv2", role="server", peer=peer, relay=True
            )

    return told


def _talk(name: str, body: bytes, kind: str, times: int) -> Deed:
    def told(pool: Pool) -> None:
        for _ in range(times if name in pool.open else 0):
            pool.add(name, kind, body, c=_number(name))

    return told


def _queue(
    name: str, items: tuple[Item, ...], gone: tuple[Item, ...], back: int, crossings: bool
) -> Deed:
    """A decision that saw all but the last few events."""

    def told(pool: Pool) -> None:
        as_of = max(0, pool.log.head().position - back)
        draft = queued_draft(
            name, items, as_of=as_of, before=pool.queued.get(name, 0), crossings=crossings,
            withdrawn=gone,
        )  # fmt: skip
        pool.queued[name] = pool.queued.get(name, 0) + len(items)
        pool.log.append([draft])

    return told


def _mark(name: str, peer: str, through: int, behind: int) -> Deed:
    return lambda pool: pool.add(
        name, RELAY_SENT, c=_number(name), peer=peer, through=through,
        safe=max(0, through - behind), sent=through, again=behind,
    )  # fmt: skip


def _number(name: str) -> int:
    return 70 + NAMES.index(name)


_peer = st.sampled_from(["10.0.0.5:1", "10.0.0.6:1"])
connections: st.SearchStrategy[Deed] = st.one_of(
    st.builds(lambda name, peer: _toggle(name, peer, _number(name)), _name, _peer),
    st.builds(
        _talk, _name, st.sampled_from(TALK), st.sampled_from([SOCKET_READ, SOCKET_SENT]),
        st.sampled_from([1, 1, 5]),
    ),
    st.builds(_mark, _name, _peer, st.integers(0, 9), st.integers(0, 3)),
)  # fmt: skip
decisions: st.SearchStrategy[Deed] = st.one_of(
    st.builds(_queue, _name, _items, _items, st.integers(0, 3), st.booleans()),
    st.builds(
        lambda name, kind, body: lambda p: p.add(name, kind, body, as_of=1, before="?"),
        _name, st.sampled_from([RELAY_QUEUED, RELAY_SENT]), st.sampled_from([b"", b"\xc1"]),
    ),
)  # fmt: skip
