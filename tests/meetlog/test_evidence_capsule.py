"""Capsules: any span of a meet, in one file, gives the same again on another computer."""

import io
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from meetlog.asof import UpTo
from meetlog.capsule.carrying import plan
from meetlog.capsule.format import (
    EVENTS,
    MANIFEST,
    CapsuleError,
    Carried,
    Manifest,
    open_capsule,
)
from meetlog.capsule.making import CapsuleReport, OpenedCapsule, make
from meetlog.capsule.unpacking import LOG, open_into, unpack
from meetlog.exits import Refused
from meetlog.replay import replay, replay_all
from projections.clock import iso_local
from projections.decode import Decoder
from projections.folding import fold, settings_at
from projections.views import Race
from store.event import LEFT_OUT, SOCKET_READ, Event, Head, chain_hash, meta_of
from store.seal import read_seal, seal_of
from store.sqlite import SqliteLog
from store.verify import verify
from tests.meetlog.busy import busy
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import RecordedMeet
from tests.meetlog.replays import corrected
from tests.meetlog.test_evidence import tampered

ZONE = "Europe/Berlin"


@pytest.fixture(scope="session")
def morning(tmp_path_factory: pytest.TempPathFactory) -> RecordedMeet:
    return busy(tmp_path_factory.mktemp("busy"))[0]


