"""Every statement as a command on a real log: what it does, what it prints, and its withdrawal."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from meetlog.commands.remembering import VERBS
from meetlog.exits import Exit
from meetlog.statement_reports import HistoryEntry, OperatorReport, StatementReport
from meetlog.stating import PlannedRevision
from projections.views import Lane, Race
from tests.meetlog.calls import ROOT, ask, call
from tests.meetlog.meets import RecordedMeet

PAGE = (ROOT / "docs" / "statements.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada is logged in."""
    monkeypatch.setenv("LOGNAME", "ada")


def races(meet: RecordedMeet) -> list[Race]:
    found: list[Race] = ask(Race, "results", "-m", meet.folder).items
    return found


def lane(meet: RecordedMeet, number: int = 1, heat: int = 1) -> Lane:
    race = next(r for r in races(meet) if r.heat == heat)
    return next(x for x in race.lanes if x.lane == number)


def race(meet: RecordedMeet, heat: int = 1) -> Race:
    return next(r for r in races(meet) if r.heat == heat)


def say(meet: RecordedMeet, *args: str | Path) -> StatementReport:
    (report,) = ask(StatementReport, *args, "-m", meet.folder).items
    assert isinstance(report, StatementReport)
    return report


def refused(meet: RecordedMeet, *args: str) -> tuple[int, str]:
    before = head(meet)
    result = call(*args, "-m", meet.folder)
    assert head(meet) == before
    assert result.stdout == ""
    return result.exit_code, result.stderr


def head(meet: RecordedMeet) -> int:
    position: int = ask(HistoryEntry, "history", "-m", meet.folder).position
    return position


