"""Alembic's entry: runs the migrations on the connection given, or on `alembic.ini`'s file.

The tables to compare with are named in `metadata`, as `module:attribute`
with commas between, so that the store need not import the rooms whose read
tables share its file. Logging is left alone: that belongs to the program.
"""

from importlib import import_module

from alembic import context
from sqlalchemy import Connection, MetaData, create_engine

config = context.config


def _targets() -> list[MetaData]:
    names = config.attributes.get("metadata") or config.get_main_option("metadata") or ""
    targets = []
    for name in filter(None, (part.strip() for part in names.split(","))):
        module, _, attribute = name.partition(":")
        targets.append(getattr(import_module(module), attribute))
    return targets


def _run(connection: Connection | None, url: str | None = None) -> None:
    context.configure(
        connection=connection,
        url=url,
        target_metadata=_targets(),
        literal_binds=connection is None,
        render_as_batch=True,  # SQLite cannot alter most of a table in place
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = config.attributes.get("connection")
if given is not None:
    _run(given)
elif context.is_offline_mode():
    _run(None, config.get_main_option("sqlalchemy.url"))
else:
    engine = create_engine(config.get_main_option("sqlalchemy.url") or "")
    with engine.begin() as connection:
        _run(connection)
    engine.dispose()
