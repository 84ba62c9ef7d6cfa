"""Keeping the read tables: what changed, written with the checkpoint in one transaction.

Only when much changed at once, under a load that no meet has for long, is it
done in portions; the tables are then without a checkpoint until it is whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, bindparam, delete, insert, select
from sqlalchemy.dialects.sqlite import dialect

from projections import snapshots
from projections import tables as t
from projections.crossed import CrossingKey
from projections.meet import VERSION, Changes, Meet
from projections.rounding import format_cs
from projections.views import Crossing, Race, RelayHealth
from store.event import GENESIS
from store.log import Log
from wire.timedrops import RaceKey

Row = tuple[Any, ...]
_DIALECT = dialect(paramstyle="qmark")
_READ_TABLES = (t.crossings, t.results, t.lanes, t.splits, t.revisions, t.sources, t.relays)


class Checkpoint(msgspec.Struct, frozen=True):
    """The last event that the read tables show, and its hash in the chain."""

    position: int
    hash: bytes


def checkpoint(connection: Connection) -> Checkpoint:
    """How far the read tables are; position 0 when empty or written by another version."""
    row = connection.execute(
        select(t.checkpoint.c.position, t.checkpoint.c.hash, t.checkpoint.c.version)
    ).first()
    if row is None or row.version != VERSION:
        return Checkpoint(0, GENESIS)
    return Checkpoint(row.position, row.hash)


def empty(connection: Connection) -> None:
    """Empty the read tables, the checkpoint and the saved state."""
    for table in (*_READ_TABLES, t.checkpoint, t.snapshot):
        connection.execute(delete(table))


class Rows(msgspec.Struct, frozen=True):
    """What a write will put into the tables, worked out before it: see `prepare`.

    With a `position` of None it is the first part of more, see `portions`.
    """

    position: int | None
    hash: bytes
    gone: list[CrossingKey]
    races: list[RaceKey]
    inserts: list[tuple[Table, list[Row]]]
    revisions: list[Row]


def prepare(meet: Meet, changes: Changes, hash_: bytes, since: int = 0) -> Rows:
    """The rows that bring the tables to the meet's position, whose event has `hash_`.

    Whoever writes keeps appends waiting, so all that can be is done here. The
    revisions up to event `since` are in the tables.
    """
    inserts: list[tuple[Table, list[Row]]] = [(t.crossings, _crossings(meet, changes))]
    for key in changes.races:
        race = meet.race(key)
        if race is not None:
            inserts += _race_rows(key, race)
    sources = [
        _row(
            t.sources,
            msgspec.structs.asdict(s) | {"peers": ", ".join(s.peers), "gaps": len(s.gaps)},
        )
        for s in meet.sources()
    ]
    inserts.append((t.sources, sources))
    inserts.append((t.relays, [_relay(relay) for relay in meet.relays()]))
    revisions = [_row(t.revisions, msgspec.structs.asdict(r)) for r in meet.revisions(after=since)]
    return Rows(
        meet.position,
        hash_,
        _gone(changes),
        list(changes.races),
        inserts,
        revisions,
    )


def portions(
    meet: Meet, changes: Changes, hash_: bytes, size: int, since: int = 0
) -> Iterator[Rows]:
    """`prepare` in parts of about `size` rows, each to be put in a transaction of its own.

    Appends wait for a transaction, and results for whoever prepares it, so a
    large one would hold up both. What is not a crossing is prepared at once,
    as of now. While parts are missing the tables have no checkpoint; the last
    part brings it.
    """
    found = list(changes.crossings.items())
    last = len(found) - 1 - (len(found) - 1) % size if found else 0
    rest = Changes(races=changes.races, crossings=dict(found[last:]))
    final = prepare(meet, rest, hash_, since)
    for start in range(0, last, size):
        part = Changes(crossings=dict(found[start : start + size]))
        shown = _crossings(meet, part)
        yield Rows(None, b"", _gone(part), [], [(t.crossings, shown)], [])
    yield final


def _crossings(meet: Meet, changes: Changes) -> list[Row]:
    return [
        _crossing(meet.crossing(chip, point, passing))
        for (chip, point, _), passing in changes.crossings.items()
        if passing is not None
    ]


def _gone(changes: Changes) -> list[CrossingKey]:
    return [key for key, passing in changes.crossings.items() if passing is None]


def put(connection: Connection, rows: Rows) -> None:
    """Replace whatever `rows` are about; the rest stands. Putting them again changes nothing."""
    if rows.position is None:
        connection.execute(delete(t.checkpoint))
        _delete(connection, t.crossings, ("chip", "point", "first_ns"), rows.gone)
        for table, found in rows.inserts:
            _insert(connection, table, found)
        return
    _delete(connection, t.crossings, ("chip", "point", "first_ns"), rows.gone)
    for table in (t.results, t.lanes, t.splits):
        _delete(connection, table, ("session", "event", "heat"), rows.races)
    for table in (t.sources, t.relays):
        connection.execute(delete(table))
    for table, found in rows.inserts:
        _insert(connection, table, found)
    newest = connection.execute(
        select(t.revisions.c.position).order_by(t.revisions.c.position.desc()).limit(1)
    ).scalar()
    names = [c.name for c in t.revisions.columns]
    at = names.index("position")
    _insert(connection, t.revisions, [r for r in rows.revisions if r[at] > (newest or 0)])
    _put(connection, t.checkpoint, rows.position, rows.hash)


def write(connection: Connection, meet: Meet, changes: Changes, hash_: bytes) -> None:
    """`prepare` and `put` in one."""
    put(connection, prepare(meet, changes, hash_))


def save_snapshot(connection: Connection, position: int, hash_: bytes, state: bytes) -> None:
    """Save the folds' state (`Meet.save`) as of `position`, for a later start."""
    _put(connection, t.snapshot, position, hash_, state=state)


