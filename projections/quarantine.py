"""Quarantine: what arrived and could not be understood. The bytes stay in the log."""

import msgspec

from projections.facts import Quarantined
from projections.views import QuarantineEntry

# Of each source, so that a device that speaks garbage all day neither fills the memory nor hides
# what another source has to say; counts go on.
KEPT = 200


class Quarantine(msgspec.Struct):
    """Entries by source and reason; the first of each kind is quoted, further ones are counted."""

    entries: dict[tuple[str, str, str], QuarantineEntry] = {}
    kept: dict[str, int] = {}
    beyond: dict[str, QuarantineEntry] = {}

    def add(self, fact: Quarantined) -> None:
        """Take an entry over. Beyond `KEPT` different ones, a source's are only counted."""
        key = (fact.source, fact.reason, fact.excerpt)
        found = self.entries.get(key)
        kept = self.kept.get(fact.source, 0)
        if found is None and kept < KEPT:
            self.kept[fact.source] = kept + 1
            self.entries[key] = QuarantineEntry(
                fact.source, fact.position, fact.reason, fact.excerpt, fact.hint, fact.count
            )
        elif found is not None:
            self.entries[key] = msgspec.structs.replace(found, count=found.count + fact.count)
        else:
            more = self.beyond.get(fact.source)
            self.beyond[fact.source] = QuarantineEntry(
                fact.source,
                more.position if more else fact.position,
                "further pieces that could not be understood",
                "",
                "list the events of this source from that position on",
                more.count + fact.count if more else fact.count,
            )

    def views(self) -> list[QuarantineEntry]:
        """All entries in the order of the log."""
        return sorted(
            [*self.entries.values(), *self.beyond.values()], key=lambda e: (e.position, e.reason)
        )
