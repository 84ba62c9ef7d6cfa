"""The lines of `meetlog run --plain`: each thing once, and as sentences."""

from ingest.notices import Notice
from meetlog.display import PlainLines
from meetlog.projector import Overview
from projections.clock import iso_local
from projections.views import Revision

NOW = 1_800_000_000_123_456_789


def revision(number: int, at: int) -> Revision:
    return Revision(
        "1", "1", 1, 1, number, "meetlog", f"Session1_Event_1_Heat1_Race1_{number}.json", "",
        number, iso_local(at, "Europe/Oslo"), "reads at 1", "meetlog", "",
    )  # fmt: skip


def test_only_what_this_run_publishes_is_told() -> None:
    lines: list[str] = []
    plain = PlainLines(lines.append, now=lambda: NOW)
    before, now, after = revision(1, NOW - 2_000), revision(2, NOW), revision(3, NOW + 5)
    plain.overview(Overview(revisions=(before, now)))
    plain.overview(Overview(revisions=(before, now, after)))
    assert [line.partition(" published ")[2] for line in lines] == [
        f"{each.name} revision {each.revision} (reads at 1)" for each in (now, after)
    ]


def test_what_is_wrong_and_what_to_do_are_two_sentences() -> None:
    lines: list[str] = []
    plain = PlainLines(lines.append, now=lambda: NOW)
    plain.notice(Notice(NOW, "mat", "alarm", "k", "mat: nothing listens there", "Try."), over=False)
    plain.notice(Notice(NOW, "mat", "warning", "k", "It is slow.", "Look."), over=False)
    plain.notice(Notice(NOW, "mat", "info", "k", "it began"), over=False)
    assert [line.partition(" ")[2] for line in lines] == [
        "ALARM mat: nothing listens there. Try.", "WARNING It is slow. Look.", "NOTE it began",
    ]  # fmt: skip