def load_snapshot(connection: Connection, log: Log) -> Meet | None:
    """See `snapshots.load_snapshot`."""
    driver: Any = connection.connection.driver_connection
    return snapshots.load_snapshot(driver, log)


def _put(connection: Connection, table: Table, position: int, hash_: bytes, **more: object) -> None:
    connection.execute(delete(table))
    connection.execute(
        insert(table), [{"id": 1, "version": VERSION, "position": position, "hash": hash_} | more]
    )


def _race_rows(key: RaceKey, race: Race) -> list[tuple[Table, list[Row]]]:
    identity = {"session": key.session, "event": key.event, "heat": key.heat}
    fields = msgspec.structs.asdict(race) | {"program_order": race.order}
    lanes: list[Row] = []
    splits: list[Row] = []
    for lane in race.lanes:
        told = msgspec.structs.asdict(lane) | {
            "lane_event": lane.event,
            "swimmers": ", ".join(lane.swimmer_ids),
            "chips": ", ".join(lane.chips),
            "time": format_cs(lane.time_cs),
        }
        lanes.append(_row(t.lanes, told | identity))
        splits += [
            _row(
                t.splits,
                identity | {"lane": lane.lane, "number": n} | msgspec.structs.asdict(split),
            )
            for n, split in enumerate(lane.splits, 1)
        ]
    return [(t.results, [_row(t.results, fields)]), (t.lanes, lanes), (t.splits, splits)]


def _relay(relay: RelayHealth) -> Row:
    told = {
        "peers": ", ".join(relay.peers),
        "locations": ", ".join(f"{name} {count}" for name, count in relay.locations.items()),
        "shortened": len(relay.shortened),
        "warnings": "; ".join(relay.warnings),
    }
    return _row(t.relays, {name: getattr(relay, name) for name in relay.__struct_fields__} | told)


def _crossing(crossing: Crossing) -> Row:
    row = msgspec.structs.asdict(crossing)
    if crossing.rssi is not None:
        row["rssi"] = round(crossing.rssi)
    return _row(t.crossings, row)


def _row(table: Table, fields: Mapping[str, object]) -> Row:
    """The fields that are columns of `table`, in their order."""
    return tuple(fields[name] for name in _names(table))


@cache
def _names(table: Table) -> tuple[str, ...]:
    return tuple(c.name for c in table.columns)


# Statements are compiled once and run with the driver's own tuples: through
# Core's execution a table takes four times as long, and appends wait for it.


def _insert(connection: Connection, table: Table, rows: list[Row]) -> None:
    if rows:
        connection.exec_driver_sql(_insert_sql(table), rows)


def _delete(
    connection: Connection, table: Table, columns: tuple[str, ...], keys: Sequence[Row]
) -> None:
    if keys:
        connection.exec_driver_sql(_delete_sql(table, columns), [tuple(key) for key in keys])


@cache
def _insert_sql(table: Table) -> str:
    return str(insert(table).prefix_with("OR REPLACE").compile(dialect=_DIALECT))


@cache
def _delete_sql(table: Table, columns: tuple[str, ...]) -> str:
    conditions = (table.c[name] == bindparam(name) for name in columns)
    return str(delete(table).where(*conditions).compile(dialect=_DIALECT))
