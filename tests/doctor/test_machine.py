"""Files, power, versions, settings and runs: judged from invented facts for every system."""

import pytest

from meetlog.doctor.findings import System, by_gravity, look, ok, wrong
from meetlog.doctor.log import LogFact, judge_log, judge_run, judge_settings
from meetlog.doctor.power import (
    LID_ACTIONS,
    PowerFact,
    judge_power,
    parse_logind,
    parse_pmset,
    parse_powercfg,
)
from meetlog.doctor.rights import FileFact, judge_rights
from meetlog.doctor.versions import VersionsFact, judge_versions
from wire.settings import Settings, SourceSettings

POWERCFG = """\
GUID des Energieschemas: 381b4222-f694-41f0-9685-ff5bb260df2e  (Ausbalanciert)
  Alias-GUID: SCHEME_BALANCED
  GUID der Untergruppe: 238c9fa8-0aad-41ed-83f4-97be242c8f20  (Energie sparen)
    Minimal mögliche Einstellung: 0x00000000
    Maximal mögliche Einstellung: 0xffffffff
    Inkrement der möglichen Einstellungen: 0x00000001
    Einheiten der möglichen Einstellungen: Sekunden
  Index der aktuellen Wechselstromeinstellung: 0x00000708
  Index der aktuellen Gleichstromeinstellung: 0x00000384

"""
PMSET = """\
System-wide power settings:
Currently in use:
 standby              1
 sleep                10 (sleep prevented by coreaudiod)
 disksleep            10
 displaysleep         2
"""


def test_what_the_systems_say_of_power_is_read() -> None:
    assert parse_powercfg(POWERCFG) == (1800, 900)
    assert parse_powercfg("Der Parameter ist falsch.") is None
    assert parse_pmset(PMSET) == 600
    assert parse_pmset("") is None
    assert parse_logind('s "suspend"\n') == "suspend"
    assert parse_logind("") == ""
    assert LID_ACTIONS[1] == "suspend"


@pytest.mark.parametrize("system", ["linux", "windows", "macos"])
def test_a_laptop_that_stays_awake_is_ok(system: System) -> None:
    fact = PowerFact(system, True, 93, True, 0, "nothing")
    found = judge_power(fact)
    assert {each.check: each.verdict for each in found} == {
        "power": "ok", "sleep": "ok", "lid": "ok",
    }  # fmt: skip
    assert "93 %" in found[0].text


@pytest.mark.parametrize(
    ("system", "command"),
    [("linux", "systemd-inhibit"), ("windows", "powercfg /change"), ("macos", "caffeinate")],
)
def test_a_laptop_that_goes_to_sleep_is_told_how_not_to(system: System, command: str) -> None:
    power, sleep, lid = judge_power(PowerFact(system, True, 40, False, 1800, "suspend"))
    assert [each.verdict for each in (power, sleep, lid)] == ["look"] * 3
    assert "on its battery (40 %)" in power.text
    assert "after 30 min" in sleep.text
    assert command in sleep.remedy
    assert "suspend" in lid.text


def test_what_cannot_be_seen_of_power_is_said() -> None:
    unknown = judge_power(PowerFact("linux", None))
    assert [each.verdict for each in unknown] == ["look", "look"]
    assert all("cannot be seen" in each.text for each in unknown)
    no_battery = judge_power(PowerFact("linux", False))
    assert "UPS" in no_battery[0].remedy
    laptop = judge_power(PowerFact("linux", True, None, None))
    assert [each.check for each in laptop] == ["power", "sleep", "lid"]
    assert "plugged in?" in laptop[0].remedy


LOG = FileFact("the log", "/meet/meet.db", mode=0o600)
SECRET = FileFact("the password of mat", "/meet/my secret.txt", mode=0o600, secret=True)


def test_files_as_they_must_be() -> None:
    (found,) = judge_rights([LOG, SECRET, FileFact("its lock", "/meet/meet.db.lock", there=False)])
    assert (found.verdict, "(2)" in found.text) == ("ok", True)
    assert judge_rights([])[0].verdict == "ok"


@pytest.mark.parametrize(
    ("fact", "verdict", "words", "remedy"),
    [
        (FileFact("the log", "/meet.db", writable=False, mode=0o444), "wrong", "written", "chown"),
        (FileFact("the log", "/meet.db", readable=False, writable=False), "wrong", "read", "sudo"),
        (FileFact("the log", "/meet.db", mode=0o666), "look", "Every user", "chmod o-w /meet.db"),
        (FileFact("pw", "/pw", there=False, secret=True), "wrong", "is not there", "first line"),
        (FileFact("pw", "/pw", readable=False, secret=True), "wrong", "cannot be read", "let this"),
        (FileFact("pw", "/a b", mode=0o644, secret=True), "look", "may read", 'chmod 600 "/a b"'),
        (FileFact("pw", "/pw", secret=True, recorded=True), "wrong", "in the log", "Move it"),
        (FileFact("pw", "/pw", secret=True, problem="no UTF-8"), "wrong", "no UTF-8", "starts"),
        (FileFact("pw", "/pw", secret=True, empty=True), "look", "nothing", "first line"),
    ],
)
def test_files_that_are_not(fact: FileFact, verdict: str, words: str, remedy: str) -> None:
    (found,) = judge_rights([LOG, fact])
    assert found.verdict == verdict
    assert words in found.text
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("sqlite", "bad"),
    [
        ((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False), ((3, 45, 0), True),
        ((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 2), True), ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)  # fmt: skip
def test_versions_of_sqlite_that_are_known_to_be_bad(sqlite: tuple[int, ...], bad: bool) -> None:
    found = judge_versions(VersionsFact("0.1.0", (3, 12, 1), sqlite, "1.0"))
    assert [each.verdict for each in found] == (["look", "ok"] if bad else ["ok"])


def test_a_log_of_a_newer_meetlog_and_an_old_python() -> None:
    fine = VersionsFact("0.10.0", (3, 11, 0), (3, 53, 0), "1.0", recorded_by="0.9.3")
    assert [each.verdict for each in judge_versions(fine)] == ["ok"]
    found = judge_versions(VersionsFact("0.1.0", (3, 10, 4), (3, 53, 0), "1.0", "0.2.0rc1"))
    assert [each.verdict for each in found] == ["wrong", "look", "ok"]
    assert "3.10.4" in found[0].text
    assert "0.2.0rc1" in found[1].text


def test_settings_log_and_run() -> None:
    full = Settings(sources=(SourceSettings("mat", "tsv1", "client", 1),))
    assert judge_settings("meet.toml", full, "").verdict == "ok"
    assert judge_settings("meet.toml", Settings(), "").verdict == "look"
    bad = judge_settings("meet.toml", None, "meet.toml has 1 mistake: line 3")
    assert (bad.verdict, "line 3" in bad.text) == ("wrong", True)
    assert judge_log(LogFact("meet.db", there=False)).verdict == "ok"
    assert judge_log(LogFact("meet.db", True, 7, 4096)).text == "meet.db has 7 events in 4.0 kB."
    assert judge_log(LogFact("meet.db", True, problem="it is damaged")).verdict == "wrong"
    assert [judge_run(each).verdict for each in (True, False, None)] == ["ok", "ok", "look"]


def test_the_worst_is_told_last() -> None:
    found = [wrong("a", "", ""), ok("b", ""), look("c", "", ""), ok("d", "")]
    assert [each.check for each in by_gravity(found)] == ["b", "d", "c", "a"]
