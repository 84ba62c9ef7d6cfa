from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.settling import (
    RECHECK,
    RESTLESS,
    Plan,
    Stat,
    Tracked,
    after_change,
    after_failure,
    after_read,
    after_skip,
    known_files,
    next_look,
    plan,
)
from wire.stamps import NS

SETTLE = NS // 2
A = "meet_program.json"


class Folder:
    """A folder, a clock and the state between listings; reading is done as the plan says."""

    def __init__(self, versions: dict[str, str] | None = None) -> None:
        self.state = known_files(versions or {})
        self.now = 7 * NS
        self.listing: dict[str, Stat] = {}

    def look(self, after: int = 0, touched: set[str] | None = None) -> Plan:
        self.now += after
        made = plan(self.state, self.listing, self.now, SETTLE, touched or ())
        self.state = made.files
        return made

    def next_look(self) -> int | None:
        return next_look(self.state, self.now, SETTLE)

    def read(self, path: str, sha256: str) -> None:
        self.state[path] = after_read(self.state[path], self.listing[path], sha256, self.now)


def settled(path: str = A, sha256: str = "one") -> Folder:
    """A folder with one file that was read, and read again."""
    folder = Folder()
    folder.listing[path] = Stat(10, 1)
    folder.look()
    assert folder.look(SETTLE).ready == (path,)
    folder.read(path, sha256)
    assert folder.look(RECHECK).ready == (path,)
    folder.read(path, sha256)
    assert folder.look(RECHECK) == Plan(folder.state, (), (), ())
    assert folder.next_look() is None
    return folder


def test_a_file_is_read_when_it_has_kept_still() -> None:
    folder = Folder()
    folder.listing[A] = Stat(10, 1)
    assert folder.look().ready == ()
    assert folder.next_look() == folder.now + SETTLE

    folder.listing[A] = Stat(20, 2)  # the second half
    assert folder.look(SETTLE).ready == ()
    assert folder.look(SETTLE - 1).ready == ()
    assert folder.look(1).ready == (A,)


def test_a_version_is_read_once_more_when_its_mtime_can_no_longer_hide_a_change() -> None:
    folder = settled()
    folder.listing[A] = Stat(10, 2)
    folder.look()
    assert folder.look(SETTLE).ready == (A,)
    folder.read(A, "two")
    assert folder.next_look() == folder.now + RECHECK
    # Rewritten with the same length within the same step of mtime: nothing to see.
    assert folder.look(RECHECK - 1).ready == ()
    assert folder.look(1).ready == (A,)
    folder.read(A, "three")
    assert folder.look(RECHECK).ready == (A,), "a new content is read once more as well"


def test_a_rewrite_in_place_is_read_again() -> None:
    folder = settled()
    folder.listing[A] = Stat(10, 99)
    assert folder.look().ready == ()
    assert folder.look(SETTLE).ready == (A,)


def test_a_notification_is_believed_though_size_and_mtime_are_the_same() -> None:
    folder = settled()
    assert folder.look(touched={A}).ready == ()
    assert folder.look(SETTLE).ready == (A,)


def test_two_versions_between_two_looks_are_one() -> None:
    folder = settled()
    folder.listing[A] = Stat(11, 2)
    folder.listing[A] = Stat(12, 3)
    folder.look()
    assert folder.look(SETTLE).ready == (A,)


def test_a_file_that_goes_is_gone_when_it_stays_away() -> None:
    folder = settled()
    del folder.listing[A]
    assert folder.look().gone == ()
    assert folder.next_look() == folder.now + SETTLE
    assert folder.look(SETTLE).gone == (A,)
    assert folder.look(SETTLE).gone == ()
    assert A not in folder.state


def test_a_file_that_is_deleted_to_be_written_anew_was_never_gone() -> None:
    folder = settled()
    del folder.listing[A]
    folder.look()
    folder.listing[A] = Stat(30, 5)
    assert folder.look(SETTLE).gone == ()
    assert folder.look(SETTLE).ready == (A,)


def test_a_file_that_reappears_is_read_even_if_it_looks_the_same() -> None:
    folder = settled()
    del folder.listing[A]
    folder.look()
    folder.look(SETTLE)
    folder.listing[A] = Stat(10, 1)
    folder.look()
    assert folder.look(SETTLE).ready == (A,)
    assert folder.state[A].sha256 == "", "and is recorded, since it was recorded as removed"


