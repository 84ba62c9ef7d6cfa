"""`relays`: how each relay does, and what its programs were told that is no longer so."""

import time

from meetlog import show
from meetlog.commands.options import HERE, AtOption, JsonOption, MeetOption, reading
from meetlog.output import print_json, put, say, visible
from meetlog.show_relays import (
    location_words,
    receipt_words,
    relays_table,
    shortened_words,
    withdrawals_table,
)


def relays(*, meet: MeetOption = HERE, at: AtOption = "", json: JsonOption = False) -> None:
    """Show how each relay does.

    Its state and its peers, how many items are queued, sent and waiting, what
    was sent again, names that are sent shortened, and crossings that were
    sent and no longer hold.
    """
    with reading(meet, at) as opened:
        now = opened.meet.state.recorded_at if at else time.time_ns()
        found = opened.meet.relays()
        alarms = [a for a in opened.meet.alarms(now=now) if a.key.startswith("relay ")]
        position, zone = opened.meet.position, opened.meet.settings.meet.zone
    if json:
        print_json("relays", position, found)
        return
    if not found:
        say("There is no relay. A [[relay]] in meet.toml feeds a scoring program from the log.")
        return
    put(relays_table(found, now))
    for each in found:
        say(f"{location_words(each)}.")
    for each in found:
        if each.receipt is not None:
            say(f"{receipt_words(each.relay, each.receipt)}.")
        for words in shortened_words(each):
            say(f"{words}.")
    gone = [each for each in found if each.withdrawals]
    if gone:
        say("Sent, or to be sent, and no longer so. No protocol can take anything back:")
        put(withdrawals_table(gone))
    for line in show.alarm_lines(alarms):
        put(line)
    for each in found:
        for warning in each.warnings:
            put(visible(f"WARNING {warning}.", "yellow"))
    connected = sum(r.state == "connected" for r in found)
    waiting = sum(r.waiting for r in found)
    say(
        f"{show.count(len(found), 'relay')}, {connected} connected, "
        f"{show.count(waiting, 'item')} waiting. Times in {zone}."
    )