@pytest.fixture(scope="session")
def small(morning: RecordedMeet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capsule of the third heat."""
    out = tmp_path_factory.mktemp("capsule") / "heat.zip"
    make(morning.log, 150, 200, out)
    return out


@contextmanager
def opened(capsule: Path, folder: Path) -> Iterator[SqliteLog]:
    open_into(capsule, folder)
    with closing(SqliteLog(folder / LOG, read_only=True)) as log:
        yield log


def everything(log: SqliteLog | UpTo) -> list[Event]:
    return log.read(0, 1_000_000)


def spans(head: int) -> list[tuple[int, int]]:
    rng = random.Random(77)
    some = [(1, head), (1, 1), (head, head), (head - 60, head)]
    for _ in range(8):
        begin = rng.randint(1, head)
        some.append((begin, rng.randint(begin, head)))
    return some


def test_any_span_gives_the_same_again(morning: RecordedMeet, tmp_path: Path) -> None:
    head = morning.log.head().position
    for number, (begin, end) in enumerate(spans(head)):
        out = tmp_path / f"{number}.zip"
        report = make(morning.log, begin, end, out)
        manifest = report.manifest
        assert (manifest.begin, manifest.end, report.identical) == (begin, end, report.publications)
        before = everything(UpTo(morning.log, end))
        with opened(out, tmp_path / str(number)) as log:
            assert verify(log).ok
            after = everything(log)
            assert [e.position for e in after] == list(range(1, end + 1))
            carried = [e for e in after if e.kind != LEFT_OUT]
            assert len(carried) == manifest.carried
            for event in carried:
                was = before[event.position - 1]
                assert msgspec.structs.replace(event, hash=b"") == msgspec.structs.replace(
                    was, hash=b""
                )
            left_out = {e.position for e in after if e.kind == LEFT_OUT}
            assert all(position < manifest.complete_from for position in left_out)
            published = [r for r in replay(log) if r.publication.position >= begin]
            assert all(r.report.identical for r in published)
            assert len(published) == report.publications
            # Races before the span too: their times come from the reads that they are of.
            assert races(log) == races(UpTo(morning.log, end))
            if manifest.complete_from == 1:
                assert log.head() == UpTo(morning.log, end).head()


def races(log: SqliteLog | UpTo) -> list[Race]:
    meet = fold(log)
    meet.settle()
    return meet.races()


def test_a_capsule_of_a_span_is_not_the_whole_log(morning: RecordedMeet, small: Path) -> None:
    with open_capsule(small) as (manifest, events):
        carried = list(events)
    assert manifest.carried == len(carried) < manifest.end
    assert 1 < manifest.complete_from <= 150
    kinds = {e.kind for e in everything(UpTo(morning.log, 200)) if e.kind != SOCKET_READ}
    assert {e.kind for e in carried} >= kinds


def test_unfinished_frames_are_understood_at_every_beginning(morning: RecordedMeet) -> None:
    """Whatever is left out, the reads from the first complete event on are those of the log."""
    head = morning.log.head().position
    settings = settings_at(morning.log)
    events = everything(morning.log)
    whole = Decoder(settings)
    facts = {e.position: whole.facts(e) for e in events}
    unfinished = 0
    for begin in range(1, head + 1, 9):
        chosen = plan(morning.log, begin, begin)
        decoder = Decoder(settings)
        for event in events:
            if chosen.carries(event):
                found = decoder.facts(event)
                if event.position >= chosen.complete_from:
                    assert found == facts[event.position]
        reads = [e for e in events if e.position in chosen.reads]
        unfinished += sum(not e.body.endswith(b"\r") for e in reads)
    assert unfinished, "no beginning met an unfinished frame"


def test_a_meet_with_corrections_and_changed_settings(tmp_path: Path) -> None:
    meet, moments = corrected(tmp_path / "meet")
    end = moments[-1].position
    for begin in range(5, end, 11):
        out = tmp_path / f"{begin}.zip"
        report = make(meet.log, begin, end, out)
        assert report.publications == report.identical
        with opened(out, tmp_path / str(begin)) as log:
            assert races(log) == moments[-1].races


def test_its_codes_are_those_of_the_log(morning: RecordedMeet, small: Path) -> None:
    with open_capsule(small) as (manifest, _):
        codes = [manifest.begin_code, manifest.end_code]
    assert [read_seal(code).position for code in codes] == [150, 200]
    result = call("verify", morning.path, "--code", codes[0], "--code", codes[1])
    assert result.exit_code == 0
    assert result.stdout.count("HOLDS") == 2


def test_a_printed_code_holds_without_the_log(
    morning: RecordedMeet, small: Path, tmp_path: Path
) -> None:
    def code(position: int) -> str:
        return call("seal", morning.path, "--at", str(position)).stdout.splitlines()[0]

    asked = [code(180), code(20), code(300), str(read_seal(code(181))._replace(position=180))]
    words = [word for each in asked for word in ("--code", each)]
    result = call("capsule", "open", small, "--into", tmp_path / "open", *words)
    assert result.exit_code == 1
    said = [line.split(": ")[1].split(".")[0] for line in result.stdout.splitlines()
            if line.startswith(tuple(asked))]  # fmt: skip
    assert said == ["HOLDS", "NOT KNOWN", "NOT KNOWN", "DIFFERS"]
    result = call("capsule", "open", small, "--into", tmp_path / "good", "--code", asked[0])
    assert result.exit_code == 0
    make(morning.log, 150, 200, tmp_path / "masked.zip", mask=True)
    result = call(
        "capsule", "open", tmp_path / "masked.zip", "--into", tmp_path / "m", "--code", asked[0]
    )
    assert result.exit_code == 1
    assert "NOT KNOWN. Names are masked" in result.stdout


def test_the_carried_hashes_are_those_of_the_log(morning: RecordedMeet, small: Path) -> None:
    events = everything(morning.log)
    with open_capsule(small) as (_, carried):
        for each in carried:
            assert each.hash == events[each.position - 1].hash
            if each.before:
                assert each.before == events[each.position - 2].hash


def test_on_the_command_line(morning: RecordedMeet, tmp_path: Path) -> None:
    out, into = tmp_path / "c.zip", tmp_path / "open"
    (report,) = ask(
        CapsuleReport, "capsule", morning.folder, "--from", "100", "--to", "250", "--out", out
    ).items
    assert (report.manifest.begin, report.manifest.end) == (100, 250)
    assert report.size == out.stat().st_size
    (made,) = ask(OpenedCapsule, "capsule", "open", out, "--into", into).items
    manifest = made.manifest
    assert (manifest, made.log) == (report.manifest, str(into / LOG))
    assert sorted(p.name for p in into.iterdir()) == [MANIFEST, LOG]
    assert msgspec.json.decode((into / MANIFEST).read_bytes(), type=Manifest) == manifest
    result = call("replay", into / LOG, "--into", tmp_path / "files")
    assert result.exit_code == 0, result.output
    assert "all identical to what was published" in result.stdout
    assert call("verify", into / LOG).exit_code == 0
    said = call("capsule", "make", morning.path, "--out", tmp_path / "all.zip")
    assert said.exit_code == 0
    assert "Opened and replayed" in said.stdout
    said = call("capsule", "open", tmp_path / "all.zip", "--into", tmp_path / "all")
    assert f"meetlog replay {tmp_path / 'all' / LOG}" in said.stdout


def test_instants_name_the_span(morning: RecordedMeet, tmp_path: Path) -> None:
    first, last = morning.log.read(99, 1)[0], morning.log.read(199, 1)[0]
    # Between two events: the first at or after it, the last at or before it.
    begin = iso_local(first.recorded_at - 1, ZONE)
    end = iso_local(last.recorded_at + 1, ZONE)
    (report,) = ask(
        CapsuleReport, "capsule", morning.path, "--from", begin, "--to", end,
        "--out", tmp_path / "c.zip",
    ).items  # fmt: skip
    assert (report.manifest.begin, report.manifest.end) == (100, 200)
    assert report.manifest.begin_at == iso_local(first.recorded_at, ZONE)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (("--from", "300", "--to", "200"), "there is none"),
        (("--from", "23:59"), "after the newest event"),
        (("--to", "2020-01-01T00:00"), "before the first event"),
        (("--from", "0"), "There is no event 0"),
        (("--to", "9999"), "There is no event 9999"),
        (("--from", "noon"), "names no event"),
    ],
)
def test_a_wrong_span_is_told(
    morning: RecordedMeet, tmp_path: Path, span: tuple[str, ...], words: str
) -> None:
    result = call("capsule", morning.path, *span, "--out", tmp_path / "c.zip")
    assert result.exit_code == 2
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(morning: RecordedMeet, small: Path, tmp_path: Path) -> None:
    before = small.read_bytes()
    assert call("capsule", morning.path, "--out", small).exit_code == 8
    assert small.read_bytes() == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    result = call("capsule", "open", small, "--into", tmp_path / "full")
    assert result.exit_code == 8
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["file"]
    (tmp_path / "empty").mkdir()
    assert call("capsule", "open", small, "--into", tmp_path / "empty").exit_code == 0


def test_a_damaged_log_is_not_put_into_a_capsule(ended: RecordedMeet, tmp_path: Path) -> None:
    tampered(ended.path, "UPDATE events SET body = x'00' WHERE position = 9")
    result = call("capsule", ended.path, "--out", tmp_path / "c.zip")
    assert result.exit_code == 4
    assert "event 9 does not hold" in result.stderr
    assert call("capsule", ended.path, "--to", "8", "--out", tmp_path / "c.zip").exit_code == 0


def test_the_same_span_gives_the_same_file(morning: RecordedMeet, tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        make(morning.log, 40, 90, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


# -- files that are no capsule, or not whole --------------------------------


def refusal(data: bytes, folder: Path) -> str:
    """Why `data` is not opened, after which nothing is there; "" when it is."""
    capsule, into = folder / "c.zip", folder / "into"
    capsule.write_bytes(data)
    try:
        open_into(capsule, into)
    except CapsuleError as error:
        assert [p.name for p in folder.iterdir()] == ["c.zip"]
        return str(error)
    return ""


def test_a_truncated_capsule_is_refused(small: Path, tmp_path: Path) -> None:
    data = small.read_bytes()
    rng = random.Random(3)
    for length in [0, 1, 4, 30, len(data) - 1, *(rng.randrange(len(data)) for _ in range(40))]:
        told = refusal(data[:length], tmp_path)
        assert "c.zip is no capsule, or was altered or cut off" in told


def test_an_altered_capsule_is_refused_or_is_the_same(small: Path, tmp_path: Path) -> None:
    data = small.read_bytes()
    unpack(small, tmp_path / "whole.db")
    with closing(SqliteLog(tmp_path / "whole.db", read_only=True)) as log:
        whole = log.head()
    folder = tmp_path / "altered"
    folder.mkdir()
    rng = random.Random(4)
    refused = 0
    # The zip's own tables are at its end, and what they say of times and systems is not used.
    places = [rng.randrange(len(data)) for _ in range(150)]
    places += range(len(data) - 150, len(data))
    for at in places:
        changed = bytearray(data)
        changed[at] ^= 1 << rng.randrange(8)
        if refusal(bytes(changed), folder):
            refused += 1
            continue
        with closing(SqliteLog(folder / "into" / LOG, read_only=True)) as log:
            assert log.head() == whole
        for path in (folder / "into").iterdir():
            path.unlink()
        (folder / "into").rmdir()
    assert refused > 200


def rewritten(
    path: Path,
    events: Callable[[list[Carried]], list[Carried]] = lambda events: events,
    /,
    **said: object,
) -> bytes:
    """The capsule with other events and another manifest, its zip and its digest in order."""
    with open_capsule(path) as (manifest, carried):
        changed = events(list(carried))
    records = [msgspec.msgpack.encode(each) for each in changed]
    data = b"".join(struct.pack(">I", len(r)) + r for r in records)
    fields = msgspec.to_builtins(manifest) | {
        "bytes": len(data), "sha256": sha256(data).hexdigest(), "carried": len(changed),
    } | said  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(MANIFEST, msgspec.json.encode(fields))
        archive.writestr(EVENTS, data)
    return out.getvalue()


def test_it_can_be_written_by_hand(small: Path, tmp_path: Path) -> None:
    assert refusal(rewritten(small), tmp_path) == ""


def test_of_a_newer_meetlog(small: Path, tmp_path: Path) -> None:
    told = refusal(rewritten(small, capsule=2, meetlog="9.9"), tmp_path)
    assert "is of a newer meetlog (9.9): its format is 2" in told
    (tmp_path / "c.zip").write_bytes(rewritten(small, capsule=2))
    result = call("capsule", "open", tmp_path / "c.zip", "--into", tmp_path / "into")
    assert result.exit_code == 4
    assert "install that version" in result.stderr


def change(at: int, **fields: Any) -> Callable[[list[Carried]], list[Carried]]:
    def changed(events: list[Carried]) -> list[Carried]:
        return [*events[:at], msgspec.structs.replace(events[at], **fields), *events[at + 1 :]]

    return changed


@pytest.mark.parametrize(
    ("events", "said", "words"),
    [
        (change(-5, body=b"forged"), {}, "does not have its hash"),
        (change(-5, recorded_at=1), {}, "has an impossible time"),
        (change(-5, source="somebody"), {}, "does not have its hash"),
        (change(3, body=b"forged"), {}, "does not have its hash"),
        (change(-5, form=2), {}, "has the form 2"),
        (change(-5, position=1), {}, "is not in its place"),
        (change(-1, position=10**9), {}, "is not in its place"),
        (change(-5, meta=b"\xc0"), {}, "Expected `object`"),
        (change(-5, kind="socket.read", meta=b"\x80"), {}, "not a socket.read event"),
        (lambda events: events[:-1], {}, "not those that its manifest names"),
        (lambda events: [*events[:-5], *events[-4:]], {}, "is not in its place"),
        (lambda events: [*events, events[-1]], {}, "is not in its place"),
        (lambda events: events, {"end": 10**12}, "contradicts itself"),
        (lambda events: events, {"begin": 0}, "contradicts itself"),
        (lambda events: events, {"bytes": 40}, "longer than its manifest says"),
        (lambda events: events, {"sha256": "0" * 64}, "not those that its manifest names"),
        (lambda events: events, {"begin": "x"}, "Expected `int`"),
        (lambda events: events, {"end_code": "200-AAAA"}, "is not that of event 200"),
    ],
)
def test_forged_events_are_refused(
    small: Path,
    tmp_path: Path,
    events: Callable[[list[Carried]], list[Carried]],
    said: dict[str, object],
    words: str,
) -> None:
    told = refusal(rewritten(small, events, **said), tmp_path)
    assert words in told


def test_a_forged_span_with_a_new_chain_has_other_codes(small: Path, tmp_path: Path) -> None:
    """Who has the printed code of the span's end sees through a chain that was made anew."""

    def forge(events: list[Carried]) -> list[Carried]:
        out: list[Carried] = []
        for each in events:
            body = b"forged" if each.position == 180 else each.body
            before = each.before or (out[-1].hash if out else bytes(32))
            hash_ = chain_hash(
                before, each.position, each.recorded_at, each.source, each.kind, each.meta, body
            )
            out.append(msgspec.structs.replace(each, body=body, hash=hash_))
        ends.append(out[-1].hash)
        return out

    ends: list[bytes] = []
    told = refusal(rewritten(small, forge), tmp_path)
    assert "is not that of event 200" in told
    forged = seal_of(Head(200, ends[0], 0))
    assert refusal(rewritten(small, forge, end_code=forged), tmp_path) == ""
    with open_capsule(small) as (manifest, _):
        assert manifest.end_code != forged


def test_other_zips_and_files(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("photo.jpg", b"\xff\xd8")
    assert "does not have the parts of one" in refusal(out.getvalue(), tmp_path)
    assert "is no capsule" in refusal(b"chip,swimmer\n", tmp_path)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, b" " * 2_000_000)
    assert "too large" in refusal(out.getvalue(), tmp_path)
    assert call("capsule", "open", tmp_path / "none", "--into", tmp_path / "x").exit_code == 7


def test_left_out_events_say_so(small: Path, tmp_path: Path) -> None:
    with opened(small, tmp_path / "open") as log:
        (first,) = log.read(0, 1, kinds=(LEFT_OUT,))
        assert meta_of(first) == {"begin": 150}
        assert replay_all(log).files[0].publication.position >= 150


def test_a_capsule_of_a_capsule(small: Path, tmp_path: Path) -> None:
    with opened(small, tmp_path / "open") as log:
        report = make(log, 190, 200, tmp_path / "inner.zip")
        assert report.identical == report.publications
        with pytest.raises(Refused, match="is complete from event"):
            make(log, 40, 200, tmp_path / "no.zip")
        with opened(tmp_path / "inner.zip", tmp_path / "inner") as inner:
            assert races(inner) == races(log)
            assert {meta_of(e)["begin"] for e in inner.read(0, 500, kinds=(LEFT_OUT,))} == {190}
    result = call("replay", tmp_path / "inner" / LOG, "--into", tmp_path / "files")
    assert result.exit_code == 0, result.output
