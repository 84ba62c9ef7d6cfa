"""Keeping the read tables: what changed, written with the checkpoint in one transaction."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, Table, delete, insert, select

from projections import tables as t
from projections.meet import VERSION, Changes, Meet
from projections.rounding import format_cs
from projections.views import Crossing, Race
from store.event import GENESIS
from wire.timedrops import RaceKey

Row = dict[str, object]
_READ_TABLES = (t.crossings, t.results, t.lanes, t.splits, t.revisions, t.sources)


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


def write(connection: Connection, meet: Meet, changes: Changes, hash_: bytes) -> None:
    """Bring the tables to the meet's position, whose event has `hash_`.

    Whatever `changes` names is replaced; the rest stands. Writing the same
    again changes nothing.
    """
    chips = sorted(changes.chips)
    for some in _portions(chips):
        connection.execute(delete(t.crossings).where(t.crossings.c.chip.in_(some)))
    _insert(connection, t.crossings, (_crossing(c) for c in meet.crossings(chips)))
    for key in changes.races:
        _replace_race(connection, key, meet.race(key))
    newest = connection.execute(
        select(t.revisions.c.position).order_by(t.revisions.c.position.desc()).limit(1)
    ).scalar()
    _insert(
        connection,
        t.revisions,
        (msgspec.structs.asdict(r) for r in meet.revisions() if r.position > (newest or 0)),
    )
    connection.execute(delete(t.sources))
    _insert(
        connection,
        t.sources,
        (
            _row(
                t.sources,
                msgspec.structs.asdict(s) | {"peers": ", ".join(s.peers), "gaps": len(s.gaps)},
            )
            for s in meet.sources()
        ),
    )
    _put(connection, t.checkpoint, meet.position, hash_)


def save_snapshot(connection: Connection, meet: Meet, hash_: bytes) -> None:
    """Save the folds' state, for a later start."""
    _put(connection, t.snapshot, meet.position, hash_, state=meet.save())


def load_snapshot(connection: Connection) -> tuple[Meet, bytes] | None:
    """The saved state and the hash of its last event; None without one of this version."""
    row = connection.execute(
        select(t.snapshot.c.state, t.snapshot.c.hash).where(t.snapshot.c.version == VERSION)
    ).first()
    if row is None:
        return None
    try:
        return Meet.load(row.state), row.hash
    except ValueError:
        return None  # a saved state is only a saving of time; the log is folded anew


def _put(connection: Connection, table: Table, position: int, hash_: bytes, **more: object) -> None:
    connection.execute(delete(table))
    connection.execute(
        insert(table), [{"id": 1, "version": VERSION, "position": position, "hash": hash_} | more]
    )


def _replace_race(connection: Connection, key: RaceKey, race: Race | None) -> None:
    for table in (t.results, t.lanes, t.splits):
        connection.execute(
            delete(table).where(
                table.c.session == key.session,
                table.c.event == key.event,
                table.c.heat == key.heat,
            )
        )
    if race is None:
        return
    identity: Row = {"session": key.session, "event": key.event, "heat": key.heat}
    fields = msgspec.structs.asdict(race) | {"program_order": race.order}
    _insert(connection, t.results, [_row(t.results, fields)])
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
            identity | {"lane": lane.lane, "number": n} | msgspec.structs.asdict(split)
            for n, split in enumerate(lane.splits, 1)
        ]
    _insert(connection, t.lanes, lanes)
    _insert(connection, t.splits, splits)


def _crossing(crossing: Crossing) -> Row:
    row = msgspec.structs.asdict(crossing)
    return row if row["rssi"] is None else row | {"rssi": round(crossing.rssi or 0)}


def _row(table: Table, fields: Mapping[str, object]) -> Row:
    """The fields that are columns of `table`."""
    return {c.name: fields[c.name] for c in table.columns}


def _insert(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    found = list(rows)
    if found:
        connection.execute(insert(table), found)


def _portions(chips: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """Portions below SQLite's limit of variables in one statement."""
    return (chips[i : i + size] for i in range(0, len(chips), size))
