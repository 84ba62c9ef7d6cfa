"""What the operator sees of a resend."""

from meetlog.display import PlainLines
from meetlog.projector import Overview
from meetlog.resends import ResendReceipt, resend_words

NOW = 1_800_000_000_000_000_000


def resend(
    received: int, known: int, *races: str, until: int | None = NOW + 5, reconnected: bool = True
) -> ResendReceipt:
    return ResendReceipt(
        "finish", "10.0.0.9:1", reconnected, "", NOW + 1, "", until, received, known,
        received - known, races,
    )  # fmt: skip


def test_the_words() -> None:
    told = resend_words(resend(58, 50, "67/4A/2"))
    assert told == (
        "finish sent 58 reads again after it reconnected: 50 known, 8 new; results changed: 67/4A/2"
    )
    assert resend_words(resend(1, 0)).endswith("1 read again after it reconnected: 0 known, 1 new; "
                                               "results changed: none")  # fmt: skip
    assert resend_words(resend(12, 12, reconnected=False)) == (
        "finish sent 12 reads again: 12 known, 0 new"
    )


def test_a_line_when_it_is_over_and_only_once() -> None:
    lines: list[str] = []
    plain = PlainLines(lines.append, now=lambda: NOW)
    plain.overview(Overview(resends=(resend(30, 30, until=None),)))
    assert lines == []
    over = Overview(resends=(resend(58, 50, "67/4A/2"),))
    plain.overview(over)
    plain.overview(over)
    assert [line.partition(" ")[2] for line in lines] == [resend_words(over.resends[0])]


def test_what_was_over_before_this_run_is_not_told_again() -> None:
    lines: list[str] = []
    plain = PlainLines(lines.append, now=lambda: NOW + 10)
    plain.overview(Overview(resends=(resend(58, 50),)))
    assert lines == []
