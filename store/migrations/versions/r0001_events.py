"""The events, which nobody may change."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("form", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("meta", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sqlite_strict=True,
    )
    op.create_index(
        "events_kind",
        "events",
        ["kind", "position"],
        sqlite_where=sa.text("kind <> 'socket.read'"),
    )
    op.execute(
        "CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events BEGIN "
        "SELECT RAISE(ABORT, 'events are immutable and cannot be updated'); END"
    )
    op.execute(
        "CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events BEGIN "
        "SELECT RAISE(ABORT, 'events are immutable and cannot be deleted'); END"
    )
    # INSERT OR REPLACE deletes without asking the trigger above; and a gap or
    # a fork, whoever wrote it, is better refused here than found by verify.
    op.execute(
        "CREATE TRIGGER events_refuse_gap BEFORE INSERT ON events "
        "WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events) BEGIN "
        "SELECT RAISE(ABORT, 'events are immutable and their positions contiguous'); END"
    )
    # Tells a meetlog log from any other database: the letters `mlog`.
    op.execute(f"PRAGMA application_id = {int.from_bytes(b'mlog', 'big')}")


def downgrade() -> None:
    raise NotImplementedError("events are never dropped")
