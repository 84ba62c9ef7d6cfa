"""What people see of relays: the command, the status, the live page, plain lines and events."""

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from meetlog.display import PlainLines, page
from meetlog.projector import Overview
from meetlog.reports import EventReport, StatusReport
from meetlog.show_items import KINDS
from meetlog.show_relays import SHORTENED, receipt_words, shortened_words
from projections.folding import fold
from projections.relay_health import relay_health
from projections.relayed import ItemKind
from projections.relays import Relays
from projections.views import RelayHealth, RelayReceipt
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import RecordedMeet
from tests.meetlog.relayed import RelayedMeet, corrected
from wire.settings import RelaySettings, Settings


@pytest.fixture(scope="module")
def meet(tmp_path_factory: pytest.TempPathFactory) -> RelayedMeet:
    return corrected(tmp_path_factory.mktemp("relayed"))


def relays_of(meet: RecordedMeet) -> list[RelayHealth]:
    folded = fold(meet.log)
    folded.settle()
    return folded.relays()


def test_the_json_is_the_view(meet: RelayedMeet) -> None:
    envelope = ask(RelayHealth, "relays", "-m", meet.folder)
    assert envelope.items == relays_of(meet)
    assert [(r.relay, r.queued, r.sent, r.waiting) for r in envelope.items] == [
        ("announcer", 7, 0, 7),
        ("scoring", 6, 6, 0),
    ]
    opened = meet.log.read(0, 1000, kinds=("socket.opened",))[1].position
    then = ask(RelayHealth, "relays", "-m", meet.folder, "--at", str(opened)).items[1]
    assert (then.state, then.sent, then.again) == ("connected", 0, 0)


def test_the_table_says_what_is_what(meet: RelayedMeet) -> None:
    told = call("relays", "-m", meet.folder).stdout
    for words in (
        "scoring (ctp01)",
        "connected: 192.168.1.7:61611",
        "announcer sends each read once: Finish 5, Turn 2.",
        "scoring resent 3 of 6 items to 192.168.1.7 after the cut at 09:00:00 (connected since",
        "2026-06-14 09:00:30.129  2026-06-14 09:00:30.05",
        "ALARM announcer: 7 items wait since 09:00:00",
        "Let the scoring program connect to port 10100",
        "2 relays, 1 connected, 7 items waiting. Times in Europe/Berlin.",
    ):
        assert words in told, told


def test_a_meet_without_relays_says_how_to_have_one(recorded: RecordedMeet) -> None:
    told = call("relays", "-m", recorded.folder)
    assert (told.exit_code, "A [[relay]] in meet.toml" in told.stdout) == (0, True)
    assert "Relays" not in call("status", "-m", recorded.folder).stdout
    assert ask(RelayHealth, "relays", "-m", recorded.folder).items == []


def test_the_status_has_the_relays(meet: RelayedMeet) -> None:
    (report,) = ask(StatusReport, "status", "-m", meet.folder).items
    assert list(report.relays) == relays_of(meet)
    assert [a.key.rpartition(" ")[0] for a in report.alarms] == ["relay announcer waits"]
    told = call("status", "-m", meet.folder).stdout
    assert "WARNING announcer has never connected; what it misses is kept for it." in told
    assert "3 things to look at." in told  # with the source's clock
    # By the log's own time then, nothing had waited for long.
    (then,) = ask(StatusReport, "status", "-m", meet.folder, "--at", "20").items
    assert then.alarms == ()


def test_events_of_relays_are_readable(meet: RelayedMeet) -> None:
    told = call("events", "-m", meet.folder, "-s", "scoring").stdout
    assert "5 items from number 1 (Finish 3, Turn 2), of the events up to" in told
    assert "1 item from number 6 (Finish 1), 1 crossing withdrawn, of the events" in told
    assert "handed over up to item 5 to 192.168.1.7:61611 (safe up to 5): 5 items" in told
    assert "in connection 51, 3 of them again" in told
    raw = call("events", "-m", meet.folder, "-k", "relay.queued", "--raw").stdout
    assert "    item 4: best-seen Finish 101 (chip 123) 2026-06-14 09:00:30.129 from event" in raw
    assert "    no longer holds: best-seen Finish 101 (chip 123) 2026-06-14 09:00:30.129" in raw
    assert "    item 1: gun Finish 2026-06-14 09:00:00 from event" in raw


