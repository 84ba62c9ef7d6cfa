"""The console's port, certificate and key: judged from invented facts, and measured here."""

import socket
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from meetlog.console.errors import CannotServe
from meetlog.console.serving import _tls
from meetlog.doctor.console import (
    SOON,
    CertificateFact,
    CertificateState,
    judge_console,
)
from meetlog.doctor.measuring_console import measure_certificate
from meetlog.doctor.network import PortFact, PortState
from tests.doctor.answers import ask_doctor
from tests.kit.ports import free_port
from wire.settings import ConsoleSettings
from wire.stamps import DAY

GOOD = CertificateFact("console.pem", "key.pem", "good", left=90 * DAY, key_mode=0o600)
FREE = PortFact("the console", "127.0.0.1", 8611, "free")
SETTINGS = ConsoleSettings(certificate="console.pem", key="key.pem")
NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("state", "at_work", "verdict", "words"),
    [
        ("free", False, "ok", "is free"),
        ("free", True, "look", "although a run is at work"),
        ("taken", False, "look", "taken by python (process 7)"),
        ("taken", True, "ok", "as it is while a run is at work"),
        ("forbidden", False, "look", "may not be listened on"),
        ("no address", False, "look", "no address 127.0.0.1"),
        ("failed", False, "look", "out of buffers"),
    ],
)
def test_the_port_is_judged(state: PortState, at_work: bool, verdict: str, words: str) -> None:
    port = PortFact("the console", "127.0.0.1", 8611, state, "python (process 7)", "out of buffers")
    (found,) = judge_console(port, None, at_work)
    assert (found.verdict, bool(found.remedy)) == (verdict, verdict != "ok")
    assert words in found.text


def test_a_console_that_is_switched_off_needs_nothing() -> None:
    (found,) = judge_console(None, None, run_at_work=True)
    assert (found.verdict, found.text) == ("ok", "The console is switched off.")


@pytest.mark.parametrize(
    ("state", "left", "verdict", "words"),
    [
        ("good", 90 * DAY, "ok", "holds for 90 days"),
        ("good", None, "ok", "belong together."),
        ("good", SOON, "ok", "holds for 7 days"),
        ("good", SOON - 1, "look", "expires in 6 days"),
        ("expired", None, "look", "has expired"),
        ("not yet", None, "look", "not valid yet"),
        ("missing", None, "look", "cannot be read"),
        ("unusable", None, "look", "cannot be used"),
    ],
)
def test_a_certificate_is_judged(
    state: CertificateState, left: int | None, verdict: str, words: str
) -> None:
    fact = msgspec.structs.replace(GOOD, state=state, left=left)
    _, found = judge_console(FREE, fact, run_at_work=False)
    assert (found.verdict, bool(found.remedy)) == (verdict, verdict != "ok")
    assert words in found.text


@pytest.mark.parametrize(("mode", "told"), [(0o600, 0), (0o640, 1), (0o604, 1), (None, 0)])
def test_a_key_that_others_may_read_is_pointed_out(mode: int | None, told: int) -> None:
    fact = msgspec.structs.replace(GOOD, key_mode=mode)
    found = judge_console(FREE, fact, run_at_work=False)[2:]
    assert [each.verdict for each in found] == ["look"] * told


def test_a_key_that_would_be_recorded_is_wrong() -> None:
    fact = msgspec.structs.replace(GOOD, recorded=True)
    assert judge_console(FREE, fact, run_at_work=False)[-1].verdict == "wrong"


class Issued:
    """A certificate that holds from and until so many days from now, in a folder."""

    def __init__(self, folder: Path, begins: int = -10, ends: int = 90) -> None:
        leaf = trustme.CA().issue_cert(
            "127.0.0.1",
            not_before=NOW + timedelta(days=begins),
            not_after=NOW + timedelta(days=ends),
        )
        self.key = leaf.private_key_pem.bytes()
        leaf.cert_chain_pems[0].write_to_path(folder / "console.pem")
        (folder / "key.pem").write_bytes(self.key)
        (folder / "key.pem").chmod(0o600)


def measured(folder: Path, settings: ConsoleSettings = SETTINGS) -> CertificateFact:
    fact = measure_certificate(folder, settings, folder / "timedrops")
    assert fact is not None
    return fact


@pytest.mark.parametrize(
    ("begins", "ends", "state"),
    [(-10, 90, "good"), (-10, 3, "good"), (-10, -1, "expired"), (5, 90, "not yet")],
)
def test_a_certificate_is_measured(
    tmp_path: Path, begins: int, ends: int, state: CertificateState
) -> None:
    Issued(tmp_path, begins, ends)
    fact = measured(tmp_path)
    assert fact.state == state
    if state == "good":
        assert fact.left is not None
        assert ends - 1 <= fact.left // DAY <= ends
    if sys.platform != "win32":
        assert stat.S_IMODE(fact.key_mode or 0) == 0o600


def test_what_cannot_be_used_is_told_apart(tmp_path: Path) -> None:
    assert measured(tmp_path).state == "missing"
    issued = Issued(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    Issued(other)
    crossed = ConsoleSettings(certificate="console.pem", key="other/key.pem")
    assert measured(tmp_path, crossed).state == "unusable"
    locked = load_pem_private_key(issued.key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    (tmp_path / "key.pem").write_bytes(locked)
    assert measured(tmp_path).state == "unusable", "and nobody is asked for its password"
    with pytest.raises(CannotServe, match="the key has no password"):
        _tls(tmp_path, SETTINGS)
    (tmp_path / "console.pem").write_text("no certificate")
    assert measured(tmp_path).state == "unusable"


def test_without_tls_there_is_no_certificate(tmp_path: Path) -> None:
    assert measure_certificate(tmp_path, ConsoleSettings(), tmp_path) is None


def test_the_doctor_looks_at_the_console(tmp_path: Path) -> None:
    folder = tmp_path / "timedrops"
    folder.mkdir()
    Issued(folder)
    port = free_port()
    (tmp_path / "meet.toml").write_text(
        f'[console]\nport = {port}\nhost = "0.0.0.0"\n'
        'certificate = "timedrops/console.pem"\nkey = "timedrops/key.pem"\n'
    )
    with socket.create_server(("127.0.0.1", port)):
        _, _, findings = ask_doctor("--meet", tmp_path)
    told = [each for each in findings if each.check == "console"]
    assert sorted(each.verdict for each in told) == ["look", "ok", "wrong"]
    (firewall,) = (each for each in findings if each.check == "firewall")
    assert str(port) in firewall.text, "others are to reach it"
