"""The statements by which SQLite appends and reads events, written out.

Composing them from `store.tables` would load SQLAlchemy, which takes longer
than most commands take to run; tests compare them with what it composes.
"""

from functools import lru_cache

from store.event import SOCKET_READ, Event

# Of the partial index `events_kind`; a query uses that only where it has these very words.
RARE = f"kind <> '{SOCKET_READ}'"
# In the order of the rows of `chain.extend`.
INSERT = (
    "INSERT INTO events (position, recorded_at, source, kind, form, hash, meta, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
HEAD = "SELECT position, hash, recorded_at FROM events ORDER BY position DESC LIMIT 1"
_EVENTS = f"SELECT {', '.join(Event.__struct_fields__)} FROM events WHERE position > :after"
_IN_ORDER = "ORDER BY position LIMIT :limit"
PAGE = f"{_EVENTS} {_IN_ORDER}"


@lru_cache(maxsize=64)
def page_of_kinds(count: int, *, with_reads: bool) -> str:
    """A page of events of the kinds `:kind0` to `:kind{count - 1}`.

    Rare kinds are merged from the partial index, one range each, so a page
    costs its own length. With reads among them the table is walked.
    """
    kinds = [f":kind{i}" for i in range(count)]
    if with_reads:
        return f"{_EVENTS} AND kind IN ({', '.join(kinds)}) {_IN_ORDER}"
    ranges = [f"{_EVENTS} AND kind = {kind} AND {RARE}" for kind in kinds]
    return f"{' UNION ALL '.join(ranges)} {_IN_ORDER}"
