"""The API gives what the commands print with `--json`, and describes itself."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from meetlog.console.answers import ANSWERS, AT
from meetlog.console.lookout import Lookout
from meetlog.console.openapi import document
from meetlog.opening import OpenMeet
from store.log import StoreUnavailable
from tests.console.visits import PHONE, visiting
from tests.meetlog.calls import call
from tests.meetlog.meets import RecordedMeet

pytestmark = pytest.mark.anyio

SAME = [
    ("status", {}, ["status"]),
    ("sources", {}, ["sources"]),
    ("relays", {}, ["relays"]),
    ("crossings", {}, ["crossings"]),
    ("crossings", {"chip": "0123", "point": "Finish"}, ["crossings", "-c", "123", "-p", "Finish"]),
    ("crossings", {"at": "11"}, ["crossings", "--at", "11"]),
    ("results", {}, ["results"]),
    ("results", {"race": "67/4a/1"}, ["results", "--race", "67/4A/1"]),
    ("revisions", {}, ["revisions"]),
    ("quarantine", {}, ["quarantine"]),
    ("audit", {"race": "4A/1"}, ["audit", "4A/1"]),
    ("explain", {"race": "67/4A/1", "lane": "1"}, ["explain", "67/4A/1", "1"]),
    ("history", {}, ["history"]),
    ("events", {"after": "3", "limit": "4", "raw": "1"},
     ["events", "--after", "3", "--limit", "4", "--raw"]),
    ("events", {"kind": "socket.opened"}, ["events", "--kind", "socket.opened"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "query", "command"), SAME)
async def test_an_answer_is_what_the_command_prints(
    recorded: RecordedMeet, name: str, query: dict[str, str], command: list[str]
) -> None:
    printed = json.loads(call(*command, "--json", "-m", recorded.folder).stdout)
    async with visiting(recorded.folder) as visited, visited.client() as client:
        answer = await client.get(f"/api/{name}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.text.isascii()
    assert _still(answer.json()) == _still(printed)


def _still(document: Any) -> Any:
    """A document without what grows while one looks."""
    for item in document["items"]:
        item.pop("age_ns", None)
    return document


def test_every_answer_is_compared_with_its_command() -> None:
    assert {name for name, _, _ in SAME} == {answer.command for answer in ANSWERS}


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/api/results?colour=red", 400, "no parameter colour"),
        ("/api/results?race=x", 400, "names no race"),
        ("/api/explain?race=4A/1", 400, "Missing: lane"),
        ("/api/explain?race=4A/1&lane=one", 400, "'one' is no number"),
        ("/api/explain?race=4A/1&lane=9", 404, "has no lane 9"),
        ("/api/explain?race=9/9&lane=1", 404, "There is no race 9/9"),
        ("/api/status?at=9999999", 404, "There is no event 9999999"),
        ("/api/status?at=yesterday", 404, "names no event"),
        ("/api/nothing", 404, "no such page"),
    ],
)
async def test_what_cannot_be_answered_is_told(
    recorded: RecordedMeet, path: str, code: int, words: str
) -> None:
    async with visiting(recorded.folder) as visited, visited.client() as client:
        answer = await client.get(path)
    assert (answer.status_code, words in answer.json()["problem"]) == (code, True), answer.text


async def test_the_description_is_whole(recorded: RecordedMeet) -> None:
    async with visiting(recorded.folder) as visited, visited.client() as client:
        told = (await client.get("/api/openapi.json")).json()
        page = (await client.get("/api")).text
    assert told == json.loads(json.dumps(document()))
    assert told["openapi"].startswith("3.1.")
    assert set(told["paths"]) == {f"/api/{answer.command}" for answer in ANSWERS}
    for answer in ANSWERS:
        parameters = told["paths"][f"/api/{answer.command}"]["get"]["parameters"]
        assert [p["name"] for p in parameters] == [p.name for p in (*answer.takes, AT)]
        assert f"/api/{answer.command}" in page
    schemas = told["components"]["schemas"]
    refs = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(told)))
    assert refs <= set(schemas)


async def test_the_metrics_are_those_of_the_log(recorded: RecordedMeet) -> None:
    async with visiting(recorded.folder) as visited, visited.client() as client:
        answer = await client.get("/metrics")
        position = visited.console.snapshot.place.position
    families = {f.name: f for f in text_string_to_metric_families(answer.text)}
    assert families["meetlog_log_position"].samples[0].value == position
    received = families["meetlog_source_received"].samples
    assert [(s.labels["source"], s.value) for s in received] == [("finish-mat", 8.0)]


async def test_health_is_told_to_everybody_and_the_rest_is_not(recorded: RecordedMeet) -> None:
    async with visiting(recorded.folder) as visited, visited.client(PHONE) as client:
        health = await client.get("/health")
        assert (health.status_code, health.json()) == (200, {"state": "ok"})
        for path in ("/metrics", "/api/status", "/live?parts=strip"):
            assert (await client.get(path)).status_code == 401


async def test_a_log_that_cannot_be_read_now_is_told_and_what_was_seen_stays(
    recorded: RecordedMeet, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def locked(_: Lookout) -> Iterator[OpenMeet]:
        raise StoreUnavailable("the log is locked")
        yield

    async with visiting(recorded.folder) as visited, visited.client() as client:
        before = await visited.console.fresh()
        monkeypatch.setattr(Lookout, "looking", locked)
        assert await visited.console.fresh() is before
        page = await client.get("/")
        assert (page.status_code, "the log is locked" in page.text) == (503, True)
        answer = await client.get("/api/status")
        assert (answer.status_code, answer.json()) == (503, {"problem": "the log is locked"})
