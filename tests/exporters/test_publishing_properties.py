"""Whatever happens in whatever order: the folder is what the log says; no number is used twice."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.decisions import documents_of
from store.event import meta_of
from tests.exporters.stand import QUIET, Crash, Stand, heat, program
from wire.timedrops import LaneEntry

PROGRAM = program(
    heat("1", 1, 1, LaneEntry(1, ("101",)), LaneEntry(2, ("102",), event="2")),
    heat("1", 2, 2, LaneEntry(1, ("103",)), LaneEntry(2, ("104",))),
)
SWIMMERS = ("101", "102", "103", "104")

steps = st.one_of(
    st.tuples(st.just("read"), st.sampled_from(SWIMMERS), st.integers(0, 40)),
    st.tuples(st.just("turn"), st.sampled_from(SWIMMERS), st.integers(0, 40)),
    st.tuples(st.sampled_from(["load", "close", "recall", "gun"])),
    st.tuples(st.just("step"), st.sampled_from([0, QUIET // 2, QUIET, 3 * QUIET])),
    st.tuples(st.just("away"), st.booleans()),
    st.tuples(st.just("full"), st.booleans()),
    st.tuples(
        st.just("crash"),
        st.sampled_from(["", "before append", "after append", "before writing", "after writing"]),
    ),
)


def do(stand: Stand, step: tuple[object, ...]) -> None:
    """One step. Reads fall into two heats, a hundred seconds apart."""
    match step:
        case ("read" | "turn" as what, str(chip), int(tenths)):
            at = 27 + tenths / 10 + (100 if chip in SWIMMERS[2:] else 0)
            stand.finish(chip, at) if what == "read" else stand.turn(chip, at - 15)
        case ("load",):
            stand.load(PROGRAM)
        case ("gun",):
            stand.gun(0)
            stand.gun(100)
        case ("close",):
            stand.close("1", 1)
        case ("recall",):
            stand.recall("1", 1, 0)
        case ("step", int(later)):
            stand.now += later
            stand.step()
        case ("away", bool(away)):
            stand.folder.away = away
        case ("full", bool(full)):
            stand.log.full = full
        case ("crash", str(place)):
            if place.endswith("append"):
                stand.log.crash = place
            else:
                stand.folder.crash = place
            try:
                for later in (0, QUIET, 0, QUIET):
                    stand.now += later
                    stand.step()
            except Crash:
                pass
            stand.begin()


def begun() -> Stand:
    """Both heats started, the first one swum and not looked at yet, the second one half swum."""
    stand = Stand()
    stand.load(PROGRAM)
    stand.swim()
    stand.gun(100)
    stand.finish("103", 131)
    return stand


def happen(stand: Stand, story: list[tuple[object, ...]]) -> None:
    for step in story:
        # What arrives on a full disk waits outside; here it comes later or never.
        if stand.log.full and step[0] in ("read", "turn", "load", "gun", "close", "recall"):
            continue
        do(stand, step)
        for name, body in stand.results().items():
            assert stand.decided()[name] == body, "a file that nobody decided on"


def settle(stand: Stand) -> None:
    stand.folder.away = stand.log.full = False
    for _ in range(4):
        stand.quiet()


@settings(max_examples=120, deadline=None)
@given(st.lists(steps, max_size=25))
def test_the_folder_is_what_the_log_says(story: list[tuple[object, ...]]) -> None:
    stand = begun()
    happen(stand, story)
    settle(stand)
    assert stand.results() == stand.decided()
    assert [key for key in stand.alarms() if not key.startswith("withdrawn")] == []
    metas = [meta_of(event) for event in stand.decisions()]
    used = Counter((m["session"], m["event"], m["heat"], m["revision"]) for m in metas)
    assert not used or used.most_common(1)[0][1] == 1, "a number used twice"
    assert len({m["name"] for m in metas}) == len(metas)
    for event in stand.decisions():
        digest = str(meta_of(event)["sha256"])
        assert stand.publisher.is_own(str(meta_of(event)["name"]), digest)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=25))
def test_a_killed_run_ends_with_the_results_of_an_undisturbed_one(
    story: list[tuple[object, ...]],
) -> None:
    undisturbed, killed = begun(), begun()
    happen(killed, story)
    happen(undisturbed, [s for s in story if s[0] not in ("crash", "away", "step")])
    for stand in (undisturbed, killed):
        settle(stand)
    assert newest(killed) == newest(undisturbed)


def newest(stand: Stand) -> dict[tuple[str, str, int], bytes]:
    """The document of each race that counts, where the race is complete and has one still."""
    found = {}
    for event in stand.decisions():
        m = meta_of(event)
        found[m["session"], m["event"], m["heat"]] = event.body
    races = stand.meet.races()
    gone = [r for r in races if r.state not in ("complete", "closed")]
    gone += [r for r in races if not documents_of(stand.meet, r)]
    keys = {(r.session, lane.event, r.heat) for r in gone for lane in r.lanes}
    return {key: body for key, body in found.items() if key not in keys}
