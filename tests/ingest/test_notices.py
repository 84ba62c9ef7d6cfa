import msgspec
import pytest

from ingest.notices import MOST_NOTICES, MOST_WORDS, Notice, NoticeBoard, Severity


def notice(key: str, text: str = "the peer is gone", at: int = 1) -> Notice:
    return Notice(at, "finish", "alarm", key, text)


def test_a_condition_is_told_when_it_begins_changes_and_ends() -> None:
    heard: list[tuple[str, bool]] = []
    board = NoticeBoard(lambda n, over: heard.append((n.text, over)))
    board.raise_(notice("connection", "no answer", at=1))
    board.raise_(notice("connection", "no answer", at=2))
    board.raise_(notice("connection", "refused", at=3))
    board.clear("connection")
    board.clear("connection")

    assert heard == [("no answer", False), ("refused", False), ("refused", True)]
    assert board.standing() == ()


def test_the_first_moment_of_a_condition_is_kept_while_its_words_are() -> None:
    board = NoticeBoard()
    board.raise_(notice("connection", at=1))
    board.raise_(notice("connection", at=2))

    assert [n.at for n in board.standing()] == [1]


def test_conditions_of_different_keys_stand_side_by_side() -> None:
    board = NoticeBoard()
    board.raise_(notice("a"))
    board.raise_(notice("b"))
    board.clear("a")

    assert [n.key for n in board.standing()] == ["b"]


def test_the_board_is_bounded() -> None:
    board = NoticeBoard()
    for n in range(MOST_NOTICES + 5):
        board.raise_(notice(str(n)))

    assert len(board.standing()) == MOST_NOTICES
    assert board.standing()[-1].key == str(MOST_NOTICES + 4)


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_so_many_conditions_stand_at_once(more: int) -> None:
    board = NoticeBoard()
    for n in range(MOST_NOTICES + more):
        board.raise_(notice(str(n)))

    assert len(board.standing()) == min(MOST_NOTICES + more, MOST_NOTICES)


def test_what_is_grave_is_not_pushed_out_by_what_is_not() -> None:
    board = NoticeBoard()
    kinds: tuple[Severity, ...] = ("alarm", "info", "warning")
    for n, severity in enumerate(kinds):
        board.raise_(msgspec.structs.replace(notice(f"first {n}"), severity=severity))
    for n in range(3 * MOST_NOTICES):
        board.raise_(msgspec.structs.replace(notice(str(n)), severity="warning"))

    keys = [n.key for n in board.standing()]
    assert keys[0] == "first 0"
    assert "first 1" not in keys
    assert keys[-1] == str(3 * MOST_NOTICES - 1)


@pytest.mark.parametrize("more", [-1, 0, 1, 9 * MOST_WORDS])
def test_words_are_bounded(more: int) -> None:
    size = MOST_WORDS + more
    board = NoticeBoard()
    board.raise_(msgspec.structs.replace(notice("x", "y" * size), hint="z" * size))

    (found,) = board.standing()
    assert len(found.text) == len(found.hint) == min(size, MOST_WORDS)
    assert found.text.endswith("…") == (size > MOST_WORDS)
