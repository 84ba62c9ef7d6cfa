"""What each revision changed, by whom, why, and where it stands in the log."""

from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from meetlog.auditing import AuditedRevision, Change, audit, gather
from meetlog.exits import Exit
from meetlog.explanations import (
    ExplainedLeg,
    ExplainedRead,
    ExplainedStart,
    Explanation,
    PublishedAs,
    Raw,
    Said,
)
from meetlog.retracing import Part
from tests.kit.meets import Pool, heat
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import RecordedMeet, swum
from tests.meetlog.test_cli_docs import section
from wire.timedrops import LaneEntry, ResultFile, ResultLane, ResultSplit, encode_result


def a_pool() -> Pool:
    pool = Pool()
    pool.load(heat("1", 1, 1, {1: "101", 2: "102", 3: LaneEntry(3, ("103",), event="3")}))
    return pool


def document(*lanes: ResultLane, race: int = 1, start: str = "09:00") -> bytes:
    return encode_result(ResultFile("67", "1", 1, race, lanes=lanes, start_at=start))


def publish(pool: Pool, revision: int, body: bytes, as_of: int | None = None) -> int:
    """A decision made on the log so far, or on less of it; its position."""
    return pool.add(
        "meetlog", "result.published", body, session="67", event="1", heat=1, race_number=1,
        revision=revision, name=f"Session67_Event_1_Heat1_Race1_{revision}.json",
        sha256=sha256(body).hexdigest(), as_of=as_of or pool.log.head().position, cause="reads",
        author="meetlog", reason="",
    )  # fmt: skip


def audited(pool: Pool) -> list[AuditedRevision]:
    meet = pool.meet()
    return audit(meet, gather(pool.log, meet))


def changed(revision: AuditedRevision) -> list[tuple[int | None, str, str, str, str]]:
    return [(c.lane, c.name, c.field, c.old, c.new) for c in revision.changes]


def test_the_first_revision_tells_what_every_lane_has() -> None:
    pool = a_pool()
    body = document(ResultLane(1, 3012, splits=(ResultSplit(25, 1450),)), ResultLane(2, empty=True),
                    ResultLane(3))  # fmt: skip
    publish(pool, 1, body)
    (first,) = audited(pool)
    assert first.before is None
    assert changed(first) == [
        (1, "First101 Last101", "time", "", "30.12"),
        (1, "First101 Last101", "split 25", "", "14.50"),
        (2, "First102 Last102", "status", "", "EMPTY"),
        (3, "First103 Last103", "time", "", "no time"),
    ]
    assert first.sha256 == sha256(body).hexdigest()


def test_a_later_revision_tells_only_what_is_other() -> None:
    pool = a_pool()
    first = publish(pool, 1, document(ResultLane(1, 3012), ResultLane(2, 3100)))
    changes = document(ResultLane(1, 3012, dq=True), ResultLane(2, 3099), race=9, start="09:01")
    publish(pool, 2, changes)
    second = audited(pool)[1]
    assert second.before == first
    assert changed(second) == [
        (None, "", "start", "09:00", "09:01"),
        (None, "", "race number", "1", "9"),
        (1, "First101 Last101", "status", "", "DQ"),
        (2, "First102 Last102", "time", "31.00", "30.99"),
    ]
    assert [(c.old_cs, c.new_cs) for c in second.changes][-1] == (3100, 3099)


def test_a_lane_that_is_gone_and_a_time_that_is_gone() -> None:
    pool = a_pool()
    publish(pool, 1, document(ResultLane(1, 3012), ResultLane(2, 3100)))
    publish(pool, 2, document(ResultLane(1)))
    assert changed(audited(pool)[1]) == [
        (1, "First101 Last101", "time", "30.12", "no time"),
        (2, "First102 Last102", "lane", "in the result", "not in the result"),
    ]


def test_names_are_those_of_the_program_that_the_revision_was_decided_on() -> None:
    pool = a_pool()
    decided = pool.log.head().position
    pool.load(heat("1", 1, 1, {1: "102", 2: "101"}))

    publish(pool, 1, document(ResultLane(1, 3012), ResultLane(2, 3100)), as_of=decided)
    publish(pool, 2, document(ResultLane(1, 3100), ResultLane(2, 3012)))
    first, second = audited(pool)
    assert [c.name for c in first.changes] == ["First101 Last101", "First102 Last102"]
    assert changed(second)[:2] == [
        (1, "First102 Last102", "swimmer", "First101 Last101", "First102 Last102"),
        (1, "First102 Last102", "time", "30.12", "31.00"),
    ]


def test_a_consoles_revisions_are_audited_with_pads_and_watches() -> None:
    pool = a_pool()
    one = pool.console("1", 1, ResultLane(1, 3012, 3015, (3010, None, 3011)))
    two = pool.console("1", 1, ResultLane(1, 3015, 3015, (3010, 3020, 3011)), revision=2)
    first, second = audited(pool)
    assert (first.position, second.position, second.before) == (one, two, one)
    assert (first.origin, first.author, first.as_of) == ("time-drops", "time-drops", None)
    assert [c.field for c in first.changes] == ["time", "pad", "watch 1", "watch 3"]
    assert changed(second) == [
        (1, "First101 Last101", "time", "30.12", "30.15"),
        (1, "First101 Last101", "watch 2", "", "30.20"),
    ]


