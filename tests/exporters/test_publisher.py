"""The publisher: decisions first, then files; one revision per quiet change; alarms in words."""

import json
from typing import Any

import msgspec
import pytest

from store.event import FILE_REMOVED, STATUS_PUBLISHED, Draft, meta_of, pack_meta
from tests.exporters.stand import (
    QUIET,
    SETTINGS,
    TWO_HEATS,
    Crash,
    Stand,
    heat,
    program,
)
from wire.errors import WireError
from wire.settings import Settings
from wire.timedrops import STATUS_FILE, LaneEntry, Status, encode_status

FIRST = "Session67_Event_1_Heat1_Race1_1.json"
SECOND = "Session67_Event_1_Heat1_Race1_2.json"


def settings(publish: str) -> Settings:
    folder = msgspec.structs.replace(SETTINGS.folder, publish=publish)
    return msgspec.structs.replace(SETTINGS, folder=folder)


def status(stand: Stand) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stand.folder.files[STATUS_FILE])
    return found


def swum(publish: str = "complete") -> Stand:
    """A stand where the first heat is swum and published as revision 1."""
    stand = Stand(settings(publish))
    stand.load()
    stand.swim()
    stand.quiet()
    return stand


class TestQuiet:
    def test_burst_of_reads_makes_one_revision(self) -> None:
        stand = Stand()
        stand.load()
        stand.swim()
        for late in range(5):
            stand.step()
            stand.finish("101", 30.1 - late / 100)
            stand.now += QUIET - 1
        assert stand.step() == stand.now + QUIET
        assert stand.results() == {}
        stand.now += QUIET
        stand.step()
        assert list(stand.results()) == [FIRST]

    def test_late_read_makes_a_second_revision(self) -> None:
        stand = swum()
        first = stand.results()[FIRST]
        position = stand.finish("101", 30.05)
        stand.quiet()
        assert list(stand.results()) == [FIRST, SECOND]
        assert stand.results()[FIRST] == first
        assert json.loads(stand.results()[SECOND])["lanes"][0]["finalTime"] == 3005
        meta = meta_of(stand.decisions()[-1])
        assert meta["revision"] == 2
        assert meta["cause"] == f"reads at {position}"
        assert (meta["author"], meta["reason"]) == ("meetlog", "")

    def test_nothing_new_makes_nothing(self) -> None:
        stand = swum()
        assert stand.step() is None
        stand.finish("999", 55)
        stand.load()
        for _ in range(3):
            stand.quiet()
        assert list(stand.results()) == [FIRST]

    def test_same_race_considered_again_before_the_decision_is_folded(self) -> None:
        stand = Stand()
        stand.load()
        stand.swim()
        stand.step()
        stand.now += QUIET
        stand.publisher.consider(stand.meet, stand.now)
        stand.now += QUIET
        assert stand.publisher.consider(stand.meet, stand.now) is None
        assert len(stand.decisions()) == 1
        stand.finish("101", 30.05)
        stand.quiet()
        assert [meta_of(e)["revision"] for e in stand.decisions()] == [1, 2]

    def test_a_decision_that_is_not_folded_yet_keeps_its_number(self) -> None:
        stand = Stand()
        stand.load()
        stand.swim()
        stand.step()
        stand.fold()
        stand.folder.away = True  # or the file itself would say that the number is taken
        stand.now += QUIET
        stand.finish("101", 30.05)
        stand.publisher.consider(stand.meet, stand.now)
        stand.meet.feed(stand.log.read(stand.meet.position, 1))
        stand.meet.settle()
        stand.publisher.consider(stand.meet, stand.now)
        stand.now += QUIET
        stand.publisher.consider(stand.meet, stand.now)
        assert [meta_of(e)["revision"] for e in stand.decisions()] == [1, 2]
        stand.folder.away = False
        stand.quiet()
        assert stand.results() == stand.decided()