def test_files_known_from_the_log_are_read_or_found_gone() -> None:
    folder = Folder({A: "one", "old.json": "two"})
    folder.listing[A] = Stat(10, 1)
    folder.look()
    made = folder.look(SETTLE)
    assert (made.gone, made.ready) == (("old.json",), (A,))
    assert made.files[A].sha256 == "one"


def test_a_name_that_changes_its_case_ends_as_present() -> None:
    folder = settled("Meet_Program.json")
    folder.listing = {A: Stat(10, 1)}
    folder.look()
    made = folder.look(SETTLE)
    assert (made.gone, made.ready) == (("Meet_Program.json",), (A,))


def test_files_are_read_in_the_order_in_which_they_were_written() -> None:
    folder = Folder()
    folder.listing = {"a": Stat(1, 30), "b": Stat(1, 10), "c": Stat(1, 20)}
    folder.look()
    assert folder.look(SETTLE).ready == ("b", "c", "a")


def test_a_file_that_cannot_be_read_is_tried_again_and_counted() -> None:
    folder = Folder()
    folder.listing[A] = Stat(1, 1)
    folder.look()
    for tries in range(1, 4):
        assert folder.look(SETTLE).ready == (A,)
        folder.state[A] = after_failure(folder.state[A])
        assert folder.state[A].failures == tries
        assert folder.next_look() is None, "only the rescan tries again"
    folder.read(A, "one")
    assert folder.state[A].failures == 0


def test_a_file_that_is_skipped_waits_for_a_change() -> None:
    folder = Folder()
    folder.listing[A] = Stat(10**9, 1)
    folder.look()
    assert folder.look(SETTLE).ready == (A,)
    folder.state[A] = after_skip(folder.state[A])
    assert folder.look(RECHECK).ready == ()
    folder.listing[A] = Stat(10, 2)
    folder.look()
    assert folder.look(SETTLE).ready == (A,)


def test_a_file_that_changed_while_it_was_read_settles_again() -> None:
    folder = Folder()
    folder.listing[A] = Stat(10, 1)
    folder.look()
    assert folder.look(SETTLE).ready == (A,)
    folder.listing[A] = Stat(20, 2)
    folder.state[A] = after_change(folder.state[A], Stat(20, 2), folder.now)
    assert folder.look().ready == ()
    assert folder.look(SETTLE).ready == (A,)


def test_a_file_that_never_keeps_still_is_reported() -> None:
    folder = Folder()
    for mtime in range(RESTLESS // SETTLE):
        folder.listing[A] = Stat(10, mtime)
        assert folder.look(SETTLE).restless == ()
    folder.listing[A] = Stat(11, 0)
    assert folder.look(SETTLE).restless == (A,)


steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.one_of(st.none(), st.integers(0, 3)), st.integers(0, 900)),
    max_size=25,
)


@given(steps)
@settings(max_examples=150)
def test_in_the_end_what_is_known_is_what_is_there(
    script: list[tuple[str, int | None, int]],
) -> None:
    """Whatever happens to the files, once all is quiet the last recorded state is the disk's."""
    folder = Folder()
    recorded: dict[str, str] = {}
    contents: dict[str, int] = {}

    def act(made: Plan) -> None:
        for path in made.gone:
            del recorded[path]
        for path in made.ready:
            sha256 = str(contents[path])
            if folder.state[path].sha256 != sha256:
                recorded[path] = sha256
            folder.read(path, sha256)

    for path, content, pause in script:
        if content is None:
            contents.pop(path, None)
            folder.listing.pop(path, None)
        else:
            contents[path] = content
            # All of one length, with the coarsest mtime there is: FAT's, of 2 s.
            folder.listing[path] = Stat(1, folder.now // (2 * NS))
        act(folder.look(pause * NS // 1000))
    for _ in range(4):
        act(folder.look(RECHECK))
    assert recorded == {path: str(content) for path, content in contents.items()}
    assert set(folder.state) == set(contents)
    assert all(isinstance(file, Tracked) for file in folder.state.values())
