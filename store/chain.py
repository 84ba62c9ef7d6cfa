"""The chain: the rows that continue a log from its head. Every engine appends through it."""

from collections.abc import Sequence

from store.event import FORM, Draft, Head, chain_hash

# In the order of the table: the body last, so that what stands before it is
# read without walking through a large body's overflow pages.
Row = tuple[int, int, str, str, int, bytes, bytes, bytes]


def extend(head: Head, groups: Sequence[Sequence[Draft]], now: int) -> tuple[list[Row], list[Head]]:
    """The rows that put `groups` after `head`, and the head as of each group's last event.

    `now` is the engine's clock (ns since the epoch, UTC); a clock that ran
    backwards repeats the head's time instead, so `recorded_at` never decreases.
    """
    position, previous, then = head
    recorded_at = max(now, then)
    rows: list[Row] = []
    heads: list[Head] = []
    for drafts in groups:
        for d in drafts:
            position += 1
            previous = chain_hash(previous, position, recorded_at, d.source, d.kind, d.meta, d.body)
            rows.append((position, recorded_at, d.source, d.kind, FORM, previous, d.meta, d.body))
        heads.append(Head(position, previous, recorded_at))
    return rows, heads


def refuse_empty(groups: Sequence[Sequence[Draft]]) -> None:
    """An append of nothing is a mistake of the caller: it would have no position to return."""
    if not groups or not all(groups):
        raise ValueError("nothing to append: every append needs at least one event")