class TestModes:
    def test_complete_waits_for_every_lane_or_a_close(self) -> None:
        stand = Stand()
        stand.load()
        stand.gun(0)
        stand.finish("101", 30)
        stand.quiet()
        assert stand.results() == {}
        position = stand.close("1", 1, reason="lane 2 left the pool")
        stand.quiet()
        document = json.loads(stand.results()[FIRST])
        assert [lane["finalTime"] for lane in document["lanes"]] == [3000, None, None]
        meta = meta_of(stand.decisions()[0])
        assert meta["cause"].startswith(f"statement at {position}, reads at ")
        assert (meta["author"], meta["reason"]) == ("Ada", "lane 2 left the pool")
        late = stand.finish("102", 33)
        stand.quiet()
        assert meta_of(stand.decisions()[1])["cause"] == f"reads at {late}"

    def test_live_writes_from_the_first_time_on(self) -> None:
        stand = Stand(settings("live"))
        stand.load()
        stand.gun(0)
        stand.quiet()
        assert stand.results() == {}
        stand.turn("101", 14)
        stand.quiet()
        stand.finish("101", 30)
        stand.quiet()
        lanes = [json.loads(body)["lanes"][0] for body in stand.results().values()]
        assert [lane["finalTime"] for lane in lanes] == [None, 3000]
        assert [lane["splits"] for lane in lanes] == [[{"distance": 25, "time": 1400}]] * 2

    def test_off_leaves_the_folder_alone(self) -> None:
        stand = swum("off")
        assert stand.folder.files == {}
        assert stand.decisions() == []

    def test_off_after_a_run_restores_nothing(self) -> None:
        stand = swum()
        name, body = stand.results().popitem()
        stand.folder.files.clear()
        stand.settings = settings("off")
        stand.begin()
        stand.quiet()
        assert stand.folder.files == {}
        assert stand.publisher.is_own(name, str(meta_of(stand.decisions()[0])["sha256"]))
        assert body == stand.decisions()[0].body

    def test_a_recalled_heat_is_published_again_when_swum_again(self) -> None:
        stand = swum()
        stand.recall("1", 1, 0)
        stand.quiet()
        assert stand.alarms() == ["withdrawn RaceKey(session='67', event='1', heat=1)"]
        stand.gun(300)
        stand.finish("101", 331)
        stand.quiet()
        assert list(stand.results()) == [FIRST]
        stand.finish("102", 332)
        stand.quiet()
        assert list(stand.results()) == [FIRST, SECOND]
        assert stand.alarms() == []

    def test_results_of_a_console_are_its_own(self) -> None:
        stand = Stand()
        stand.load()
        stand.swim()
        body = b'{"sessionId":"67","eventNumber":"1","heatNumber":1,"raceNumber":1,"lanes":[]}'
        stand.file("Session67_Event_1_Heat1_Race1_4.json", body)
        stand.quiet()
        assert stand.results() == {}


class TestCombinedHeats:
    COMBINED = program(
        heat("1", 1, 1, LaneEntry(1, ("101",)), LaneEntry(2, ("102",), event="2")),
        heat("3", 1, 2, LaneEntry(1, ("103",)), LaneEntry(2, ("104",))),
    )

    def test_one_file_per_event_with_one_number(self) -> None:
        stand = Stand()
        stand.load(self.COMBINED)
        stand.swim()
        stand.quiet()
        names = ["Session67_Event_1_Heat1_Race1_1.json", "Session67_Event_2_Heat1_Race1_1.json"]
        assert list(stand.results()) == names
        documents = [json.loads(stand.results()[name]) for name in names]
        assert [[lane["lane"] for lane in d["lanes"]] for d in documents] == [[1], [2]]
        assert documents[0]["startTime"] == documents[1]["startTime"]
        # Only what changed is written again, and the number stays one of the race.
        stand.finish("102", 31.2)
        stand.quiet()
        stand.finish("101", 30.01)
        stand.quiet()
        assert list(stand.results())[2:] == [
            "Session67_Event_2_Heat1_Race1_2.json",
            "Session67_Event_1_Heat1_Race1_3.json",
        ]

    def test_an_event_that_has_the_heat_itself_keeps_its_document(self) -> None:
        stand = Stand()
        stand.load(
            program(
                heat("1", 1, 1, LaneEntry(1, ("101",)), LaneEntry(2, ("102",), event="3")),
                heat("3", 1, 2, LaneEntry(1, ("103",)), LaneEntry(2, ("104",))),
            )
        )
        stand.swim()
        stand.swim(300, "103", "104")
        for _ in range(3):
            stand.quiet()
        assert list(stand.results()) == [
            "Session67_Event_1_Heat1_Race1_1.json",
            "Session67_Event_3_Heat1_Race2_1.json",
        ]
        lanes = json.loads(stand.results()["Session67_Event_1_Heat1_Race1_1.json"])["lanes"]
        assert [lane["finalTime"] for lane in lanes] == [3012, 3145]


