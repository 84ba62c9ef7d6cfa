"""What a relay sends of what the meet knows: filters, and the text for each place and chip."""

from collections.abc import Callable, Container, Iterable, Iterator

from exporters.relay_names import MOST_LOCATION, MOST_TAG, fits, shortened
from projections.facts import Gun, Reads
from projections.meet import Meet
from projections.relayed import Item, ItemKind
from projections.relays import Heard, Stream
from projections.views import Crossing
from wire.ctp01_messages import NEWLOCATION
from wire.reads import RawRead
from wire.settings import RelaySettings, Settings
from wire.settings_relays import chip_range, heat_parts
from wire.timedrops import RaceKey

_KINDS = {0: "gun", 1: "first-seen", 2: "best-seen"}


class Choice:
    """The filters and names of one relay, as the meet stands now.

    It remembers what it found, so a new one is made whenever settings,
    start lists, chip tables, starts or statements may have changed.
    """

    def __init__(self, relay: RelaySettings, meet: Meet, stream: Stream) -> None:
        self.relay = relay
        self._meet = meet
        self._stream = stream
        self._short = dict(stream.shortened)
        self._sends = relay.sends
        self._exact = {text for text in relay.chips if chip_range(text) is None}
        self._ranges = [r for text in relay.chips if (r := chip_range(text)) is not None]
        self._heats = [h for text in relay.heats if (h := heat_parts(text)) is not None]
        self._fits = relay.protocol != "ctp01"
        self._places: dict[tuple[str, str], tuple[str, str] | None] = {}
        self._chips: dict[str, bool] = {}
        self._known = {*stream.counts, *configured_locations(relay, meet.settings)}

    # -- what arrived ----------------------------------------------------

    def heard(self, what: Iterable[Heard], after: int) -> Iterator[Item]:
        """The items of reads and guns of events later than `after`, in their order."""
        raw = self.relay.send == "raw"
        for each in what:
            if each.gun is not None:
                if each.gun.position > after and (raw or not each.copies):
                    yield from self.gun(each.gun)
            elif each.reads is not None and each.until > after:
                yield from self._reads(each.reads, () if raw else each.copies, after)

    def _reads(self, fact: Reads, copies: Container[int], after: int) -> Iterator[Item]:
        parallel = zip(fact.raws, fact.moments, fact.positions, strict=True)
        for at, (read, moment, position) in enumerate(parallel):
            if position <= after or at in copies:
                continue
            item = self._read(fact.source, read, moment, position)
            if item is not None:
                yield from self._announced(item)

    def gun(self, gun: Gun) -> Iterator[Item]:
        """The item of a gun, if it is sent."""
        place = self._place(gun.source, gun.feed)
        if place is None or "gun" not in self._sends:
            return
        if not self._heats or self._starts_a_heat(gun.moment):
            item = Item(ItemKind.GUN, place[0], "", gun.moment, gun.position, point=place[1])
            yield from self._announced(item)

    def _read(self, source: str, read: RawRead, moment: int, position: int) -> Item | None:
        place = self._place(source, read.timing_point)
        if place is None or _KINDS[read.type] not in self._sends:
            return None
        chip = read.chip if type(read.chip) is str else str(read.chip)
        if not self._wanted(chip) or (self._heats and not self._in_heats(chip, moment)):
            return None
        tag, full = self._tag(chip, moment)
        return Item(
            read.type, place[0], tag, moment, position, read.antenna, read.source, read.rssi,
            read.lap, read.epc, place[1], "" if tag == chip else chip, full,
        )  # fmt: skip

    # -- crossings -------------------------------------------------------

    def crossings(self, chip: str) -> list[Item]:
        """The crossings of a chip as they are to be known now, in order of moment.

        A crossing with first-seen reads only is one of those; another is
        first-seen at its first read, where that is sent, and best-seen at its moment.
        """
        if not self._wanted(chip):
            return []
        found = []
        laps: dict[str, int] = {}
        for crossing in self._meet.crossings([chip]):
            lap = laps[crossing.point] = laps.get(crossing.point, 0) + 1
            place = self._place(crossing.source, crossing.feed, crossing.point)
            if place is None or (self._heats and not self._in_heats(chip, crossing.moment_ns)):
                continue
            if "first-seen" in self._sends:
                found.append(self._crossing(crossing, place, lap, 1, crossing.first_ns))
            if "best-seen" in self._sends and not crossing.provisional:
                found.append(self._crossing(crossing, place, lap, 2, crossing.moment_ns))
        return found

    def _crossing(
        self, crossing: Crossing, place: tuple[str, str], lap: int, kind: int, moment: int
    ) -> Item:
        tag, full = self._tag(crossing.chip, crossing.moment_ns)
        chip = "" if tag == crossing.chip else crossing.chip
        best = kind == ItemKind.BEST_SEEN
        return Item(
            kind, place[0], tag, moment, crossing.position if best else 0,
            crossing.antenna if best else 0, crossing.reader if best else "",
            crossing.rssi if best else None, lap, "", place[1], chip, full,
        )  # fmt: skip

    def announced(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, each after the announcement of its location where that is new."""
        for item in items:
            yield from self._announced(item)

    def _announced(self, item: Item) -> Iterator[Item]:
        if not self._fits and item.location not in self._known:
            yield Item(ItemKind.LOCATION, item.location, NEWLOCATION, item.moment, item.origin)
        self._known.add(item.location)
        yield item

    # -- filters and names -----------------------------------------------

    def _place(self, source: str, feed: str, point: str = "") -> tuple[str, str] | None:
        """What is sent for a place, and what it stands for; None where it is not sent."""
        key = (source, point or feed)
        if key not in self._places:
            relay = self.relay
            at = point or self._meet.point_of(source, feed)
            passed = (not relay.points or at in relay.points or feed in relay.points) and (
                not relay.sources or source in relay.sources
            )
            name = point or feed
            self._places[key] = self._location(name) if passed else None
        return self._places[key]

    def _location(self, name: str) -> tuple[str, str]:
        if self._fits or fits(name, MOST_LOCATION):
            return name, ""
        taken = self._known.__contains__
        short = shortened(name, MOST_LOCATION, self._short, taken, end=False)
        self._short[name] = short
        return short, name

    def _wanted(self, chip: str) -> bool:
        found = self._chips.get(chip)
        if found is None:
            number = int(chip) if chip.isascii() and chip.isdigit() else None
            found = self._chips[chip] = (
                not self.relay.chips
                or chip in self._exact
                or (number is not None and any(a <= number <= b for a, b in self._ranges))
            )
        return found

    def _tag(self, chip: str, moment: int) -> tuple[str, str]:
        """What is sent for a chip, and what it would be if there were room, "" when there is."""
        name = chip
        if self.relay.tag == "bib":
            name = self._meet.owner_at(chip, moment)[1] or chip
        if self._fits or fits(name, MOST_TAG):
            return name, ""
        chips = self._meet.state.reads.chips
        short = shortened(name, MOST_TAG, self._short, chips.__contains__, end=True)
        self._short[name] = short
        return short, name

    def _in_heats(self, chip: str, moment: int) -> bool:
        """Whether the chip is of somebody in one of the heats, and swam it then, if it started."""
        meet = self._meet
        swimmer = meet.owner_at(chip, moment)[1]
        for key in meet.entered(swimmer):
            if not self._names(key):
                continue
            start = meet.starts().by_race.get(key)
            if start is None:
                return True
            after = meet.next_start([swimmer], start.moment)
            if start.moment <= moment and (after is None or moment < after):
                return True
        return False

    def _names(self, key: RaceKey) -> bool:
        told = (key.session, key.event, str(key.heat))
        return any(
            all(w in ("*", t) for w, t in zip(wanted, told, strict=True)) for wanted in self._heats
        )

    def _starts_a_heat(self, moment: int) -> bool:
        window = self._meet.settings.meet.gun_window
        return any(
            abs(start.moment - moment) <= window and self._names(key)
            for key, start in self._meet.starts().by_race.items()
        )


def configured_locations(relay: RelaySettings, settings: Settings) -> list[str]:
    """The locations that are known before anything happened there, as far as their names fit."""
    points = settings.points
    if relay.send == "crossings":
        names = [p.name for p in points if not relay.points or p.name in relay.points]
    else:
        names = [
            f.name
            for p in points
            for f in p.feeds
            if (not relay.points or p.name in relay.points or f.name in relay.points)
            and (not relay.sources or f.source in ("", *relay.sources))
        ]
    room: Callable[[str], bool] = lambda name: (  # noqa: E731 - one use, beside it
        relay.protocol != "ctp01" or fits(name, MOST_LOCATION)
    )
    return [name for name in dict.fromkeys(names) if room(name)]
