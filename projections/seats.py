"""Seats: who swims where, and which chips the table and what was said give to whom."""

from collections.abc import Mapping

from projections.rulings import Owners
from projections.startlist import StartList, canonical
from wire.timedrops import RaceKey


class Seats:
    """An index of a start list, by swimmer; what changes in the list later is not in it.

    `entered` are the races a swimmer is in, `places` also which of the lanes
    is theirs; `listed` are their chips, without leading zeros, and some that
    were theirs once.
    """

    def __init__(self, startlist: StartList, owners: Mapping[str, Owners]) -> None:
        self.entered: dict[str, list[RaceKey]] = {}
        self.places: dict[str, list[tuple[RaceKey, int]]] = {}
        self.listed: dict[str, set[str]] = {}
        for key, entry in startlist.entries.items():
            for place, lane in enumerate(entry.lanes):
                for swimmer in lane.swimmer_ids:
                    self.entered.setdefault(swimmer, []).append(key)
                    self.places.setdefault(swimmer, []).append((key, place))
        for chip, listed in startlist.chips.items():
            swimmer = startlist.swimmer_listed(listed)
            self.listed.setdefault(swimmer, set()).add(canonical(chip))
        for chip, owned in owners.items():
            self.give(chip, owned)

    def give(self, chip: str, owned: Owners) -> None:
        """It was said whose a chip is, which is named without leading zeros."""
        for _, swimmer in owned:
            self.listed.setdefault(swimmer, set()).add(chip)
