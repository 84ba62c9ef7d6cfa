"""The queue: decides what each relay sends, and appends each decision before anything leaves.

It works in the projector's thread, after each settle. One decision of a relay
is under way at a time: the next one is made when it has been folded, so that
there is one count of what was queued, the log's.
"""

from collections.abc import Mapping

from exporters.actions import RETRY_EVERY
from exporters.relay_choice import Choice
from exporters.relay_feed import Feed
from exporters.relay_work import CrossingsWork, Portion, ReadsWork
from projections.derived import Changes
from projections.meet import Meet
from projections.relayed import MOST_ITEMS, queued_draft
from projections.rulings import Shift
from projections.starts import Starts
from projections.views import Alarm
from store.log import Log, StoreUnavailable
from wire.settings import RelaySettings, Settings


class Queue:
    """Queues the items of all relays in the settings of a meet, and shows them to their feeds.

    All methods are for one thread, after `Meet.settle`. Every `now` is
    monotonic, in ns.
    """

    def __init__(self, log: Log, feeds: Mapping[str, Feed]) -> None:
        self._log = log
        self._feeds = feeds
        self._works: dict[str, ReadsWork | CrossingsWork] = {}
        self._choices: dict[str, Choice] = {}
        self._flying: dict[str, int] = {}  # the event of a decision that was not folded yet
        self._begin_at = 0
        self._append_at = 0
        self._meet: Meet | None = None
        self._settings: Settings | None = None
        self._program: object = None
        self._starts = Starts({})
        self._shifts: dict[str, tuple[Shift, ...]] = {}
        self._alarm: Alarm | None = None

    def begin(self, meet: Meet, head: int) -> None:
        """Take up the work where the log ends at `head`: decisions up to there count first."""
        self._begin_at = head
        self._show(meet)

    def alarms(self) -> list[Alarm]:
        """What somebody should look at."""
        return [self._alarm] if self._alarm else []

    def consider(self, meet: Meet, changes: Changes, now: int) -> int | None:
        """Queue what is due. Returns for how long (ns) nothing will be; None for no known time.

        A decision is to be folded at once: only then its items can leave.
        """
        self._follow(meet, changes)
        if meet.position < self._begin_at or now < self._append_at:
            return None if meet.position < self._begin_at else self._append_at - now
        waits = [self._advance(meet, name, work, now) for name, work in self._works.items()]
        return min((w for w in waits if w is not None), default=None)

    def pass_on(self, meet: Meet, now: int) -> int | None:
        """`consider` between two settles: for relays to which only what came in matters."""
        if meet is not self._meet or meet.settings is not self._settings:
            return None
        self._show(meet)
        if meet.position < self._begin_at or now < self._append_at:
            return None
        waits = [
            self._advance(meet, name, work, now)
            for name, work in self._works.items()
            if isinstance(work, ReadsWork) and not work.by_meet
        ]
        return min((w for w in waits if w is not None), default=None)

    def conclude(self, meet: Meet) -> None:
        """Before the end: tell the log how far each relay has looked at what came in."""
        for name, work in self._works.items():
            if isinstance(work, ReadsWork) and self._flying.get(name, 0) <= meet.position:
                looked = Portion((), (), work.done, worth=True)
                if work.done > meet.state.relays.stream(name).as_of:
                    self._append(meet, work, looked, now=0)

    # -- following the meet ----------------------------------------------

    def _follow(self, meet: Meet, changes: Changes) -> None:
        wanted = {r.name: r for r in meet.settings.relays}
        for name in self._works.keys() - wanted.keys():
            del self._works[name]
        for name, settings in wanted.items():
            work = self._works.get(name)
            if work is None or work.settings != settings:
                self._works[name] = self._work(settings)
        self._show(meet)
        # By identity: each is another one as soon as anything in it is.
        other = meet is not self._meet or meet.settings is not self._settings
        programmed = meet.state.startlist.tags is not self._program
        shifted = meet.rulings().shifts != self._shifts
        self._meet, self._settings = meet, meet.settings
        self._program, self._shifts = meet.state.startlist.tags, meet.rulings().shifts
        if other:
            self._choices.clear()
        works = [work for work in self._works.values() if isinstance(work, CrossingsWork)]
        restarted = self._restarted(meet) if any(work.settings.heats for work in works) else {}
        for work in works:
            by_heats = bool(work.settings.heats)
            work.touch(changes, restarted if by_heats else (), guns=shifted)
            if other or (programmed and by_heats):
                work.anew()

    def _work(self, settings: RelaySettings) -> ReadsWork | CrossingsWork:
        if settings.send == "crossings":
            return CrossingsWork(settings)
        return ReadsWork(settings, self._log)

    def _restarted(self, meet: Meet) -> dict[str, None]:
        """The chips of all whose heats started at another moment than when last looked at."""
        starts, before = meet.starts(), self._starts
        if starts is before:
            return {}
        self._starts = starts
        now, then = starts.by_race, before.by_race
        startlist = meet.state.startlist
        return {
            chip: None
            for key in now.keys() | then.keys()
            if now.get(key) != then.get(key)
            for lane in startlist.entry(key).lanes
            for swimmer in lane.swimmer_ids
            for chip in meet.chips_of(swimmer)
        }

    def _show(self, meet: Meet) -> None:
        for name, feed in self._feeds.items():
            relay = meet.state.relays.relays.get(name)
            if relay is not None and feed.view.items != relay.stream.items:
                feed.show(relay.stream)

    # -- one relay -------------------------------------------------------

    def _advance(
        self, meet: Meet, name: str, work: ReadsWork | CrossingsWork, now: int
    ) -> int | None:
        if self._flying.get(name, 0) > meet.position:
            return 0
        stream = meet.state.relays.stream(name)
        choice = self._choices.get(name)
        if choice is None or choice.relay != work.settings:
            choice = self._choices[name] = Choice(work.settings, meet, stream)
        portion = work.portion(meet, stream, choice, now)
        if not portion.worth:
            work.accept(portion)
            return work.wait(meet, now)
        if not self._append(meet, work, portion, now):
            work.refuse(portion)
            return RETRY_EVERY
        work.accept(portion)
        return 0

    def _append(
        self, meet: Meet, work: ReadsWork | CrossingsWork, portion: Portion, now: int
    ) -> bool:
        """Append a decision; False, and an alarm, when the log cannot be written now."""
        name, items = work.settings.name, portion.items
        before = meet.state.relays.stream(name).items
        # What is withdrawn stands beside what comes in its place: crossings are of one event.
        most = max(1, len(items)) if work.crossings else MOST_ITEMS
        drafts = [
            queued_draft(
                name,
                items[at : at + most],
                as_of=portion.until,
                before=before + at,
                crossings=work.crossings,
                withdrawn=portion.withdrawn,
            )
            for at in range(0, max(1, len(items)), most)
        ]
        try:
            head = self._log.append(drafts)
        except StoreUnavailable as e:
            self._append_at = now + RETRY_EVERY
            self._choices.pop(name, None)  # it believes that its locations were announced
            self._alarm = Alarm(
                "relays", f"Nothing is relayed: {e}", "Trying again by itself.", meet.position
            )
            return False
        self._alarm = None
        self._flying[name] = head.position
        return True
