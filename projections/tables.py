"""The read tables: what the folds show, as rows for SQL and spreadsheets.

They are disposable: `meetlog rebuild` empties and refolds them.

Moments are ISO texts with the meet's offset beside integers `_ns` (UTC);
race times are integer hundredths `_cs`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()


def _text(name: str) -> "Column[str]":
    return Column(name, Text, nullable=False)


def _race() -> "list[Column[str] | Column[int]]":
    return [
        Column("session", Text, primary_key=True),
        Column("event", Text, primary_key=True),
        Column("heat", Integer, primary_key=True),
    ]


crossings = Table(
    "crossings",
    metadata,
    Column("chip", Text, primary_key=True),
    Column("point", Text, primary_key=True),
    Column("first_ns", BigInteger, primary_key=True),
    _text("moment"),
    Column("moment_ns", BigInteger, nullable=False),
    Column("provisional", Boolean, nullable=False),
    Column("reads", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("last_ns", BigInteger, nullable=False),
    _text("feed"),
    _text("source"),
    _text("reader"),
    Column("antenna", Integer, nullable=False),
    Column("rssi", Integer),
    Column("backup", Boolean, nullable=False),
    _text("swimmer"),
    sqlite_with_rowid=False,
)

results = Table(
    "results",
    metadata,
    *_race(),
    Column("session_number", Integer, nullable=False),
    Column("race_number", Integer, nullable=False),
    Column("program_order", Integer, nullable=False),
    _text("state"),
    _text("start"),
    Column("start_ns", BigInteger),
    _text("origin"),
    Column("revision", Integer, nullable=False),
    sqlite_with_rowid=False,
)

lanes = Table(
    "lanes",
    metadata,
    *_race(),
    Column("lane", Integer, primary_key=True),
    _text("lane_event"),
    _text("swimmers"),
    _text("name"),
    _text("team"),
    _text("chips"),
    Column("time_cs", Integer),
    _text("time"),
    _text("status"),
    Column("place", Integer),
    sqlite_with_rowid=False,
)

splits = Table(
    "splits",
    metadata,
    *_race(),
    Column("lane", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    _text("point"),
    Column("distance", Integer, nullable=False),
    Column("time_cs", Integer, nullable=False),
    Column("moment_ns", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

revisions = Table(
    "revisions",
    metadata,
    Column("position", BigInteger, primary_key=True),
    _text("session"),
    _text("event"),
    Column("heat", Integer, nullable=False),
    Column("race_number", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    _text("origin"),
    _text("name"),
    _text("sha256"),
    _text("recorded_at"),
    _text("cause"),
    _text("author"),
    _text("reason"),
)

sources = Table(
    "sources",
    metadata,
    Column("source", Text, primary_key=True),
    _text("protocol"),
    _text("state"),
    _text("peers"),
    Column("bytes", BigInteger, nullable=False),
    _text("last_byte"),
    _text("last_read"),
    Column("received", BigInteger, nullable=False),
    Column("known", BigInteger, nullable=False),
    Column("new", BigInteger, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    Column("skew_ms", BigInteger),
    Column("gaps", Integer, nullable=False),
    _text("warning"),
)

relays = Table(
    "relays",
    metadata,
    Column("relay", Text, primary_key=True),
    _text("protocol"),
    _text("send"),
    _text("state"),
    _text("peers"),
    Column("queued", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),
    _text("waiting_since"),
    Column("again", BigInteger, nullable=False),
    Column("withdrawn", BigInteger, nullable=False),
    _text("last_queued"),
    _text("last_sent"),
    _text("locations"),
    Column("shortened", Integer, nullable=False),
    _text("warnings"),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

# The folds' saved state, so that a restart need not fold the log from its start.
snapshot = Table(
    "snapshot",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("state", LargeBinary, nullable=False),
)
