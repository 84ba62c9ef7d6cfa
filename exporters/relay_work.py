"""The work on one relay: what it is to queue next, of what came in or of what changed."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import islice
from operator import attrgetter

import msgspec

from exporters.relay_backfill import Backfill
from exporters.relay_choice import Choice
from exporters.relay_corrections import WHOLE, Corrections, Span
from projections.derived import Changes
from projections.meet import Meet
from projections.relayed import Item, key_of
from projections.relays import Heard, Stream
from store.log import Log
from wire.settings import RelaySettings, Settings

# When a relay was brought nothing for so many events, or so many reads wait for it to say so
# (they are kept in memory), the log is told that they were looked at.
MARK_EVERY = 20_000
MARK_READS = 5000
# In one turn, so that it takes some milliseconds even after much has waited.
MOST_READS = 5000
MOST_LOOKS = 300
MOST_DUE = 500

_moment = attrgetter("moment")


class Portion(msgspec.Struct, frozen=True):
    """What to queue and to withdraw next, made from the log up to event `until`.

    `worth`: whether it is to be appended at all.
    """

    items: tuple[Item, ...]
    withdrawn: tuple[Item, ...]
    until: int
    worth: bool


class ReadsWork:
    """Of a relay that sends reads: what came in after what it has taken."""

    crossings = False

    def __init__(self, settings: RelaySettings, log: Log) -> None:
        self.settings = settings
        self.done = 0  # what came in up to there was looked at
        self._log = log
        self._seen: tuple[Meet, Settings] | None = None
        self._backfill: Backfill | None = None

    @property
    def by_meet(self) -> bool:
        """Whether what is sent depends on more than what came in."""
        return bool(self.settings.heats) or self.settings.tag != "chip"

    def portion(self, meet: Meet, stream: Stream, choice: Choice, now: int) -> Portion:  # noqa: ARG002 - reads wait for nothing
        """What is next, of what the meet knows now."""
        if self._seen is None or meet is not self._seen[0] or meet.settings is not self._seen[1]:
            # Every stamp may be read otherwise, or a backfill comes to settings without relays.
            self._seen, self._backfill = (meet, meet.settings), None
        self.done = max(self.done, stream.as_of)
        until, news = self._news(meet)
        items = tuple(choice.heard(news, self.done))
        idle = until - stream.as_of >= MARK_EVERY
        return Portion(items, (), until, bool(items) or idle or self._crowds(meet, stream, until))

    def accept(self, portion: Portion) -> None:
        """It is queued, or was not worth it."""
        self.done = max(self.done, portion.until)

    def refuse(self, portion: Portion) -> None:  # noqa: ARG002 - all after `done` is given again
        """It could not be queued now."""
        self._backfill = None

    def wait(self, meet: Meet, now: int) -> int | None:  # noqa: ARG002 - reads wait for nothing
        """How long (ns) until there is more to do; None when not before something comes in."""
        return 0 if self._backfill is not None or self.done < meet.position else None

    def _crowds(self, meet: Meet, stream: Stream, until: int) -> bool:
        """Whether much is kept for this relay, and not for another one, which it has seen."""
        relays = meet.state.relays
        if relays.heard_size < MARK_READS:
            return False
        return stream.as_of < relays.heard[0].until <= until

    def _news(self, meet: Meet) -> tuple[int, Sequence[Heard]]:
        """Until which event is known what came in since `done`, and what did."""
        relays = meet.state.relays
        if self._backfill is None:
            if self.done >= relays.heard_from:
                return _first_of(relays.heard_after(self.done), meet.position)
            self._backfill = Backfill(self._log, meet)
        past = self._backfill
        news = past.next(meet.position)
        if past.position == meet.position:
            self._backfill = None
        return past.position, news


def _first_of(news: Sequence[Heard], position: int) -> tuple[int, Sequence[Heard]]:
    """The first `MOST_READS` of what came in up to an event, and up to which event they are all."""
    size = 0
    for n, each in enumerate(news):
        size += each.size
        if size >= MOST_READS:
            # One event may have brought several.
            rest = n + 1
            while rest < len(news) and news[rest].until == each.until:
                rest += 1
            return each.until, news[:rest]
    return position, news


class CrossingsWork:
    """Of a relay that sends crossings: those that are other than what it sent last."""

    crossings = True

    def __init__(self, settings: RelaySettings) -> None:
        self.settings = settings
        self._corrections = Corrections(settings.hold)
        # Points of chips where something changed, and since which moment.
        self._touched: dict[tuple[str, str], int] = {}
        self._chips: dict[str, None] = {}  # of which everything is to be looked at
        self._all_chips = self._all_guns = True
        self._guns_until = 0

    def anew(self) -> None:
        """Everything is to be looked at."""
        self._all_chips = self._all_guns = True

    def touch(self, changes: Changes, chips: Iterable[str], *, guns: bool) -> None:
        """These crossings changed, all that is known of these chips, or the clocks of guns."""
        touched = self._touched
        for chip, point, first in changes.crossings:
            where = chip, point
            touched[where] = min(first, touched.get(where, first))
        self._chips |= dict.fromkeys(chips)
        self._all_guns = self._all_guns or guns

    def portion(self, meet: Meet, stream: Stream, choice: Choice, now: int) -> Portion:
        """What is next, of what the meet knows now."""
        if self._all_chips:
            self._all_chips = False
            self._chips |= dict.fromkeys((*meet.chips(), *filter(None, stream.standing)))
        for chip, point in list(islice(self._touched, MOST_LOOKS)):
            span = Span(point, self._touched.pop((chip, point)))
            self._look(chip, span, stream, choice, now)
        for chip in list(islice(self._chips, MOST_LOOKS)):
            del self._chips[chip]
            self._look(chip, WHOLE, stream, choice, now)
        guns, gone = self._guns(stream, choice)
        add, withdraw = self._corrections.due(now, MOST_DUE)
        items = tuple(choice.announced([*guns, *add]))
        withdrawn = (*gone, *withdraw)
        return Portion(items, withdrawn, meet.position, bool(items or withdrawn))

    def accept(self, portion: Portion) -> None:
        """It is queued, or there was nothing."""
        self._guns_until, self._all_guns = portion.until, False

    def refuse(self, portion: Portion) -> None:
        """It could not be queued now."""
        chips = (i.of_chip for i in (*portion.items, *portion.withdrawn))
        self._chips |= dict.fromkeys(filter(None, chips))

    def wait(self, meet: Meet, now: int) -> int | None:  # noqa: ARG002 - as of `portion`
        """How long (ns) until there is more to do; None when not before something changes."""
        return 0 if self._touched or self._chips else self._corrections.next_due(now)

    def _look(self, chip: str, span: Span, stream: Stream, choice: Choice, now: int) -> None:
        standing = stream.standing.get(chip, [])
        begin = bisect_left(standing, span.since, key=_moment)
        known = [item for item in standing[begin:] if span.covers(item)]
        self._corrections.note(chip, choice.crossings(chip, span), known, now, span)

    def _guns(self, stream: Stream, choice: Choice) -> tuple[list[Item], list[Item]]:
        """The guns to send, and those that are at another moment now; they wait for nothing."""
        standing = stream.standing.get("", [])
        if not self._all_guns:
            new = choice.guns(self._guns_until)
            return [gun for gun in new if not _stands(gun, standing)], []
        wanted = {key_of(gun): gun for gun in choice.guns(0)}
        known = {key_of(gun) for gun in standing}
        add = [gun for key, gun in wanted.items() if key not in known]
        return add, [gun for gun in standing if key_of(gun) not in wanted]


def _stands(item: Item, standing: Sequence[Item]) -> bool:
    begin = bisect_left(standing, item.moment, key=_moment)
    return key_of(item) in map(key_of, standing[begin : begin + 1])
