"""Operators at the command line: roles, secrets, and secrets that fail."""

from pathlib import Path

import msgspec
import pytest

from meetlog import secrets
from meetlog.authors import LONGEST_WAIT, wait_after
from meetlog.exits import Exit
from meetlog.output import Envelope
from meetlog.settings import TEMPLATE
from meetlog.statement_reports import HistoryEntry, OperatorReport, StatementReport
from store.event import FILE_CHANGED, STATEMENT_REFUSED, Event
from store.sqlite import SqliteLog
from tests.kit.around import around
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import RecordedMeet
from wire.stamps import NS

LANE = ("67/4A/1", "1")
SECRET = "four random words"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada is logged in, and hashes are cheap."""
    monkeypatch.setattr(secrets, "LOG_N", 4)
    be(monkeypatch, "Ada")


def be(monkeypatch: pytest.MonkeyPatch, login: str) -> None:
    monkeypatch.setenv("LOGNAME", login)


def written(folder: Path, secret: str) -> Path:
    path = folder / "secret.txt"
    path.write_text(secret + "\n", encoding="utf-8")
    return path


def registered(meet: RecordedMeet) -> RecordedMeet:
    """Ada is the referee by her login; Ben a timer and Cid a referee by their secrets."""
    file = written(meet.folder, SECRET)
    for name, role in (("Ada", "referee"), ("Ben", "timer"), ("Cid", "referee")):
        secret = () if name == "Ada" else ("--new-secret-file", file)
        result = call("operator", "add", name, "--role", role, *secret, "-m", meet.folder)
        assert result.exit_code == 0, result.output
    return meet


def said(meet: RecordedMeet, *args: str | Path) -> StatementReport:
    (report,) = ask(StatementReport, *args, "-m", meet.folder).items
    assert isinstance(report, StatementReport)
    return report


def denied(meet: RecordedMeet, *args: str | Path) -> str:
    result = call(*args, "-m", meet.folder)
    assert result.exit_code == Exit.NOT_ALLOWED, result.output
    return result.stderr


def test_until_somebody_is_registered_anybody_may_speak(ended: RecordedMeet) -> None:
    assert "anybody" in call("operator", "list", "-m", ended.folder).stdout
    assert said(ended, "dq", *LANE).proof == "login"


def test_the_first_operator_is_a_referee(ended: RecordedMeet) -> None:
    result = call("operator", "add", "Ben", "--role", "timer", "-m", ended.folder)
    assert (result.exit_code, "Add a referee first" in result.stderr) == (Exit.UNSAYABLE, True)


def test_from_then_on_only_the_registered_speak(
    ended: RecordedMeet, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet, file = registered(ended), ended.folder / "secret.txt"
    assert said(meet, "dq", *LANE).author == "Ada"
    be(monkeypatch, "pool")
    assert "pool is not registered" in denied(meet, "no-show", *LANE)
    assert "from the login Ada only" in denied(meet, "no-show", *LANE, "--as", "Ada")
    assert "Did you mean Ben?" in denied(meet, "no-show", *LANE, "--as", "ben")
    time = said(meet, "set-time", *LANE, "30.00", "--as", "Ben", "--secret-file", file)
    assert (time.author, time.proof, time.login) == ("Ben", "secret", "pool")
    told = denied(meet, "reinstate", *LANE, "--as", "Ben", "--secret-file", file)
    assert "Ben is registered as timer" in told
    assert "Ada, Cid" in told
    said(meet, "reinstate", *LANE, "--as", "Cid", "--secret-file", file)


def test_a_timer_takes_back_their_own_words_only(ended: RecordedMeet) -> None:
    meet, file = registered(ended), ended.folder / "secret.txt"
    by_ben = ("--as", "Ben", "--secret-file", file)
    others = str(said(meet, "set-time", *LANE, "31.00").position)
    own = str(said(meet, "set-time", *LANE, "30.00", *by_ben).position)
    assert "withdrawing what Ada said" in denied(meet, "withdraw", others, *by_ben)
    said(meet, "withdraw", own, *by_ben)
    said(meet, "withdraw", others)


def test_a_removed_operator_may_say_nothing(ended: RecordedMeet) -> None:
    meet, file = registered(ended), ended.folder / "secret.txt"
    assert call("operator", "remove", "Ben", "-m", meet.folder).exit_code == 0
    assert "Ben is registered" in denied(
        meet, "set-time", *LANE, "30.00", "--as", "Ben", "--secret-file", file
    )
    found = ask_operators(meet)
    assert [(o.name, o.role, o.proof) for o in found] == [
        ("Ada", "referee", "login"), ("Ben", "viewer", "login"), ("Cid", "referee", "secret"),
    ]  # fmt: skip
    again = call("operator", "remove", "Ben", "-m", meet.folder)
    assert (again.exit_code, "already" in again.stderr) == (Exit.UNSAYABLE, True)
    unknown = call("operator", "remove", "Dan", "-m", meet.folder)
    assert "Registered: Ada, Ben, Cid" in unknown.stderr


def ask_operators(meet: RecordedMeet) -> list[OperatorReport]:
    result = call("operator", "list", "--json", "-m", meet.folder)
    found = msgspec.json.decode(result.stdout, type=Envelope[OperatorReport])
    return list(found.items)


def test_the_last_referee_stays(ended: RecordedMeet) -> None:
    meet = ended
    call("operator", "add", "Ada", "--role", "referee", "-m", meet.folder)
    result = call("operator", "remove", "Ada", "-m", meet.folder)
    assert (result.exit_code, "no referee" in result.stderr) == (Exit.UNSAYABLE, True)
    (ada,) = ask_operators(meet)
    # Withdrawn, as if nobody had ever been registered: the meet is open again.
    said(meet, "withdraw", str(ada.position))
    assert ask_operators(meet) == []


def test_another_role_leaves_the_secret(ended: RecordedMeet) -> None:
    meet, file = registered(ended), ended.folder / "secret.txt"
    assert call("operator", "add", "Ben", "--role", "referee", "-m", meet.folder).exit_code == 0
    report = said(meet, "dq", *LANE, "--as", "Ben", "--secret-file", file)
    assert report.proof == "secret"


def test_a_wrong_secret_is_recorded_without_it_and_slows_the_next(
    ended: RecordedMeet, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet, file = registered(ended), ended.folder / "secret.txt"
    now = 2_000_000_000 * NS
    monkeypatch.setattr("meetlog.commands.saying.time.time_ns", lambda: now)
    wrong = meet.folder / "wrong.txt"
    wrong.write_text("my old password")
    by_ben = ("set-time", *LANE, "30.00", "--as", "Ben", "--secret-file")
    for _ in range(2):
        assert "not the secret of Ben" in denied(meet, *by_ben, wrong)
    assert "Wait 2 s" in denied(meet, *by_ben, wrong)
    # Even the right one must wait, and it does not count as a failure.
    assert "Try again in 2 s" in denied(meet, *by_ben, file)
    said(meet, "set-time", *LANE, "30.00", "--as", "Cid", "--secret-file", file)
    now += 2 * NS
    assert "Wait 4 s" in denied(meet, *by_ben, wrong)
    now += 4 * NS
    said(meet, *by_ben, file)
    assert "Wait" not in denied(meet, *by_ben, wrong)

    log = SqliteLog(meet.path, read_only=True)
    failures = log.read(kinds=(STATEMENT_REFUSED,))
    log.close()
    assert len(failures) == 5
    assert all(b"password" not in e.body + e.meta for e in log_events(meet))
    tries = ask(HistoryEntry, "history", "-m", meet.folder, "--kind", "refused").items
    assert [(e.author, e.login, e.proof) for e in tries] == [("Ben", "Ada", "")] * 5


def log_events(meet: RecordedMeet) -> list[Event]:
    log = SqliteLog(meet.path, read_only=True)
    try:
        return log.read(0, 10_000)
    finally:
        log.close()


def test_a_clock_that_was_set_back_locks_nobody_out(
    ended: RecordedMeet, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet, file = registered(ended), ended.folder / "secret.txt"
    now = 2_000_000_000 * NS
    monkeypatch.setattr("meetlog.commands.saying.time.time_ns", lambda: now)
    wrong = meet.folder / "wrong.txt"
    wrong.write_text("guess")
    by_ben = ("set-time", *LANE, "30.00", "--as", "Ben", "--secret-file")
    for _ in range(3):
        denied(meet, *by_ben, wrong)
    now -= 3600 * NS
    said(meet, *by_ben, file)


def test_the_wait_doubles_up_to_a_minute() -> None:
    waits = [wait_after(n) // NS for n in range(12)]
    assert waits == [0, 0, 0, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert wait_after(10**9) == LONGEST_WAIT


@around
def test_the_longest_wait(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    doubled = 32 * NS
    monkeypatch.setattr("meetlog.authors.LONGEST_WAIT", doubled - more)
    assert wait_after(7) == min(doubled, doubled - more)


def test_a_secret_is_asked_for_at_the_terminal_and_never_shown(
    ended: RecordedMeet, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def prompt(text: str, **how: object) -> str:
        assert how["hide_input"]
        asked.append(text)
        return SECRET

    monkeypatch.setattr("typer.prompt", prompt)
    made = call("operator", "add", "Ada", "--role", "referee", "--secret", "-m", ended.folder)
    assert made.exit_code == 0, made.output
    assert SECRET not in made.output
    assert said(ended, "dq", *LANE).proof == "secret"
    assert asked == ["New secret of Ada", "Secret of Ada"]
    assert call("dq", *LANE, "--dry-run", "-m", ended.folder).exit_code == 0
    assert len(asked) == 2
    assert all(SECRET.encode() not in e.body for e in log_events(ended))


def test_a_weak_secret_is_not_taken(ended: RecordedMeet) -> None:
    file = written(ended.folder, "1234")
    result = call(
        "operator", "add", "Ada", "--role", "referee", "--new-secret-file", file,
        "-m", ended.folder,
    )  # fmt: skip
    assert (result.exit_code, "shorter than 8" in result.stderr) == (Exit.UNSAYABLE, True)
    missing = ended.folder / "nowhere.txt"
    result = call(
        "operator", "add", "Ada", "--role", "referee", "--new-secret-file", missing,
        "-m", ended.folder,
    )  # fmt: skip
    assert (result.exit_code, "nowhere.txt" in result.stderr) == (Exit.FILES, True)


def test_operators_can_be_registered_before_the_first_run(tmp_path: Path) -> None:
    (tmp_path / "meet.toml").write_text(TEMPLATE, encoding="utf-8")
    result = call("operator", "add", "Ada", "--role", "referee", "-m", tmp_path)
    assert result.exit_code == 0, result.output
    log = SqliteLog(tmp_path / "meet.db", read_only=True)
    first, second = log.read()
    log.close()
    assert (first.kind, first.source, first.body) == (FILE_CHANGED, "settings", TEMPLATE.encode())
    assert second.kind == "statement"