def test_bytes_that_cannot_be_read_are_told_and_stop_nothing() -> None:
    pool = a_pool()
    good = publish(pool, 1, document(ResultLane(1, 3012)))
    publish(pool, 2, b"{")
    publish(pool, 3, document(ResultLane(1, 3013)))
    _, bad, third = audited(pool)
    assert "cannot be read" in bad.problem
    assert bad.changes == ()
    assert third.before == good
    assert changed(third) == [(1, "First101 Last101", "time", "30.12", "30.13")]


# -- the command -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> RecordedMeet:
    """A heat published, and published again after chips were exchanged."""
    meet = swum(tmp_path_factory.mktemp("audit"))
    meet.file("chips.csv", b"chip,swimmer\n123,102\n456,101\n")
    meet.publish()
    return meet


def test_audit_as_json_agrees_with_the_log(corrected: RecordedMeet) -> None:
    items = ask(AuditedRevision, "audit", "4A/1", "--meet", corrected.folder).items
    assert [r.revision for r in items] == [1, 2]
    for r in items:
        event = corrected.log.read(r.position - 1, 1)[0]
        assert event.kind == "result.published"
        assert sha256(event.body).hexdigest() == r.sha256
        assert r.as_of is not None
        assert r.as_of < r.position
        assert (corrected.timedrops / r.name).read_bytes() == event.body
    assert items[1].cause.startswith("chip table at ")
    assert [(c.lane, c.field, c.old, c.new) for c in items[1].changes] == [
        (1, "time", "30.12", "31.45"), (1, "split 25", "14.50", "15.25"),
        (2, "time", "31.45", "30.12"), (2, "split 25", "15.25", "14.50"),
    ]  # fmt: skip


def test_audit_and_explain_as_text(corrected: RecordedMeet) -> None:
    told = call("audit", "67/4A/1", "--meet", corrected.folder).stdout
    assert "Revision 2" in told
    assert "chip table at" in told
    assert "Zoë Ångström" in told
    assert told.endswith("2 revisions of 1 race. Times in Europe/Berlin.\n")
    told = call("explain", "4A/1", "2", "--meet", corrected.folder).stdout
    assert "lane 2, Győző [bold]Kovács: 30.12, place 1" in told
    assert '{"Chip":123,"Moment":"2026-06-14T09:00:30.1290000Z"' in told
    assert "Reads that were not chosen" in told


def test_as_of_an_earlier_position_the_correction_is_not_known(corrected: RecordedMeet) -> None:
    first, second = ask(AuditedRevision, "audit", "--meet", corrected.folder).items
    before = str(second.as_of - 1)
    (known,) = ask(AuditedRevision, "audit", "--meet", corrected.folder, "--at", before).items
    assert known == first
    (e,) = ask(
        Explanation, "explain", "4A/1", "2", "--meet", corrected.folder, "--at", before
    ).items
    assert e.time == "31.45"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("audit", "9/9"), "There is no race 9/9."),
        (("explain", "4A/1", "8"), "has no lane 8. Its lanes: 1, 2, 3."),
        (("explain", "4A", "1"), "names no race"),
        (("audit", "--html", "x.html"), "A page is about one race; name it."),
        (("audit", "4A/1", "--html", "x.html", "--json"), "--html writes a page"),
    ],
)
def test_what_is_not_there_is_told(
    corrected: RecordedMeet, args: tuple[str, ...], said: str
) -> None:
    result = call(*args, "--meet", corrected.folder)
    assert result.exit_code == Exit.USAGE
    words = " ".join(result.stderr.replace("│", " ").split())
    assert said in words


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("audit", AuditedRevision), ("audit", Change),
        ("explain", Explanation), ("explain", PublishedAs), ("explain", ExplainedStart),
        ("explain", ExplainedLeg), ("explain", ExplainedRead), ("explain", Raw), ("explain", Part),
        ("explain", Said),
    ],
)  # fmt: skip
def test_every_field_is_documented(name: str, kind: type[msgspec.Struct]) -> None:
    about = section(name)
    assert [field for field in kind.__struct_fields__ if f"`{field}`" not in about] == []


def test_the_page_is_written_and_only_over_a_page(corrected: RecordedMeet, tmp_path: Path) -> None:
    page = tmp_path / "race.html"
    for _ in range(2):
        result = call("audit", "4A/1", "--meet", corrected.folder, "--html", page)
        assert result.exit_code == 0
        assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    page.write_text("mine")
    refused = call("audit", "4A/1", "--meet", corrected.folder, "--html", page)
    assert refused.exit_code == Exit.REFUSED
    assert "is no audit page" in refused.stderr
    assert page.read_text() == "mine"
