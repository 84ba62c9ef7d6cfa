"""What a relay sends of what the meet knows: filters, and the text for each place and chip."""

from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator
from operator import attrgetter

from exporters.relay_corrections import WHOLE, Span
from exporters.relay_names import MOST_LOCATION, MOST_TAG, Names, fits
from projections.crossings import SEEN_BY
from projections.facts import Gun, Reads
from projections.meet import Meet
from projections.relayed import Item, ItemKind
from projections.relays import Heard, Stream
from projections.views import Crossing
from wire.reads import RawRead
from wire.settings import FeedSettings, RelaySettings, Settings
from wire.settings_relays import chip_range, heat_parts
from wire.timedrops import RaceKey

_KINDS = {0: "gun", 1: "first-seen", 2: "best-seen"}
_first = attrgetter("first")


class Choice:
    """The filters and names of one relay, by the settings of a meet.

    It looks starts, start lists and chip tables up as the meet has them, and
    remembers what only other settings could change.
    """

    def __init__(self, relay: RelaySettings, meet: Meet, stream: Stream) -> None:
        self.relay = relay
        self._meet = meet
        self._sends = relay.sends
        self._exact = {text for text in relay.chips if chip_range(text) is None}
        self._ranges = [r for text in relay.chips if (r := chip_range(text)) is not None]
        self._heats = [h for text in relay.heats if (h := heat_parts(text)) is not None]
        self._places: dict[tuple[str, str, str], tuple[str, str] | None] = {}
        self._chips: dict[str, bool] = {}
        # The locations that a peer can know of: it was told, or asks for them beforehand.
        self._known = {*stream.counts, *configured_locations(relay, meet.settings)}
        self._fits = relay.protocol != "ctp01"
        self._locations = Names(
            MOST_LOCATION, stream.locations, self._known.__contains__, end=False
        )
        self._tags = Names(MOST_TAG, stream.tags, self._is_a_tag, end=True)

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
        item = self._gun(gun)
        if item is not None:
            yield from self._announced(item)

    def _gun(self, gun: Gun) -> Item | None:
        point, moment = "", gun.moment
        if self.relay.send == "crossings":
            # They are at points and by corrected clocks, and so are the guns that go with them.
            point = self._meet.point_of(gun.source, gun.feed)
            moment = self._meet.rulings().shifted(gun.source, gun.moment)
        place = self._place(gun.source, gun.feed, point)
        if place is None or "gun" not in self._sends:
            return None
        if self._heats and not self._starts_a_heat(gun):
            return None
        return Item(ItemKind.GUN, place[0], "", moment, gun.position, point=place[1])

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

    def guns(self, after: int) -> list[Item]:
        """The guns of events later than `after`, as they go with crossings."""
        found = []
        for gun in reversed(self._meet.state.guns.values()):
            if gun.position <= after:
                break
            item = self._gun(gun)
            if item is not None:
                found.append(item)
        return found[::-1]

    def crossings(self, chip: str, span: Span = WHOLE) -> list[Item]:
        """The crossings of a chip as they are to be known now; of those in `span` only.

        A crossing with first-seen reads only is one of those; another is
        first-seen at its first read, where that is sent, and best-seen at its moment.
        """
        if not chip or not self._wanted(chip):
            return []
        passings = self._meet.passings(chip)
        found = []
        for point in (span.point,) if span.point else passings:
            each = passings.get(point, ())
            begin = bisect_left(each, span.since, key=_first)
            for lap, passing in enumerate(each[begin:], begin + 1):
                crossing = self._meet.crossing(chip, point, passing)
                place = self._place(crossing.source, crossing.feed, point)
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
            yield Item(ItemKind.LOCATION, item.location, "", item.moment, item.origin)
        self._known.add(item.location)
        yield item

    # -- filters and names -----------------------------------------------

    def _place(self, source: str, feed: str, point: str = "") -> tuple[str, str] | None:
        """What is sent for a place, and what it stands for; None where it is not sent.

        The place is a point, or the wire's name of it. What a person saw
        comes from no source, and is not held back for that.
        """
        key = (source, feed, point)
        if key not in self._places:
            relay = self.relay
            at = point or self._meet.point_of(source, feed)
            passed = (not relay.points or at in relay.points or feed in relay.points) and (
                not relay.sources or source in relay.sources or source == SEEN_BY
            )
            self._places[key] = self._location(point or feed) if passed else None
        return self._places[key]

    def _location(self, name: str) -> tuple[str, str]:
        text = name if self._fits else self._locations.of(name)
        return text, "" if text == name else name

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
        text = name if self._fits else self._tags.of(name)
        return text, "" if text == name else name

    def _is_a_tag(self, text: str) -> bool:
        """Whether somebody may be sent as this text: a chip that was read, or the bib of one."""
        return text in self._meet.state.reads.chips or bool(self._meet.chips_of(text))

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

    def _starts_a_heat(self, gun: Gun) -> bool:
        window = self._meet.settings.meet.gun_window
        moment = self._meet.rulings().shifted(gun.source, gun.moment)
        return any(
            abs(start.moment - moment) <= window and self._names(key)
            for key, start in self._meet.starts().by_race.items()
        )


def configured_locations(relay: RelaySettings, settings: Settings) -> list[str]:
    """The locations that are known before anything happened there, as far as their names fit."""
    found: dict[str, None] = {}
    for point in settings.points:
        feeds = [
            feed.name
            for feed in point.feeds or (FeedSettings(point.name),)
            if (not relay.points or point.name in relay.points or feed.name in relay.points)
            and (not relay.sources or feed.source in ("", *relay.sources))
        ]
        if relay.send == "crossings" and feeds:
            found[point.name] = None
        elif relay.send != "crossings":
            found |= dict.fromkeys(feeds)
    return [name for name in found if relay.protocol != "ctp01" or fits(name, MOST_LOCATION)]
