"""Names: the swimmers' names that a log knows, found in any text and replaced by pseudonyms.

A pseudonym is made of the swimmer's id, so it is the same in every place and
in every capsule of a meet, and tells nothing that the id does not.
"""

import re
import unicodedata
from collections.abc import Iterator

from wire.chips import parse as parse_chips
from wire.errors import WireError
from wire.timedrops import parse_program

_WORD = re.compile(r"[^\W\d_]+")
# What may stand between the words of one name: `Last, First`, `Anne-Marie`, `Eve O'Neil`.
_WITHIN = re.compile(r"[\s,.'’‐\-]{1,3}([^\W\d_][\s,.'’‐\-]{1,3})?")
LEAST_LETTERS = 2  # an initial alone is no name


class Names:
    """The names in the programs and chip tables that were shown to it.

    Words are compared without case and accents, as people type them.
    """

    def __init__(self) -> None:
        self._pseudonyms: dict[str, str] = {}  # by swimmer id, or by the folded name without one
        self._words: dict[str, list[str]] = {}  # folded word -> whose it is, in order

    def learn_program(self, body: bytes) -> None:
        """Take over the swimmers of a program; one that cannot be read has none."""
        try:
            program = parse_program(body)
        except WireError:
            return
        for swimmer in program.swimmers:
            self._add(swimmer.id, f"{swimmer.first_name} {swimmer.last_name}")

    def learn_chips(self, path: str, body: bytes) -> None:
        """Take over the people whom a chip table calls by name: by letters, and by no known id."""
        try:
            table = parse_chips(path, body)
        except WireError:
            return
        for person in table.chips.values():
            if self.is_name(person):
                self._add("", person)

    def is_name(self, person: str) -> bool:
        """Whether what a chip table calls a person by is a name rather than an id or a bib."""
        return (
            person not in self._pseudonyms
            and any(len(word) >= LEAST_LETTERS for word in _WORD.findall(person))
            and not any(c.isdigit() for c in person)
        )

    def pseudonym(self, swimmer: str) -> tuple[str, str]:
        """The first and last name that stand for a swimmer's id."""
        return "Swimmer", swimmer

    def masked(self, text: str, least: int = 1) -> str:
        """`text` with pseudonyms for names.

        A run of words that are all in one person's name is a name if it has
        at least `least` of them. What a first name is shared by stands for
        the first of those people that the log knows.
        """
        plain = unicodedata.normalize("NFC", text)
        out: list[str] = []
        done = 0
        for start, end, words, people in self._runs(plain):
            if words >= least:
                out += [plain[done:start], self._pseudonyms[people[0]]]
                done = end
        if not out:
            return text
        return "".join([*out, plain[done:]])

    def _runs(self, text: str) -> Iterator[tuple[int, int, int, list[str]]]:
        """Runs of words of one person's name: start, end, number of words, whose it may be."""
        start, end, words, people = 0, 0, 0, list[str]()
        for match in _WORD.finditer(text):
            if len(match[0]) < LEAST_LETTERS:
                continue
            whose = self._words.get(fold(match[0]), [])
            both = [each for each in people if each in whose]
            if both and _WITHIN.fullmatch(text, end, match.start()):
                end, words, people = match.end(), words + 1, both
                continue
            if people:
                yield start, end, words, people
            start, end, words, people = match.start(), match.end(), 1, whose
        if people:
            yield start, end, words, people

    def _add(self, swimmer: str, name: str) -> None:
        words = [fold(word) for word in _WORD.findall(name)]
        words = [word for word in words if len(word) >= LEAST_LETTERS]
        key = swimmer or "\0" + " ".join(words)
        if key not in self._pseudonyms:
            number = sum(known.startswith("\0") for known in self._pseudonyms) + 1
            self._pseudonyms[key] = f"Swimmer {swimmer}" if swimmer else f"Person {number}"
        for word in words:
            whose = self._words.setdefault(word, [])
            if key not in whose:
                whose.append(key)


def fold(word: str) -> str:
    """A word without case and accents."""
    letters = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in letters if not unicodedata.combining(c))
