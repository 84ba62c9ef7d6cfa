"""The page for a protest file: complete, self-contained, and never more than text."""

import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.documents import race_key
from meetlog.auditing import audit, gather
from meetlog.explaining import explain
from meetlog.pages import GENERATOR, Imprint, protest_page
from meetlog.testimony import about_race
from projections.meet import Meet
from projections.views import Lane, Race
from tests.kit.meets import Pool
from tests.meetlog.rehearsed import RehearsedPool

IMPRINT = Imprint(
    "Sommerfest", "Europe/Berlin", 363, "2026-06-14T09:00:00+02:00", "ab" * 32,
    "363-7H2K-9QRS-4T6V-0ABC-XYZ1", "0.1.0", "2026-06-14T10:00:00+02:00",
)  # fmt: skip
HOSTILE = (
    '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "</style><b>", "&amp;<!--",
    "\u202egnirts\u202c", "\x1b[31mred", "a\nb",
)  # fmt: skip
TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "div", "b", "code",
    "table", "thead", "tbody", "tr", "th", "td", "bdi", "dl", "dt", "dd",
}  # fmt: skip
VOID = {"meta"}


class Outline(HTMLParser):
    """The tags, attributes and text of a page; raises where a tag is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.stack:
            self.text.append(data)


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    assert found.stack == []
    return found


@pytest.fixture(scope="module")
def pool() -> Pool:
    played = RehearsedPool(seed=5)
    played.play()
    return played


def page_of(pool: Pool, meet: Meet, race: Race) -> str:
    papers = gather(pool.log, meet)
    return protest_page(
        race,
        audit(meet, papers),
        about_race(meet, race_key(race)),
        explain(pool.log, meet, papers, race),
        IMPRINT,
    )


def test_the_page_holds_every_lane_the_bytes_the_statements_and_the_seal(pool: Pool) -> None:
    meet = pool.meet()
    race = next(r for r in meet.races() if about_race(meet, race_key(r)))
    page = page_of(pool, meet, race)
    text = "".join(outline(page).text)
    for lane in race.lanes:
        assert f"Lane {lane.lane}:" in text
        assert lane.name in text
    for e in explain(pool.log, meet, gather(pool.log, meet), race):
        chosen = e.legs[-1].chosen
        if chosen is not None and chosen.raw is not None:
            assert (chosen.raw.text or "").replace("\r", "\\r") in text
            assert f"event {chosen.raw.parts[0].position}, bytes" in text
    assert "false start" in text
    assert IMPRINT.seal in text
    assert IMPRINT.hash in text
    assert "meetlog 0.1.0" in text
    assert f"verify LOG --code {IMPRINT.seal}" in text


def test_the_page_needs_nothing_but_itself(pool: Pool) -> None:
    meet = pool.meet()
    page = page_of(pool, meet, meet.races()[0])
    found = outline(page)
    assert found.tags <= TAGS
    assert found.attributes <= {"class", "lang", "charset", "name", "content", "http-equiv"}
    assert not re.search(r"https?:|url\(|@import|src=|href=", page)
    assert GENERATOR in page
    assert "default-src 'none'" in page


def test_the_page_says_nothing_by_colour(pool: Pool) -> None:
    meet = pool.meet()
    style = re.search(r"<style>(.*?)</style>", page_of(pool, meet, meet.races()[0]), re.S)
    assert style is not None
    colours = set(re.findall(r"#[0-9a-fA-F]{3,6}", style[1]))
    assert all(len(set(c[1:])) == 1 for c in colours)  # black, white and greys


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_text(pool: Pool, name: str) -> None:
    meet = pool.meet()
    race = meet.races()[0]
    lanes = tuple(msgspec.structs.replace(x, name=name, team=name, note=name) for x in race.lanes)
    page = page_of(pool, meet, msgspec.structs.replace(race, lanes=lanes))
    found = outline(page)
    assert found.tags <= TAGS
    assert found.attributes <= {"class", "lang", "charset", "name", "content", "http-equiv"}
    assert not any(c in page for c in "\u202e\u202c\x1b")
    if name.isprintable():
        assert name in "".join(found.text)


@given(text=st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_stays_within_its_cell(text: str) -> None:
    lane = Lane(1, "1", (), text, text, (), 3012, "", 1, (), text)
    race = Race("67", 1, text, 1, 1, 1, "complete", "", None, "chips", 0, (lane,))
    page = protest_page(race, (), (), (), msgspec.structs.replace(IMPRINT, meet=text))
    assert outline(page).tags <= TAGS
    assert page.count("<tr>") == 2