class TestForeignFiles:
    def test_a_taken_number_is_skipped(self) -> None:
        stand = Stand()
        stand.folder.files[FIRST] = b"somebody else's"
        stand.load()
        stand.swim()
        stand.quiet()
        assert stand.results()[FIRST] == b"somebody else's"
        assert stand.results()[SECOND] == stand.decisions()[0].body
        assert stand.alarms() == [f"taken {FIRST}"]

    def test_one_that_comes_between_decision_and_writing_is_left_alone(self) -> None:
        stand = Stand()
        stand.load()
        stand.swim()
        stand.folder.away = True
        stand.quiet()
        stand.folder.away = False
        stand.folder.files[FIRST] = b"somebody else's"
        stand.now += QUIET
        stand.step()
        assert stand.results() == {FIRST: b"somebody else's"}
        assert stand.alarms() == [f"collision {FIRST}"]
        del stand.folder.files[FIRST]
        stand.now += QUIET
        assert stand.step() is None
        assert stand.results() == stand.decided()
        assert stand.alarms() == []

    def test_an_own_file_is_known_before_it_appears(self) -> None:
        stand = Stand()
        seen = []
        write = stand.folder.write

        def look(name: str, data: bytes, **more: Any) -> None:
            digest = str(meta_of(stand.log.read(stand.log.head().position - 1)[0])["sha256"])
            seen.append((name, stand.publisher.is_own(name, digest)))
            seen.append((name.upper(), stand.publisher.is_own(name.upper(), digest)))
            assert not stand.publisher.is_own(name, "0" * 64)
            assert not stand.publisher.is_own("other.json", digest)
            write(name, data, **more)

        stand.folder.write = look  # type: ignore[method-assign]  # a spy in its place
        stand.load()
        stand.swim()
        stand.quiet()
        assert {name for name, _ in seen if name == FIRST}
        assert all(own for _, own in seen)

    def test_the_status_of_another_system_is_its_own(self) -> None:
        stand = Stand()
        theirs = encode_status(Status("2026-06-14T09:00:00+02:00", "67", "1", 2))
        stand.folder.files[STATUS_FILE] = theirs
        stand.load()
        stand.step()
        assert stand.alarms() == [f"collision {STATUS_FILE}"]
        stand.file(STATUS_FILE, theirs)
        stand.quiet()
        assert stand.alarms() == []
        assert stand.folder.files[STATUS_FILE] == theirs
        del stand.folder.files[STATUS_FILE]
        stand.log.append([Draft("folder", FILE_REMOVED, pack_meta(path=STATUS_FILE))])
        stand.step()
        assert status(stand)["currentHeat"] == 2


class TestStatus:
    def test_at_the_start_on_a_program_and_on_a_heat(self) -> None:
        stand = Stand()
        stand.step()
        assert stand.folder.files == {}, "an empty log has nothing to tell"
        stand.load()
        stand.step()
        assert status(stand) == {
            "currentEvent": "1",
            "currentHeat": 1,
            "currentSessionNumber": 1,
            "currentSessionId": "67",
            "protocolVersion": "1.0.0",
            "timingSystemType": "Time-Drops",
            "timingSystemVersion": "meetlog",
            "lastMeetProgramDate": "2026-06-13T18:00:00.000",
            "updatedAt": "2026-06-14T12:00:00.000+02:00",
        }
        stand.load(msgspec.structs.replace(TWO_HEATS, program_at="2026-06-14T08:00:00.000"))
        stand.step()
        assert status(stand)["lastMeetProgramDate"] == "2026-06-14T08:00:00.000"
        stand.swim()
        stand.quiet()
        assert status(stand)["currentHeat"] == 2
        stand.begin()
        stand.step()
        causes = [meta_of(e)["cause"] for e in stand.log.read(kinds=(STATUS_PUBLISHED,))]
        assert [cause.partition(" ")[0] for cause in causes] == [
            "start", "program", "heat", "start",
        ]  # fmt: skip
        assert stand.alarms() == []

    def test_nothing_new_is_not_told_again(self) -> None:
        stand = swum()
        before = stand.log.head().position
        for _ in range(3):
            stand.quiet()
        assert stand.log.head().position == before


