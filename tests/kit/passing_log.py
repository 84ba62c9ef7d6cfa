"""A log that passes everything on to another one, for tests that put something in between."""

from collections.abc import Sequence

from store.event import Draft, Event, Head
from store.log import Log


class PassingLog:
    """A `Log` that is another one."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def append(self, drafts: Sequence[Draft], *, after: int | None = None) -> Head:
        return self.log.append(drafts, after=after)

    def read(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        kinds: Sequence[str] = (),
        most_bytes: int | None = None,
    ) -> list[Event]:
        return self.log.read(after, limit, kinds=kinds, most_bytes=most_bytes)

    def head(self) -> Head:
        return self.log.head()

    def close(self) -> None:
        self.log.close()
