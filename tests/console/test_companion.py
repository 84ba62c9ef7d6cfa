"""The console beside a `run`: in a process of its own, there when it records, gone with it."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import trustme

from tests.console.visits import register
from tests.kit.ports import free_port
from tests.meetlog.calls import ROOT
from wire.reads import RawRead
from wire.tsv2 import encode

TOML = """
[meet]
zone = "Europe/Berlin"
[console]
port = {console}
[[source]]
name = "finish-mat"
protocol = "tsv2"
role = "server"
port = {mat}
"""


class Ports:
    def __init__(self) -> None:
        self.console, self.mat = free_port(), free_port()


@pytest.fixture
def ports() -> Ports:
    return Ports()


@pytest.fixture
def folder(tmp_path: Path, ports: Ports) -> Path:
    toml = TOML.format(console=ports.console, mat=ports.mat)
    (tmp_path / "meet.toml").write_text(toml)
    return tmp_path


@contextmanager
def running(folder: Path) -> "Iterator[subprocess.Popen[str]]":
    """`meetlog run` in another process, killed at the end."""
    code = "from meetlog.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "run", "--plain", "-m", str(folder)],
        stdout=subprocess.PIPE, cwd=ROOT, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def line_with(process: "subprocess.Popen[str]", words: str) -> str:
    """The next line of a `run` that has these words."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if words in line:
            return line
    pytest.fail(f"no line with {words!r} in {''.join(seen)}")


def test_it_shows_what_the_run_records_and_ends_with_it(folder: Path, ports: Ports) -> None:
    with running(folder) as process:
        line = line_with(process, "console at ")
        url = line.split()[-1]
        assert url == f"http://127.0.0.1:{ports.console}/"
        with socket.create_connection(("127.0.0.1", ports.mat)) as mat:
            mat.sendall(encode([RawRead("77", "2026-06-14T09:00:30.1200000", "Finish")]))
            line_with(process, "chip 77")
            assert httpx.get(f"{url}health").json() == {"state": "ok"}
            status = httpx.get(f"{url}api/status").json()["items"][0]
            assert status["program"].startswith("running since")
        with httpx.stream("GET", f"{url}live?parts=crossings,strip", timeout=30) as stream:
            lines = stream.iter_lines()
            assert any("09:00:30.12</a>" in line for line in lines)
            assert any("up to date" in line for line in lines)
            process.kill()  # not even a `run` that is killed leaves its console behind
            process.wait()
            with suppress(httpx.TransportError):
                assert all(not line.startswith("event: nothing") for line in lines)
        assert not _listens(ports.console)


def test_a_taken_port_is_a_warning_and_recording_goes_on(folder: Path, ports: Ports) -> None:
    with socket.create_server(("127.0.0.1", ports.console)), running(folder) as process:
        line = line_with(process, "WARNING")
        assert f"The console cannot listen on 127.0.0.1, port {ports.console}" in line
        with socket.create_connection(("127.0.0.1", ports.mat)) as mat:
            mat.sendall(encode([RawRead("77", "2026-06-14T09:00:30.1200000", "Finish")]))
            line_with(process, "chip 77")


def test_a_console_that_is_switched_off_is_not_there(folder: Path, ports: Ports) -> None:
    path = folder / "meet.toml"
    path.write_text(path.read_text().replace("[console]", "[console]\nenabled = false"))
    with running(folder) as process:
        line_with(process, "listens on")
        with socket.create_connection(("127.0.0.1", ports.mat)) as mat:
            mat.sendall(encode([RawRead("77", "2026-06-14T09:00:30.1200000", "Finish")]))
            line_with(process, "chip 77")
        assert not _listens(ports.console)


def test_what_is_stated_in_the_console_is_published_by_the_run(folder: Path) -> None:
    with running(folder) as process:
        url = line_with(process, "console at ").split()[-1]
        register(folder)
        with httpx.Client(base_url=url) as client:
            origin = {"origin": url.rstrip("/")}
            refused = client.post("/sign-in", data={"name": "Ref", "secret": "x"}, headers=origin)
            assert refused.status_code == 403
            assert "recorded" in refused.text


def _listens(port: int) -> bool:
    with socket.socket() as trying:
        trying.settimeout(1)
        return trying.connect_ex(("127.0.0.1", port)) == 0


def test_with_a_certificate_it_speaks_tls_and_nothing_else(folder: Path, ports: Ports) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(folder / "console.pem")
    certificate.private_key_pem.write_to_path(folder / "console-key.pem")
    toml = (folder / "meet.toml").read_text()
    tls = '[console]\ncertificate = "console.pem"\nkey = "console-key.pem"'
    (folder / "meet.toml").write_text(toml.replace("[console]", tls))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with running(folder) as process:
        url = line_with(process, "console at ").split()[-1]
        assert url == f"https://127.0.0.1:{ports.console}/"
        found = httpx.get(f"{url}health", verify=trusting)
        assert found.status_code == 200
        signed = httpx.post(
            f"{url}sign-in", verify=trusting, headers={"origin": url.rstrip("/")}, data={"name": ""}
        )
        assert signed.status_code != 200  # refused with words, not broken
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{ports.console}/health")
        with pytest.raises(httpx.ConnectError, match="certificate"):
            httpx.get(f"{url}health")