class TestCrashes:
    def test_killed_before_the_decision(self) -> None:
        stand = Stand()
        stand.load()
        stand.swim()
        stand.step()
        stand.now += QUIET
        stand.log.crash = "before append"
        with pytest.raises(Crash):
            stand.step()
        stand.begin()
        assert stand.results() == {}
        stand.quiet()
        assert list(stand.results()) == [FIRST]

    @pytest.mark.parametrize("place", ["before writing", "after writing"])
    def test_killed_between_decision_and_writing(self, place: str) -> None:
        stand = Stand()
        stand.load()
        stand.swim()
        stand.step()
        stand.now += QUIET
        stand.folder.crash = place
        with pytest.raises(Crash):
            stand.step()
        stand.begin()
        assert stand.results() == {FIRST: stand.decisions()[0].body}
        stand.quiet()
        assert list(stand.results()) == [FIRST]
        assert stand.results() == swum().results(), "as in an undisturbed run"

    def test_recovering_again_changes_nothing(self) -> None:
        stand = swum()
        stand.folder.files.clear()
        stand.begin()
        head, files = stand.log.head(), dict(stand.folder.files)
        stand.folder.writes.clear()
        stand.publisher.recover(stand.meet, stand.log)
        assert (stand.log.head(), stand.folder.files) == (head, files)
        assert set(files) == {FIRST, STATUS_FILE}
        assert FIRST not in stand.folder.writes

    def test_a_changed_file_is_left_alone_with_an_alarm(self) -> None:
        stand = swum()
        stand.folder.files[FIRST] = b"edited"
        stand.begin()
        stand.quiet()
        assert stand.results() == {FIRST: b"edited"}
        assert stand.alarms() == [f"collision {FIRST}"]

    def test_a_meet_behind_the_log_decides_nothing_twice(self) -> None:
        stand = Stand()
        stand.load()
        stand.swim()
        stand.fold()
        saved = stand.meet.save()
        stand.quiet()
        stand.begin()
        behind = type(stand.meet).load(saved)
        behind.settle()
        stand.publisher.recover(behind, stand.log)
        for _ in range(3):
            stand.publisher.consider(behind, stand.now)
            stand.now += QUIET
        assert len(stand.decisions()) == 1


class TestFailures:
    def test_folder_away_keeps_the_decisions(self) -> None:
        stand = Stand()
        stand.load()
        stand.step()
        stand.folder.away = True
        stand.swim()
        stand.quiet()
        assert len(stand.decisions()) == 1
        (alarm,) = stand.publisher.alarms()
        assert alarm.text.startswith("2 published files wait to be written: reaching the folder")
        assert "Bring it back." in alarm.hint
        asked = stand.folder.asked
        due = stand.step()
        assert stand.folder.asked == asked, "a share that is gone is not asked at every step"
        assert due is not None
        stand.folder.away = False
        stand.now = due
        assert stand.step() is None
        assert stand.results() == stand.decided()
        assert stand.alarms() == []

    def test_full_disk_decides_later(self) -> None:
        stand = Stand()
        stand.load()
        stand.swim()
        stand.step()
        stand.log.full = True
        stand.now += QUIET
        due = stand.step()
        assert stand.results() == {}
        assert stand.alarms() == ["undecided"]
        tries = stand.log.tries
        assert stand.step() == due
        assert stand.log.tries == tries, "a full disk is not tried at every step"
        stand.log.full = False
        assert due is not None
        stand.now = due
        stand.step()
        assert list(stand.results()) == [FIRST]
        assert stand.alarms() == []

    def test_a_race_that_cannot_be_named_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> str:
            raise WireError("a result file's name needs a session id and an event number")

        stand = Stand()
        stand.load()
        stand.swim()
        with monkeypatch.context() as patched:
            patched.setattr("exporters.decisions.result_name", refuse)
            stand.quiet()
        assert stand.decisions() == []
        (alarm,) = stand.publisher.alarms()
        assert "needs a session id" in alarm.text
        stand.finish("101", 30)
        stand.quiet()
        assert list(stand.results()) == [FIRST]
        assert stand.alarms() == []


class TestCauses:
    def test_program_settings_and_chip_table(self) -> None:
        stand = swum()
        stand.load(
            program(
                heat("1", 1, 8, LaneEntry(1, ("101",)), LaneEntry(2, ("102",)), LaneEntry(3)),
                heat("1", 2, 9, LaneEntry(1, ("103",)), LaneEntry(2, ("104",))),
            )
        )
        position = stand.log.head().position
        stand.quiet()
        assert meta_of(stand.decisions()[-1])["cause"] == f"program at {position}"
        stand.file("chips.csv", b"chip,swimmer\n101,101\n102,102\n777,101\n")
        stand.finish("777", 29)
        stand.step()
        stand.file("chips.csv", b"chip,swimmer\n101,101\n102,102\n")
        stand.quiet()
        assert len(stand.decisions()) == 2, "back to what was published within the quiet time"
        stand.file("chips.csv", b"chip,swimmer\n101,101\n102,102\n777,102\n")
        stand.quiet()
        assert "chip table at " in meta_of(stand.decisions()[-1])["cause"]
        toml = b'[meet]\nzone = "Europe/Berlin"\nrounding = "up-second"\n'
        stand.file("meet.toml", toml, "settings")
        stand.quiet()
        assert "settings at " in meta_of(stand.decisions()[-1])["cause"]
