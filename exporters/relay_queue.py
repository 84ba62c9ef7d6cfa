"""The queue: decides what each relay sends, and appends each decision before anything leaves.

It works in the projector's thread, after each settle. One decision of a relay
is under way at a time: the next one is made when it has been folded, so that
there is one count of what was queued, the log's.
"""

from collections.abc import Mapping, Sequence

import msgspec

from exporters.actions import RETRY_EVERY
from exporters.relay_backfill import Backfill
from exporters.relay_choice import Choice
from exporters.relay_corrections import Corrections, differences
from exporters.relay_feed import Feed
from projections.derived import Changes
from projections.meet import Meet
from projections.relayed import MOST_ITEMS, Item, queued_draft
from projections.relays import Heard
from projections.views import Alarm
from store.log import Log, StoreUnavailable
from wire.settings import RelaySettings, Settings

# Events that brought a relay nothing, after which the log is told that they were looked at.
MARK_EVERY = 20_000


class _Line(msgspec.Struct):
    """The work on one relay. `done`: what came in up to there was looked at."""

    settings: RelaySettings
    corrections: Corrections
    touched: dict[str, None] = {}
    done: int = 0
    flying: int = 0  # the event of the decision that was not folded yet
    backfill: Backfill | None = None
    anew: bool = True  # every crossing is to be looked at


