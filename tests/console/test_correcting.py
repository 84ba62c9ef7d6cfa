"""Statements by form: what they would do is shown, then they are stated, and can be taken back."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from meetlog.console.correcting import KINDS
from meetlog.statement_reports import HistoryEntry
from projections.views import Race
from tests.console.visits import csrf, post, say, sign_in, visiting
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import RecordedMeet

pytestmark = pytest.mark.anyio

RACE = "67/4A/1"


def lane(meet: RecordedMeet, number: int) -> tuple[int | None, str]:
    """The time and the status of a lane of the swum race."""
    (race,) = ask(Race, "results", "--race", RACE, "-m", meet.folder).items
    found = next(x for x in race.lanes if x.lane == number)
    return found.time_cs, found.status


def carried(page: httpx.Response) -> dict[str, str]:
    """What the form that confirms carries along."""
    form = page.text.partition('<form method="post" action="/say/')[2].partition("</form>")[0]
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))


async def test_it_is_shown_then_stated_then_taken_back(ended: RecordedMeet) -> None:
    before = lane(ended, 1)
    async with visiting(ended.folder) as visited, visited.client() as client:
        await sign_in(client, "Ada", "")
        form = await client.get("/say/set-time", params={"race": RACE, "lane": 1, "seen": 12})
        assert 'name="seen" value="12"' in form.text
        tried = await say(
            client, "set-time", race=RACE, lane=1, time="29,9", reason="three watches"
        )
        assert "the time is 29.90" in tried.text
        assert "30.12 -&gt; 29.90" in tried.text
        assert "revision <b>2</b>" in tried.text
        assert lane(ended, 1) == before, "it was only tried"

        done = await post(client, "/say/set-time", **carried(tried))
        assert done.status_code == 303
        assert lane(ended, 1) == (2990, "")
        told = await client.get(done.headers["location"])
        undo = re.search(r'href="(/say/withdraw[^"]*)">Undo it', told.text)
        assert undo
        position = parse_qs(urlsplit(undo[1]).query)["position"][0]
        tried = await say(client, "withdraw", position=position, reason="misread")
        assert "29.90 -&gt; 30.12" in tried.text
        await post(client, "/say/withdraw", **carried(tried))
        assert lane(ended, 1) == before
        assert "Taken back" in (await client.get(done.headers["location"])).text
    items = ask(HistoryEntry, "history", "-m", ended.folder).items
    assert [(e.verb, e.author, e.channel, e.proof, e.reason) for e in items] == [
        ("set-time", "Ada", "console", "login", "three watches"),
        ("withdraw", "Ada", "console", "login", "misread"),
    ]


async def test_what_changed_since_one_looked_is_refused_with_both_versions(
    ended: RecordedMeet,
) -> None:
    async with visiting(ended.folder) as visited, visited.client() as client:
        await sign_in(client, "Ada", "")
        seen = (await visited.console.fresh()).place.position
        call("set-time", RACE, "1", "30.00", "-r", "watch", "-m", ended.folder)
        fields = {"race": RACE, "lane": 1, "time": "31.00", "reason": "video"}
        for step in ("try", "say"):
            stale = await say(client, "set-time", seen=seen, step=step, **fields)
            assert stale.status_code == 409
            assert "it has changed since you looked" in stale.text
            assert '<td class="was">30.12</td><td class="is">30.00</td>' in stale.text
        assert lane(ended, 1) == (3000, "")
        # The form that is shown with both versions is about how things stand now.
        now = re.search(r'name="seen" value="(\d+)"', stale.text)
        assert now
        assert int(now[1]) > seen
        done = await say(client, "set-time", seen=now[1], step="say", **fields)
        assert done.status_code == 303
    assert lane(ended, 1) == (3100, "")


@pytest.mark.parametrize(
    ("verb", "fields", "words"),
    [
        ("set-time", {"race": RACE, "lane": 1, "time": "soon"}, "is no race time"),
        ("set-time", {"race": RACE, "lane": "one", "time": "30"}, "is no number"),
        ("set-time", {"race": RACE, "lane": 1}, "Final time is missing"),
        ("dq", {"race": RACE, "lane": 99}, "has no lane 99"),
        ("dq", {"race": "9/9/9", "lane": 1}, "There is no race"),
        ("dq", {"race": RACE, "lane": 1, "reason": " "}, "Say why"),
        ("void", {"chip": "123", "at": "9:00", "since": "9:00"}, "leave --from and --to out"),
        ("withdraw", {"position": 3}, "is no statement"),
        ("adopt", {"toml": "[meet]\nzone = 'Atlantis'"}, "no time zone"),
        ("operator-add", {"name": "Bo", "role": "king", "secret": "", "again": ""}, "no role"),
        ("operator-add", {"name": "Bo", "role": "referee", "secret": "a", "again": "b"}, "not the"),
        ("operator-add", {"name": "Bo", "role": "referee", "secret": "a", "again": "a"}, "shorter"),
    ],
)
async def test_what_makes_no_sense_is_told_beside_the_form(
    ended: RecordedMeet, verb: str, fields: dict[str, object], words: str
) -> None:
    async with visiting(ended.folder) as visited, visited.client() as client:
        await sign_in(client, "Ada", "")
        told = await say(client, verb, **({"reason": "because"} | fields))
    assert told.status_code == 422
    assert words in told.text
    assert 'role="alert"' in told.text
    assert ask(HistoryEntry, "history", "-m", ended.folder).items == []


@pytest.mark.parametrize("verb", KINDS)
async def test_every_statement_of_the_command_line_has_a_form(
    ended: RecordedMeet, verb: str
) -> None:
    async with visiting(ended.folder) as visited, visited.client() as client:
        await sign_in(client, "Ada", "")
        menu = await client.get("/say")
        form = await client.get(f"/say/{verb}")
    assert f'href="/say/{verb}?' in menu.text
    assert form.status_code == 200
    for field in KINDS[verb].fields:
        assert f'name="{field.name}"' in form.text
        assert f'for="x-{field.name}"' in form.text
    help_ = call(*verb.split("-", 1) if verb.startswith("operator-") else [verb], "--help")
    assert help_.exit_code == 0


async def test_a_secret_is_never_in_a_page(ended: RecordedMeet) -> None:
    async with visiting(ended.folder) as visited, visited.client() as client:
        await sign_in(client, "Ada", "")
        secret = "four random words here"
        fields = {"role": "referee", "secret": secret, "again": secret, "reason": "the judge"}
        refused = await say(client, "operator-add", name="", **fields)
        assert secret not in refused.text
        token = await csrf(client)
        done = await post(client, "/say/operator-add", csrf=token, name="Bo", **fields)
        assert done.status_code == 303
        for path in ("/history", done.headers["location"], "/events?kind=statement"):
            assert secret not in (await client.get(path)).text
        assert (await sign_in(client, "Bo", secret)).status_code == 303


async def test_settings_are_adopted_and_written(ended: RecordedMeet) -> None:
    path = ended.folder / "meet.toml"
    async with visiting(ended.folder) as visited, visited.client() as client:
        await sign_in(client, "Ada", "")
        form = await client.get("/say/adopt")
        assert "name = &#34;Sommerfest&#34;" in form.text
        toml = path.read_text().replace("[meet]\n", '[meet]\nrounding = "up-second"\n')
        tried = await say(client, "adopt", toml=toml.replace("\n", "\r\n"), reason="road race")
        assert "meet.rounding: truncate -&gt; up-second" in tried.text
        done = await say(client, "adopt", toml=toml, reason="road race", step="say")
        assert done.status_code == 303
    assert path.read_text() == toml
    assert lane(ended, 1) == (3100, "")


async def test_now_is_when_the_form_was_sent(ended: RecordedMeet) -> None:
    async with visiting(ended.folder) as visited, visited.client() as client:
        await sign_in(client, "Ada", "")
        visited.console.now = lambda: 1_781_427_600_000_000_000
        tried = await say(client, "start", race="67/4A/2", gun="now")
        fields = carried(tried)
        assert fields["gun"] == "2026-06-14T11:00:00+02:00"
        visited.console.now = lambda: 1_781_427_660_000_000_000
        assert (await post(client, "/say/start", **fields)).status_code == 303
    (race,) = ask(Race, "results", "--race", "67/4A/2", "-m", ended.folder).items
    assert race.start == "2026-06-14T11:00:00+02:00"
