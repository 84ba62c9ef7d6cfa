"""The lines of a service log: the same things as plain lines, as one JSON object each."""

import json

from ingest.notices import Notice
from meetlog.display import PlainLines
from meetlog.loglines import LogLine, json_form, plain_form
from meetlog.projector import Overview
from projections.views import Alarm, Crossing, SourceHealth

NOW = 1_800_000_000_123_456_789
FIELDS = ["time", "severity", "kind", "source", "text", "hint"]

CROSSING = Crossing(
    chip="7", point="Finish", moment="2027-01-15T08:00:00+00:00", moment_ns=NOW, provisional=False,
    reads=1, position=5, first_ns=NOW, last_ns=NOW, feed="Finish", source="mat", reader="",
    antenna=1, rssi=None, backup=False, swimmer="",
)  # fmt: skip


def source(state: str, warning: str = "") -> SourceHealth:
    return SourceHealth(
        "mat", "tsv1", state, (), 0, "", None, "", None, 0, 0, 0, 0, None, (), warning
    )


def told(form: str) -> list[str]:
    """What a run writes when a source is late, a crossing is made, and all is well again."""
    lines: list[str] = []
    plain = PlainLines(
        lines.append, now=lambda: NOW, form=json_form if form == "json" else plain_form
    )
    plain.line("source mat listens on 127.0.0.1:10000", source="mat")
    notice = Notice(NOW, "mat", "alarm", "k", "nothing listens there", "Switch it on.")
    plain.notice(notice, over=False)
    plain.notice(notice, over=True)
    plain.crossings([CROSSING])
    alarm = Alarm("k", "Heat 1 has two starts", "Recall the false one.", 7)
    plain.overview(
        Overview(sources=(source("connected", "mat appears to send UTC"),), alarms=(alarm,))
    )
    plain.overview(Overview(sources=(source("disconnected"),)))
    return lines


def test_each_line_is_one_object_with_the_same_fields() -> None:
    lines = told("json")
    assert all(line.isascii() and "\n" not in line for line in lines)
    documents = [json.loads(line) for line in lines]
    assert all(list(each) == FIELDS for each in documents)
    assert {each["time"] for each in documents} == {"2027-01-15T08:00:00.123Z"}
    assert [(d["severity"], d["kind"], d["source"], d["text"], d["hint"]) for d in documents] == [
        ("info", "program", "mat", "source mat listens on 127.0.0.1:10000", ""),
        ("alarm", "condition", "mat", "nothing listens there", "Switch it on."),
        ("alarm", "over", "mat", "nothing listens there", ""),
        ("info", "crossing", "mat", f"crossing Finish chip 7 (unknown) {CROSSING.moment}", ""),
        ("info", "source", "mat", "source mat is connected", ""),
        ("alarm", "condition", "", "Heat 1 has two starts", "Recall the false one."),
        ("warning", "condition", "mat", "mat appears to send UTC", ""),
        ("info", "source", "mat", "source mat is disconnected", ""),
        ("alarm", "over", "", "Heat 1 has two starts", ""),
        ("warning", "over", "mat", "mat appears to send UTC", ""),
    ]


def test_the_plain_lines_say_the_same() -> None:
    plain = [line.partition(" ")[2] for line in told("plain")]
    documents = [json.loads(line) for line in told("json")]
    assert len(plain) == len(documents)
    for line, document in zip(plain, documents, strict=True):
        assert document["text"] in line
        assert line.endswith(document["hint"])
    assert plain[1] == "ALARM nothing listens there. Switch it on."
    assert plain[2] == "OVER nothing listens there"


def test_a_name_of_any_letters_and_line_ends_stays_one_line() -> None:
    line = json_form(LogLine(NOW, "info", "program", "Zoë", "one\ntwo \u2028 three"))
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["text"] == "one\ntwo \u2028 three"
    assert json.loads(line)["source"] == "Zoë"