class Queue:
    """Queues the items of all relays in the settings of a meet, and shows them to their feeds.

    All methods are for one thread, after `Meet.settle`. Every `now` is
    monotonic, in ns.
    """

    def __init__(self, log: Log, feeds: Mapping[str, Feed]) -> None:
        self._log = log
        self._feeds = feeds
        self._lines: dict[str, _Line] = {}
        self._begin_at = 0
        self._append_at = 0
        self._seen: tuple[object, ...] = ()
        self._meet: Meet | None = None
        self._settings: Settings | None = None
        self._choices: dict[str, Choice] = {}
        self._alarm: Alarm | None = None

    def begin(self, meet: Meet, head: int) -> None:
        """Take up the work where the log ends at `head`: decisions up to there count first."""
        self._begin_at = head
        self._show(meet)

    def alarms(self) -> list[Alarm]:
        """What somebody should look at."""
        return [self._alarm] if self._alarm else []

    def consider(self, meet: Meet, changes: Changes, now: int) -> int | None:
        """Queue what is due. Returns for how long (ns) nothing will be; None for no known time."""
        self._follow(meet, changes)
        if meet.position < self._begin_at or now < self._append_at:
            return None if meet.position < self._begin_at else self._append_at - now
        waits = [self._advance(meet, line, now) for line in self._lines.values()]
        return min((w for w in waits if w is not None), default=None)

    def pass_on(self, meet: Meet, now: int) -> int | None:
        """`consider` between two settles: for relays to which only what came in matters."""
        if meet is not self._meet or meet.settings is not self._settings:
            return None
        self._show(meet)
        if meet.position < self._begin_at or now < self._append_at:
            return None
        waits = [
            self._advance(meet, line, now)
            for line in self._lines.values()
            if line.settings.send != "crossings"
            and not line.settings.heats
            and line.settings.tag == "chip"
        ]
        return min((w for w in waits if w is not None), default=None)

    def conclude(self, meet: Meet) -> None:
        """Before the end: tell the log how far each relay has looked."""
        for line in self._lines.values():
            stream = meet.state.relays.of(line.settings.name).stream
            if line.done > stream.as_of and line.flying <= meet.position:
                self._append(meet, line, (), (), until=line.done, now=0)

    # -- following the meet ----------------------------------------------

    def _follow(self, meet: Meet, changes: Changes) -> None:
        wanted = {r.name: r for r in meet.settings.relays}
        for name in self._lines.keys() - wanted.keys():
            del self._lines[name]
        for name, settings in wanted.items():
            line = self._lines.get(name)
            if line is None or line.settings != settings:
                self._lines[name] = _Line(settings, Corrections(settings.hold))
        self._show(meet)
        state = meet.state
        seen = (state.program_position, state.startlist.chips, len(state.stated), meet.starts())
        moved = seen != self._seen
        if meet is not self._meet or meet.settings is not self._settings:
            self._meet, self._settings, moved = meet, meet.settings, True
            self._choices.clear()
        chips = dict.fromkeys((*changes.chips, *(key[0] for key in changes.crossings)))
        for line in self._lines.values():
            if line.settings.send == "crossings":
                line.touched |= chips
                # Who is in which heat may be another now; whose a chip is, `changes` tells.
                line.anew = line.anew or (moved and bool(line.settings.heats))
        self._seen = seen

    def _show(self, meet: Meet) -> None:
        for name, feed in self._feeds.items():
            relay = meet.state.relays.relays.get(name)
            if relay is not None and feed.view.items != relay.stream.items:
                feed.show(relay.stream)

    # -- one relay -------------------------------------------------------

    def _advance(self, meet: Meet, line: _Line, now: int) -> int | None:
        if line.flying > meet.position:
            return None
        name = line.settings.name
        stream = meet.state.relays.of(name).stream
        choice = self._choices.get(name)
        if choice is None:
            choice = self._choices[name] = Choice(line.settings, meet, stream)
        if line.settings.send == "crossings":
            return self._correct(meet, line, choice, now)
        line.done = max(line.done, stream.as_of)
        until, news = self._news(meet, line)
        items = list(choice.heard(news, line.done))
        worth = items or until - stream.as_of >= MARK_EVERY
        if worth and not self._append(meet, line, items, (), until=until, now=now):
            line.backfill = None  # what it has given is to be given again
            return RETRY_EVERY
        line.done = max(line.done, until)
        return 0 if line.backfill is not None else None

    def _news(self, meet: Meet, line: _Line) -> tuple[int, Sequence[Heard]]:
        """Until which event is known what came in since `line.done`, and what did."""
        relays = meet.state.relays
        if line.backfill is None:
            if line.done >= relays.heard_from:
                return meet.position, relays.heard
            line.backfill = Backfill(self._log, meet)
        past = line.backfill
        news = past.next(meet.position)
        if past.position == meet.position:
            line.backfill = None
        return past.position, news

    def _correct(self, meet: Meet, line: _Line, choice: Choice, now: int) -> int | None:
        stream = meet.state.relays.of(line.settings.name).stream
        if line.anew:
            line.touched |= dict.fromkeys((*meet.chips(), *stream.standing))
            line.anew = False
        for chip in line.touched:
            standing = stream.standing.get(chip, ())
            line.corrections.note(chip, differences(choice.crossings(chip), standing), now)
        line.touched = {}
        guns = [g for g in meet.state.guns.values() if g.position > max(line.done, stream.as_of)]
        add, withdraw = line.corrections.due(now)
        items = [i for gun in guns for i in choice.gun(gun)]
        items += choice.announced(add)
        worth = items or withdraw
        if worth and not self._append(meet, line, items, withdraw, until=meet.position, now=now):
            line.anew = True
            return RETRY_EVERY
        line.done = meet.position
        return line.corrections.next_due(now)

    def _append(
        self,
        meet: Meet,
        line: _Line,
        items: Sequence[Item],
        withdrawn: Sequence[Item],
        *,
        until: int,
        now: int,
    ) -> bool:
        """Append a decision; False, and an alarm, when the log cannot be written now."""
        name = line.settings.name
        before = meet.state.relays.of(name).stream.items
        drafts = []
        for at in range(0, max(1, len(items)), MOST_ITEMS):
            part = tuple(items[at : at + MOST_ITEMS])
            drafts.append(
                queued_draft(
                    name,
                    part,
                    as_of=until,
                    before=before + at,
                    crossings=line.settings.send == "crossings",
                    withdrawn=tuple(withdrawn) if at == 0 else (),
                )
            )
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
        line.flying = head.position
        return True
