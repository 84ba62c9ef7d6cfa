"""Lines by their numbers: what is found around the wrap of seqs, and what is due from there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.around import around
from wire.ctp01_buffer import LineBuffer, due_lines
from wire.ctp01_client import ClientOptions, ClientSession
from wire.ctp01_lines import render_line, render_time
from wire.ctp01_messages import MAX_SEQ, DataLine
from wire.ctp01_shelf import NumberedShelf, check_line, check_location, number_of, seq_of
from wire.errors import WireError


class Counted(NumberedShelf):
    """Locations whose lines are only counted, as a log counts them: name -> first, end."""

    def __init__(self, **spans: tuple[int, int]) -> None:
        self.spans = spans

    @property
    def locations(self) -> tuple[str, ...]:
        return tuple(self.spans)

    def span(self, location: str) -> tuple[int, int]:
        return self.spans[location]

    def line(self, location: str, number: int) -> DataLine:
        first, end = self.spans[location]
        assert first <= number < end
        time = f"2025-06-01T08:{number // 60 % 60:02d}:{number % 60:02d}.00"
        return DataLine("CT01_33", seq_of(number), location, str(number), time, 1, "R", 1)


def session_on(shelf: Counted, *settings: str) -> ClientSession:
    session = ClientSession(ClientOptions(), shelf)
    session.receive("".join(f"{text}\r\n" for text in (f"S~1~{len(settings)}", *settings)).encode())
    return session


def tags(session: ClientSession, shelf: Counted, most: int = 1000) -> dict[str, list[int]]:
    """The numbers of the lines that are due now, by location; at most so many of each."""
    found: dict[str, list[int]] = {}
    for location in shelf.locations:
        while (number := session.wants(location)) is not None and most > len(
            numbers := found.setdefault(location, [])
        ):
            data = session.line(location, number, shelf.line(location, number))
            assert data.startswith(f"CT01_33~{seq_of(number)}~{location}~{number}~".encode())
            numbers.append(number)
    return found


@pytest.mark.parametrize(
    ("number", "seq"),
    [(1, 1), (2, 2), (999_998, 999_998), (999_999, 999_999), (1_000_000, 1), (1_000_001, 2),
     (1_999_998, 999_999), (1_999_999, 1)],
)  # fmt: skip
def test_seqs_begin_again_after_the_greatest(number: int, seq: int) -> None:
    assert seq_of(number) == seq


@pytest.mark.parametrize(
    ("seq", "first", "end", "number"),
    [
        (5, 1, 10, 5),
        (9, 1, 10, 9),
        (10, 1, 10, None),  # not yet
        (1, 1, 1, None),
        (0, 1, 10, None),
        (-1, 1, 10, None),
        (4, 5, 10, None),  # no longer
        (5, 5, 10, 5),
        (999_999, 1, 1_000_005, 999_999),
        (1, 1, 1_000_000, 1),
        (1, 1, 1_000_001, 1_000_000),  # two lines have it: the newer
        (5, 1, 1_000_005, 1_000_004),
        (6, 1, 1_000_005, 6),
        (6, 7, 1_000_005, None),
        (1_000_000, 1, 2_000_000, None),  # no seq
        (1, 1, 1_999_999, 1_000_000),
        (1, 1, 2_000_000, 1_999_999),
    ],
)
def test_a_seq_is_found_around_the_wrap(seq: int, first: int, end: int, number: int | None) -> None:
    assert number_of(seq, first, end) == number
    assert Counted(a=(first, end)).find("a", seq) == number


@around
def test_numbers_begin_again_after_the_greatest(more: int) -> None:
    """From 1, never 0: revision 8 says so."""
    number = MAX_SEQ + more
    assert seq_of(number) == (number if more <= 0 else more)
    assert number_of(seq_of(number), 1, number + 1) == number
    assert (number_of(number, 1, number + 1) is None) == (more > 0)


@given(st.integers(1, 3 * MAX_SEQ), st.integers(0, 2 * MAX_SEQ), st.integers(0, MAX_SEQ + 1))
def test_what_is_found_is_the_newest_with_the_seq(first: int, count: int, seq: int) -> None:
    end = first + count
    number = number_of(seq, first, end)
    if number is not None:
        assert first <= number < end
        assert seq_of(number) == seq
        assert number + MAX_SEQ >= end
    else:
        there = range(first, min(end, first + MAX_SEQ))
        assert not there or not 1 <= seq <= MAX_SEQ or seq_of(first) != seq
        assert count < MAX_SEQ or not 1 <= seq <= MAX_SEQ


@given(
    st.lists(st.integers(1, 12), max_size=40), st.integers(1, 9), st.integers(0, 13)
)  # seqs in any order, with repetitions
def test_a_buffer_numbers_and_finds_its_lines(seqs: list[int], limit: int, wanted: int) -> None:
    buffer = LineBuffer(limit, ("a",))
    for n, seq in enumerate(seqs, 1):
        buffer.add(DataLine("CT01_33", seq, "a", str(n), "8:00:00.00"))
    first, end = buffer.span("a")
    assert (first, end) == (max(1, len(seqs) + 1 - limit), len(seqs) + 1)
    assert [buffer.line("a", n).tag for n in range(first, end)] == [
        str(n) for n in range(first, end)
    ]
    kept = [n for n in range(first, end) if seqs[n - 1] == wanted]
    assert buffer.find("a", wanted) == (kept[-1] if kept else None)
    assert [buffer.seq("a", n) for n in range(first, end)] == seqs[first - 1 :]


def test_a_stream_goes_on_across_the_wrap() -> None:
    shelf = Counted(a=(1, 999_999))
    session = session_on(shelf, "stream-mode=push", "pushmode-ack=true")
    assert session.receive(b"start~a~999997\r\n").send == b"ack~start~a\r\n"
    assert tags(session, shelf) == {"a": [999_997, 999_998]}
    shelf.spans["a"] = (1, 1_000_003)
    assert tags(session, shelf) == {"a": [999_999, 1_000_000, 1_000_001, 1_000_002]}
    session.receive(b"start~a~2\r\n")
    assert tags(session, shelf) == {"a": [1_000_001, 1_000_002]}
    # 4 is the first round's still: nearly everything comes again, which beats missing.
    session.receive(b"start~a~4\r\n")
    assert session.wants("a") == 4


def test_the_seq_after_the_greatest_is_that_of_the_line_to_come() -> None:
    session = session_on(Counted(a=(5, 1_000_000)))
    assert session.receive(b"getdata~9~a~1\r\n").send == b"ack~getdata~0\r\n"
    assert session.receive(b"getdata~9~a~2\r\n").send == b"err~getdata~sequence 2 is not here\r\n"


def test_a_million_lines_are_owed_without_one_being_read() -> None:
    shelf = Counted(a=(1, 1_000_001), b=(1, 500_001))
    session = session_on(shelf)
    assert session.receive(b"getdata~9999999\r\n").send == b"ack~getdata~1500000\r\n"
    assert session.owed == 1_500_000
    assert (session.wants("a"), session.wants("b")) == (1, 1)


def test_what_a_buffer_dropped_is_passed_over() -> None:
    shelf = Counted(a=(1, 10))
    session = session_on(shelf, "stream-mode=push")
    session.receive(b"start\r\n")
    assert tags(session, shelf, 3) == {"a": [1, 2, 3]}
    shelf.spans["a"] = (7, 15)
    assert tags(session, shelf) == {"a": [7, 8, 9, 10, 11, 12, 13, 14]}


def test_promised_lines_come_though_others_were_dropped_meanwhile() -> None:
    shelf = Counted(a=(1, 11))
    session = session_on(shelf)
    assert session.receive(b"getdata~10~a\r\n").send == b"ack~getdata~10\r\n"
    assert tags(session, shelf, 3) == {"a": [1, 2, 3]}
    shelf.spans["a"] = (6, 16)
    assert tags(session, shelf) == {"a": [6, 7, 8, 9, 10, 11, 12]}


def test_comparing_numbers_counts_before_it_sends() -> None:
    """A peer that compares numbers leaves out lines in the middle, and its count with them."""
    buffer = LineBuffer()
    for seq in (1, 2, 5, 3, 6, 4):
        buffer.add(DataLine("CT01_33", seq, "a", f"t{seq}", "8:00:00.00"))
    for inclusive, seqs in ((True, [5, 6, 4]), (False, [5, 6])):
        session = ClientSession(ClientOptions(inclusive=inclusive, resume="number"), buffer)
        assert session.receive(b"S~1~0\r\ngetdata~9~a~4\r\n").send == (
            f"ack~getdata~{len(seqs)}\r\n".encode()
        )
        lines = list(due_lines(session, buffer))
        assert [int(line.split(b"~")[1]) for line in lines] == seqs
        assert session.owed == 0


def test_what_no_line_and_no_command_can_carry() -> None:
    line = DataLine("CT01_33", 1, "a", "9", "8:00:00.00", 1, "R", 1)
    check_line(line)
    check_location("a,b")
    with pytest.raises(WireError, match="cannot be sent"):
        check_line(DataLine("CT01_13", 1, "a", "9~9", "8:00:00.00"))
    for name in ("a~b", "a\rb", "a\nb", "a\0b"):
        with pytest.raises(WireError, match="cannot be sent"):
            check_location(name)


def test_a_line_is_written_in_what_its_peer_asked_for() -> None:
    line = DataLine("CT01_33", 7, "a b", "9", "2008-10-16T14:02:15.31", 1, "R", 2)
    assert render_line(line, "CT01_13", "msecs") == b"CT01_13,7,a b,9,50535310,1,R,2\r\n"
    assert render_line(line, "CT01_42", "unix") == b"CT01_42|7|a b|9|1224165735.31|1|R|2\n"
    spaced = render_line(line, "CT01_62", "iso")
    assert spaced == b"CT01_33~7~a b~9~2008-10-16T14:02:15.31~1~R~2\r\n"
    assert render_line(line, "CT01_0B", "normal").startswith(b"CT01_33~7~a b~9~14:02:15.31~")
    assert render_time("25:00:00.5", "iso") == "25:00:00.50"
