"""Single values of Time Drops' files, whatever type a dialect gave them (PROTOCOLS 3.1)."""

from typing import Any

from wire.errors import WireError
from wire.textfile import MAX_DIGITS, clean

Object = dict[str, Any]

MAX_WARNINGS = 100  # a wholly wrong program says the same of every lane; the first ones suffice
MAX_WARNING = 400  # characters; ids and names in it are as long as the file made them

MEET_MAESTRO = (
    "Meet Maestro's file format is another one, with the same look. "
    "Have the meet manager write for Time Drops (meet_program.json), or the console results in "
    "hundredths of a second"
)


class Notes:
    """Warnings in words, as they are found; at most `MAX_WARNINGS` and a count of the rest."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._more = 0

    def add(self, text: str) -> None:
        """Note something that was read past."""
        if len(self._texts) < MAX_WARNINGS:
            self._texts.append(text if len(text) <= MAX_WARNING else f"{text[:MAX_WARNING]}…")
        else:
            self._more += 1

    def texts(self) -> tuple[str, ...]:
        """All that was noted."""
        rest = (f"and {self._more} more of the kind",) if self._more else ()
        return (*self._texts, *rest)


def text_of(value: object) -> str:
    """A name or a stamp: text on one line; "" for null and for what is no text."""
    return clean(value) if isinstance(value, str) else ""


def id_of(value: object) -> str:
    """An id or an event number, always as text, so that 123 and "123" are the same; "" for none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text_of(value)


def whole_of(value: object) -> int | None:
    """A whole number, also when written as text; None for anything else."""
    if isinstance(value, str):
        number = value.strip()  # of more than `int` takes for blanks
        digits = number.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS:
            return int(number)
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def count_of(value: object, default: int = 0) -> int:
    """A whole number from zero up, `default` for anything else."""
    number = whole_of(value)
    return default if number is None or number < 0 else number


def flag_of(value: object) -> bool:
    """True for `true`, 1 and their texts."""
    return value is True or value == 1 or text_of(value).casefold() in ("true", "1")


def objects_of(value: object) -> list[Object]:
    """The objects of an array; an object alone counts as an array of one, anything else as none."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def first_object(value: object) -> Object:
    """An object, or the first one of an array (a dialect's habit); empty for anything else."""
    return next(iter(objects_of(value)), {})


def top_object(value: object, what: str) -> Object:
    """The file's one object. Raises `WireError` for a file that is something else."""
    if isinstance(value, dict):
        return value
    held = "an array" if isinstance(value, list) else "a single value"
    raise WireError(f"{what} is a JSON object, and this file holds {held}")