Look = Callable[[RecordedMeet], object]
FIRST = "67/4A/1"
CASES: dict[str, tuple[tuple[str, ...], Look, object]] = {
    "start": (("start", "4A/2", "--gun", "09:05:00.5"), lambda m: race(m, 2).start,
              "2026-06-14T09:05:00.5+02:00"),
    "gun": (("gun", "#1", "+1.5s"), lambda m: lane(m).time_cs, 2862),
    "gun back": (("gun", FIRST, "-0.3s"), lambda m: lane(m).time_cs, 3042),
    "gun at": (("gun", FIRST, "08:59:59.000000001"), lambda m: lane(m).time_cs, 3112),
    "recall": (("recall", FIRST), lambda m: race(m).start, ""),
    "re-swim": (("re-swim", FIRST), lambda m: (race(m).race_number, lane(m).time_cs), (3, None)),
    "re-swim as": (("re-swim", FIRST, "--number", "17"), lambda m: race(m).race_number, 17),
    "close": (("close", "67/4A/2"), lambda m: race(m, 2).state, "closed"),
    "dq": (("dq", "1", "2", "--code", "6.2", "--text", "early"), lambda m: lane(m, 2).status, "DQ"),
    "no-show": (("no-show", "67/4a/2", "1"), lambda m: lane(m, 1, 2).status, "NS"),
    "dnf": (("dnf", "67/4A/2", "1"), lambda m: lane(m, 1, 2).status, "DNF"),
    "set-time": (("set-time", FIRST, "1", "1:02.34"), lambda m: lane(m).time_cs, 6234),
    "clear-time": (("clear-time", FIRST, "1"), lambda m: lane(m).time_cs, None),
    "empty": (("empty", FIRST, "2"), lambda m: lane(m, 2).status, "EMPTY"),
    "occupied": (("occupied", FIRST, "3"), lambda m: lane(m, 3).status, ""),
    "assign-chip": (("assign-chip", "0123", "Cora Cole"), lambda m: lane(m).time_cs, None),
    "assign from": (("assign-chip", "123", "103", "--since", "09:00:20"),
                    lambda m: (lane(m).time_cs, len(lane(m).splits)), (None, 1)),
    "clear-chip": (("clear-chip", "456"), lambda m: lane(m, 2).time_cs, None),
    "void": (("void", "123"), lambda m: lane(m).splits, ()),
    "void point": (("void", "123", "--point", "finish"), lambda m: len(lane(m).splits), 1),
    "void span": (("void", "123", "--from", "09:00:10", "--to", "09:00:20"),
                  lambda m: [s.distance for s in lane(m).splits], [50]),
    "void at": (("void", "123", "--at", "09:00:14.5"),
                lambda m: [s.distance for s in lane(m).splits], [50]),
    "crossing": (("crossing", "123", "finish", "09:00:29.87"), lambda m: lane(m).time_cs, 2987),
    "shift": (("shift", "finish-mat", "-0.5s", "--from", "09:00:20"),
              lambda m: lane(m).time_cs, 2962),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_statement_does_it_and_its_withdrawal_undoes_it(name: str, ended: RecordedMeet) -> None:
    args, look, expected = CASES[name]
    before, was, at = races(ended), look(ended), head(ended)
    assert was != expected

    tried = say(ended, *args, "--dry-run")
    assert (tried.made, tried.position, head(ended)) == (False, None, at)
    assert races(ended) == before

    made = say(ended, *args, "--reason", "seen by the judge")
    assert look(ended) == expected
    assert (made.made, made.position, made.seen) == (True, at + 1, at)
    assert (made.author, made.login, made.proof, made.channel) == ("ada", "ada", "login", "cli")
    assert (tried.races, tried.revisions) == (made.races, made.revisions)
    assert made.races

    say(ended, "withdraw", str(made.position))
    assert races(ended) == before
    say(ended, "withdraw", str(at + 2))
    assert look(ended) == expected


@pytest.mark.parametrize(
    ("first", "undo", "look"),
    [
        (("dq", FIRST, "1"), ("reinstate", FIRST, "1"), lane),
        (("close", "67/4A/2"), ("reopen", "67/4A/2"), lambda m: race(m, 2).state),
        (("void", "123"), ("restore-reads", "123"), lane),
        (("void", "123", "--at", "09:00:14.5"),
         ("restore-reads", "123", "--at", "09:00:14.5"), lane),
        (("empty", FIRST, "1"), ("occupied", FIRST, "1"), lane),
    ],
)  # fmt: skip
def test_what_undoes_a_statement(
    first: tuple[str, ...], undo: tuple[str, ...], look: Look, ended: RecordedMeet
) -> None:
    before = look(ended)
    say(ended, *first)
    assert look(ended) != before
    say(ended, *undo)
    assert look(ended) == before


def test_it_says_what_it_did(ended: RecordedMeet) -> None:
    told = call("dq", FIRST, "1", "--code", "6.2", "--reason", "seen", "-m", ended.folder)
    assert told.exit_code == 0, told.output
    position = head(ended)
    assert "lane 1: disqualified by rule 6.2." in told.stdout
    assert "1 -> none" in told.stdout
    assert "revision 2 as Session67_Event_4A_Heat1_Race1_2.json" in told.stdout
    assert f"meetlog withdraw {position}" in told.stdout
    tried = call("reinstate", FIRST, "1", "--dry-run", "-m", ended.folder)
    assert "Not stated, only tried" in tried.stdout
    assert "withdraw" not in tried.stdout
    none = call("no-show", "67/4A/2", "2", "--dry-run", "-m", ended.folder)
    assert "none -> NS" in none.stdout
    recalled = call("recall", FIRST, "--dry-run", "-m", ended.folder)
    assert "Revision 1" in recalled.stdout
    assert "no longer hold" in recalled.stdout


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("dq", "67/4B/1", "1"), Exit.UNSAYABLE, "There are 67/4A/1 (race 1)"),
        (("dq", "#12", "1"), Exit.UNSAYABLE, "no race number 12"),
        (("dq", "heat one", "1"), Exit.UNSAYABLE, "names no race"),
        (("dq", FIRST, "9"), Exit.UNSAYABLE, "Its lanes: 1, 2, 3"),
        (("dq", FIRST, "3"), Exit.UNSAYABLE, "meetlog occupied"),
        (("set-time", FIRST, "1", "fast"), Exit.UNSAYABLE, "1:02.34"),
        (("start", FIRST), Exit.UNSAYABLE, "meetlog gun"),
        (("start", "67/4A/2", "--gun", "noonish"), Exit.UNSAYABLE, "14:05:31.25"),
        (("gun", "67/4A/2", "+1s"), Exit.UNSAYABLE, "has not started"),
        (("gun", FIRST, "+1x"), Exit.UNSAYABLE, "+1.5s"),
        (("recall", "67/4A/2"), Exit.UNSAYABLE, "nothing to recall"),
        (("re-swim", FIRST, "-n", "2"), Exit.UNSAYABLE, "taken by event 4A, heat 2"),
        (("re-swim", "67/4A/2"), Exit.UNSAYABLE, "has not been swum"),
        (("reopen", FIRST), Exit.UNSAYABLE, "was not closed"),
        (("reinstate", FIRST, "1"), Exit.UNSAYABLE, "neither disqualified"),
        (("clear-time", "67/4A/2", "1"), Exit.UNSAYABLE, "nothing to clear"),
        (("assign-chip", "123", "Cora Coal"), Exit.UNSAYABLE, "103 (Cora Cole)"),
        (("void", "124"), Exit.UNSAYABLE, "Did you mean 123"),
        (("void", "123", "--point", "Start"), Exit.UNSAYABLE, "There are Finish, Turn"),
        (("void", "123", "--at", "09:30"), Exit.UNSAYABLE, "The nearest: Finish"),
        (("void", "123", "--from", "09:10", "--to", "09:05"), Exit.UNSAYABLE, "before it begins"),
        (("void", "123", "--at", "09:00:14", "--to", "09:01"), Exit.USAGE, "leave --from and --to"),
        (("restore-reads", "123", "--at", "09:00:14"), Exit.UNSAYABLE, "Void are: none"),
        (("crossing", "777", "Finish", "09:00:30"), Exit.UNSAYABLE, "never read"),
        (("shift", "start-mat", "+1s"), Exit.UNSAYABLE, "There are finish-mat"),
        (("withdraw", "3"), Exit.UNSAYABLE, "is no statement"),
        (("withdraw", "9999"), Exit.UNSAYABLE, "There is no event 9999"),
        (("dq", FIRST, "1", "--seen", "9999"), Exit.UNSAYABLE, "There is no event 9999"),
        (("clear-time", FIRST, "1", "--seen", "6"), Exit.STALE, "was nothing, is now 30.12"),
        (("adopt", "no-such.toml"), Exit.SETTINGS, "no-such.toml"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_stated(
    args: tuple[str, ...], code: Exit, words: str, ended: RecordedMeet
) -> None:
    exit_code, told = refused(ended, *args)
    assert (exit_code, words in told) == (code, True), told


def test_withdrawing_twice_tells_how_to_have_it_count_again(ended: RecordedMeet) -> None:
    first = say(ended, "dq", FIRST, "1").position
    report = say(ended, "withdraw", str(first))
    assert "disqualified" in report.notes[0]
    second = report.position
    code, told = refused(ended, "withdraw", str(first))
    assert (code, f"meetlog withdraw {second}" in told) == (Exit.UNSAYABLE, True)


def test_settings_are_adopted_and_become_the_meets_own(ended: RecordedMeet) -> None:
    own = ended.folder / "meet.toml"
    other = ended.folder / "other.toml"
    text = own.read_text(encoding="utf-8").replace('"Turn", distance = 25', '"Turn", distance = 33')
    other.write_text(text, encoding="utf-8")
    before = own.read_bytes()
    tried = say(ended, "adopt", other, "--dry-run")
    assert "course[1].legs[1].distance: 25 -> 33" in tried.notes
    assert own.read_bytes() == before
    made = say(ended, "adopt", other, "--reason", "measured the pool")
    assert own.read_bytes() == other.read_bytes()
    assert lane(ended).splits[0].distance == 33
    assert any("meet.toml was written" in note for note in made.notes)
    assert refused(ended, "adopt", str(own))[0] == Exit.UNSAYABLE

    own.write_text(text.replace("33", "34"), encoding="utf-8")
    other.write_text(text.replace("33", "35"), encoding="utf-8")
    code, told = refused(ended, "adopt", str(other))
    assert (code, "would be lost" in told) == (Exit.REFUSED, True)
    say(ended, "adopt", own)
    assert lane(ended).splits[0].distance == 34
    assert sorted(p.name for p in ended.folder.iterdir() if "tmp" in p.name) == []


def test_history_tells_everything_that_was_said(ended: RecordedMeet) -> None:
    first = say(ended, "dq", FIRST, "1", "--code", "6.2", "-r", "seen").position
    say(ended, "set-time", FIRST, "2", "31.00", "--as", "Ben")
    say(ended, "close", "67/4A/2")
    say(ended, "withdraw", str(first), "-r", "it was lane 2")

    def told(*args: str) -> list[HistoryEntry]:
        found: list[HistoryEntry] = ask(HistoryEntry, "history", "-m", ended.folder, *args).items
        return found

    dq, time, close, withdraw = told()
    assert (dq.position, dq.verb, dq.race, dq.reason) == (first, "dq", FIRST, "seen")
    assert dq.withdrawn_by == withdraw.position
    assert (time.author, time.login, time.withdrawn_by) == ("Ben", "ada", None)
    assert dq.words.endswith("lane 1: disqualified by rule 6.2")
    assert dq.at_ns <= time.at_ns
    assert withdraw.words == f"statement {first} counts no more ({dq.words})"
    assert told("--race", "4a/1") == [dq, time]
    assert told("--race", "67/4A/2") == [close]
    assert told("--author", "ben") == [time]
    assert told("--kind", "dq", "-k", "withdraw") == [dq, withdraw]
    assert told("--to", "2020-01-01T00:00") == []
    assert told("--from", "2020-01-01T00:00", "--author", "ada") == [dq, close, withdraw]
    shown = call("history", "-m", ended.folder)
    assert f"withdrawn by {withdraw.position}" in shown.stdout
    assert "4 statements, 1 withdrawn" in shown.stdout
    assert call("history", "-k", "what", "-m", ended.folder).exit_code == Exit.USAGE
    for verb in VERBS:
        assert f"`{verb}`" in PAGE


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("## Options of every statement", StatementReport),
        ("## Options of every statement", PlannedRevision),
        ("### `meetlog history`", HistoryEntry),
        ("### `meetlog operator list`", OperatorReport),
    ],
)
def test_the_json_is_documented(title: str, kind: type[msgspec.Struct]) -> None:
    about = PAGE.partition(f"\n{title}\n")[2].partition("\n##")[0]
    assert [f for f in kind.__struct_fields__ if f"`{f}`" not in about] == []


def test_a_meet_named_by_its_log_takes_statements_too(ended: RecordedMeet) -> None:
    result = call("dq", FIRST, "1", "-m", ended.path, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["items"][0]["made"]
    assert lane(ended).status == "DQ"


def test_a_computer_without_a_login_needs_a_name(
    ended: RecordedMeet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise OSError("no login")

    monkeypatch.setattr("getpass.getuser", nobody)
    code, told = refused(ended, "close", "67/4A/2")
    assert (code, "--as" in told) == (Exit.NOT_ALLOWED, True)
    report = say(ended, "close", "67/4A/2", "--as", "Ben")
    assert (report.author, report.login) == ("Ben", "")


def test_where_there_is_no_log_there_is_nothing_to_say(tmp_path: Path) -> None:
    (tmp_path / "meet.toml").write_text("")
    result = call("close", "1/1/1", "-m", tmp_path)
    assert result.exit_code == Exit.UNAVAILABLE
    assert os.listdir(tmp_path) == ["meet.toml"]  # noqa: PTH208 - names only
