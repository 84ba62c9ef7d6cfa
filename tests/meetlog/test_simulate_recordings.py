"""Recordings: read by their content, played in their order and at their pace."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meetlog.simulate.recordings import PIECE, acts_of, iterate_reads, load_reads
from meetlog.simulate.script import Act, Detection, FolderTrouble
from wire import tsv1, tsv2
from wire.ctp01_messages import DataLine, encode
from wire.errors import Malformed
from wire.reads import RawRead, ReadKind
from wire.stamps import NS, format_iso


def read(n: int, seconds: int) -> RawRead:
    return RawRead(str(1000 + n), format_iso(seconds * NS, 2), "19K", 2, n % 8, "12009E")


READS = [read(n, 100 + n // 3) for n in range(40)]


def as_lines(reads: list[RawRead]) -> bytes:
    return b"".join(
        encode(
            DataLine("CT01_33", n, r.timing_point, str(r.chip), r.moment, n, r.source, r.antenna)
        )
        for n, r in enumerate(reads, 1)
    )


def essentials(reads: list[RawRead]) -> list[tuple[str, str, str, int, str]]:
    return [(str(r.chip), r.moment, r.timing_point, r.antenna, r.source) for r in reads]


@pytest.mark.parametrize(
    "content",
    [
        as_lines(READS),
        b"SimpleClient~0.5.0~CTP01\r\nack~getconnectionid~ab\r\n" + as_lines(READS),
        b"".join(tsv2.encode([r]) for r in READS),
        b"".join(tsv1.encode([r]) for r in READS),
        b"\xef\xbb\xbf" + tsv2.encode(READS),
    ],
    ids=["ctp01", "conversation", "tsv2", "tsv1", "bom"],
)
def test_the_content_tells_the_format(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recording.txt"
    path.write_bytes(content)
    assert essentials(load_reads(path)) == essentials(READS)


def test_a_file_longer_than_a_piece_is_read_whole(tmp_path: Path) -> None:
    many = [read(n % 5000, n) for n in range(4000)]
    content = as_lines(many)
    assert len(content) > 2 * PIECE
    path = tmp_path / "long.ctp01"
    path.write_bytes(content)
    assert essentials(list(iterate_reads(path))) == essentials(many)


def test_bad_places_are_told_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "damaged.ctp01"
    announcement = b"CT01_33~1~19K~newlocation~08:00:00.00~0~12009E~0\r\n"
    gun = b"CT01_33~2~19K~guntime~08:00:00.00~0~12009E~0\r\n"
    path.write_bytes(announcement + gun + b"CT01_33~half\r\n" + as_lines(READS[:2]) + b"CT01_33~9")
    problems: list[Malformed] = []
    found = load_reads(path, problems.append)
    assert [r.type for r in found] == [ReadKind.GUN, 2, 2]
    assert [p.excerpt for p in problems] == ["CT01_33~half", "CT01_33~9"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\r\n", "is empty"),
        (b"Dear Sir", "no recording"),
        (None, "Check --file"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "letter.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FolderTrouble, match=words):
        load_reads(path)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_reads_go_out_in_their_order_and_never_before_their_time(seconds: list[int]) -> None:
    reads = [read(n, s) for n, s in enumerate(seconds)]
    acts = acts_of(reads)
    assert [act.what for act in acts] == reads
    assert [act.at for act in acts] == sorted(act.at for act in acts)
    for act, second in zip(acts, seconds, strict=True):
        assert act.at >= (second - seconds[0]) * NS


def test_new_stamps_keep_their_distances() -> None:
    reads = [read(0, 100), read(1, 98), read(2, 130)]
    acts = acts_of(reads, restamp=True)
    assert [act.at for act in acts] == [0, 0, 30 * NS]
    moments = [act.what.moment for act in acts if isinstance(act.what, Detection)]
    assert moments == [0, -2 * NS, 30 * NS]


def test_an_unreadable_stamp_stays_and_goes_with_its_neighbour() -> None:
    odd = RawRead("7", "noon", "A")
    acts = acts_of([read(0, 100), read(1, 105), odd], restamp=True)
    assert acts[2] == Act(5 * NS, odd)
