"""The table of events. Migrations make it; this says what it must be at their head."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from store import sql
from store.event import FORM

metadata = MetaData()

# SQLite's INTEGER holds 64 bits, and only that word makes the key the rowid.
_int64 = BigInteger().with_variant(Integer, "sqlite")

# What `sqlite` says below is how the file keeps it; another engine reads past it.
events = Table(
    "events",
    metadata,
    Column("position", _int64, primary_key=True, autoincrement=False),
    Column("recorded_at", _int64, nullable=False),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("form", Integer, nullable=False, server_default=text(str(FORM))),
    Column("hash", LargeBinary, nullable=False),
    Column("meta", LargeBinary, nullable=False),
    # Last, so that the columns before it are read without walking a large body's pages.
    Column("body", LargeBinary, nullable=False),
    sqlite_strict=True,
)

# Nearly every row is a socket.read. Leaving those out keeps the hot append
# free of a second tree, and the rare kinds quick to find.
_rare = text(sql.RARE)

events_kind = Index(
    "events_kind", events.c.kind, events.c.position, sqlite_where=_rare, postgresql_where=_rare
)
