"""Secrets stay where they belong: in no log, page, metric, capsule or message."""

import re
import zipfile
from pathlib import Path

import pytest

from meetlog.commands.remembering import REFUSED
from meetlog.console.answers import WITHHELD, _without_hashes
from meetlog.reports import EventReport
from tests.console.visits import SECRET, csrf, post, register, sign_in, visiting
from tests.meetlog.calls import call
from tests.meetlog.meets import RecordedMeet

ROOT = Path(__file__).parents[2]
PAGES = ("/", "/history", "/events", "/alarms", "/sources", "/api", "/metrics", "/health", "/say",
         "/api/status", "/api/events?limit=1000&raw=1", "/api/sources", "/api/history")  # fmt: skip


def everything_in(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())


@pytest.mark.anyio
async def test_a_secret_is_in_no_file_and_on_no_page(ended: RecordedMeet) -> None:
    register(ended.folder)
    wrong = "another horse staple"
    async with visiting(ended.folder) as visited, visited.client() as client:
        assert (await post(client, "/sign-in", name="Ref", secret=wrong)).status_code == 403
        answer = await sign_in(client)
        token = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
        mine = await csrf(client)
        for path in PAGES:
            text = (await client.get(path)).text
            assert SECRET not in text, path
            assert wrong not in text, path
            assert token not in text, path
            assert "scrypt$" not in text.replace(WITHHELD, ""), path
        assert WITHHELD in (await client.get("/events")).text
    found = everything_in(ended.folder)
    for secret in (SECRET, wrong, token, mine):
        assert secret.encode() not in found
    assert b"scrypt$" in found, "only a dear hash of it"
    assert REFUSED.encode() in found


def test_a_hash_is_withheld_however_the_bytes_are_told() -> None:
    body = '{"secret":"scrypt$15$8$3$AbC+/=$dEf="}'
    for told in (
        EventReport(1, "", 1, "operator", "statement", {}, len(body), "", text=body),
        EventReport(1, "", 1, "operator", "statement", {}, len(body), "", hex=body.encode().hex()),
    ):
        kept = _without_hashes(told)
        text = kept.text or bytes.fromhex(kept.hex or "").decode()
        assert text == f'{{"secret":"{WITHHELD}"}}'


def test_a_masked_capsule_has_not_even_the_hash(ended: RecordedMeet, tmp_path: Path) -> None:
    register(ended.folder)
    for name, masked in (("open.zip", False), ("masked.zip", True)):
        out = tmp_path / name
        args = ["--mask-names"] if masked else []
        assert call("capsule", ended.folder, "--out", out, *args).exit_code == 0
        with zipfile.ZipFile(out) as archive:
            held = b"".join(archive.read(each) for each in archive.namelist())
        assert SECRET.encode() not in held
        assert (b"scrypt$" in held) != masked


def test_the_settings_have_no_place_for_a_password() -> None:
    """They are recorded in the log, so a password is only ever the name of a file."""
    text = (ROOT / "wire" / "settings.py").read_text(encoding="utf-8")
    fields = re.findall(r"^    (\w*(?:password|secret|token)\w*):", text, re.MULTILINE)
    assert set(fields) == {"password_file"}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_dependency_is_pinned_by_its_hash(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", text))
    pinned = [block for block in blocks if block.strip()]
    assert len(pinned) > 20
    for block in pinned:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", block), block
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block
    assert not re.search(r"://|--(?:extra-)?index-url|--find-links|--trusted-host", text)