def test_events_json_has_items_and_the_bytes(meet: RelayedMeet) -> None:
    events = ask(EventReport, "events", "-m", meet.folder, "--raw").items
    bodies = {e.position: e.body for e in meet.log.read(0, 1000)}
    queued = [e for e in events if e.kind == "relay.queued"]
    assert all(e.hex is not None and bytes.fromhex(e.hex) == bodies[e.position] for e in queued)
    scoring = [item for e in queued if e.source == "scoring" for item in e.items or ()]
    assert [i.number for i in scoring] == [1, 2, 3, 4, 5, 6, 0]
    assert (scoring[3].tag, scoring[3].chip, scoring[3].point) == ("101", "123", "Finish")
    assert {e.items for e in events if e.kind != "relay.queued"} == {None}
    plain = ask(EventReport, "events", "-m", meet.folder, "-k", "relay.queued").items
    assert {(e.items, e.hex) for e in plain} == {(None, None)}
    assert plain[-1].words.startswith("nothing to send of the events up to")
    assert set(KINDS) == set(ItemKind)


def test_an_event_that_is_no_decision_is_shown_as_it_is(tmp_path: Path) -> None:
    meet = RelayedMeet(tmp_path / "meet")
    meet.add("scoring", "relay.queued", b"\xff", as_of=1)
    meet.add("scoring", "relay.sent", b"", through="far")
    told = call("events", "-m", meet.folder, "--raw").stdout
    assert "relay.queued  as_of=1" in told
    assert "    ff" in told
    assert "relay.sent  through=far" in told
    assert call("relays", "-m", meet.folder).exit_code == 0


def health(**changes: object) -> RelayHealth:
    """A relay that did nothing yet, with changes."""
    configured = Settings(relays=(RelaySettings("scoring", "ctp01", "client", 61611),))
    return msgspec.structs.replace(relay_health(Relays(), "scoring", configured), **changes)


def receipt(**changes: object) -> RelayReceipt:
    plain = RelayReceipt(
        peer="10.0.0.7:4001", since="2026-06-14T14:06:00+02:00", since_ns=10, until="",
        until_ns=None, sent=800, again=120, cut="2026-06-14T14:05:12.7+02:00", cut_ns=5, reason="",
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def test_the_words_of_a_receipt() -> None:
    assert receipt_words("scoring", receipt()) == (
        "scoring resent 120 of 800 items to 10.0.0.7 after the cut at 14:05:12"
        " (connected since 2026-06-14 14:06:00)"
    )
    over = receipt(until="2026-06-14T14:07:30+02:00", cut="", sent=1, again=1)
    assert receipt_words("scoring", over) == (
        "scoring resent 1 of 1 item to 10.0.0.7 (connected from 2026-06-14 14:06:00 to 14:07:30)"
    )
    assert "sent 800 items to 10.0.0.7 (" in receipt_words("scoring", receipt(again=0))


def test_thousands_of_shortened_chips_are_counted() -> None:
    many = {f"E28011600000{n:04d}": f"{n:08d}" for n in range(SHORTENED + 5)}
    lines = list(shortened_words(health(shortened=many)))
    assert len(lines) == SHORTENED + 1
    assert lines[0] == "scoring sends '00000000' for 'E280116000000000'"
    assert "and 5 more" in lines[-1]


def test_plain_lines_tell_states_and_each_resend_once() -> None:
    lines: list[str] = []
    plain = PlainLines(lines.append, now=lambda: 0)

    def tell(**changes: object) -> list[str]:
        lines.clear()
        plain.overview(Overview(relays=(health(**changes),)))
        return [line.partition(" ")[2] for line in lines]

    assert tell() == ["relay scoring has not connected yet"]
    assert tell(state="connected", receipt=receipt(), waiting=3) == ["relay scoring is connected"]
    (resent,) = tell(state="connected", receipt=receipt())
    assert resent.startswith("scoring resent 120 of 800 items to 10.0.0.7 after the cut at")
    assert tell(state="connected", receipt=receipt(sent=900)) == []
    assert tell(state="connected", receipt=receipt(since_ns=11, again=0)) == []
    warned = tell(state="connected", warnings=("scoring: 1 name is longer",))
    assert warned == ["WARNING scoring: 1 name is longer"]
    assert tell(state="connected") == ["OVER scoring: 1 name is longer"]
    late = receipt(since_ns=20, until="2026-06-14T14:07:30+02:00")
    (told,) = tell(state="disconnected: cut", receipt=late, waiting=9)[1:]
    assert "resent" in told


@pytest.mark.parametrize("width", [80, 120])
def test_the_live_page_has_relays_and_their_warnings(meet: RelayedMeet, width: int) -> None:
    relays = tuple(relays_of(meet))
    warned = (*relays, health(relay="third", warnings=("third: look at it",)))
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    console.print(page("Meet", Overview(relays=warned), (), 0))
    text = out.getvalue()
    assert "Relays" in text
    assert "scoring" in text
    assert "WARNING third: look at it" in text
    assert max(map(len, text.splitlines())) <= width
    out.truncate(0)
    console.print(page("Meet", Overview(), (), 0))
    assert "Relays" not in out.getvalue()
