from ingest.notices import MOST_NOTICES, Notice, NoticeBoard


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
