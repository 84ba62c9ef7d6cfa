"""Reading `meet.toml`: all its mistakes at once, each with its line and a remedy.

Reading is pure: that a password file exists or a port is free is found out
by those who use them.
"""

import difflib
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec

from wire.errors import WireError
from wire.settings import (
    CTP01_PORT,
    RELAY_ROLES,
    ROLES,
    FeedSettings,
    PointSettings,
    RelaySettings,
    Role,
    Settings,
    SourceSettings,
    format_duration,
    parse_duration,
)
from wire.settings_checks import check
from wire.tomlfile import Path, TomlError, line_of, read_toml

T = TypeVar("T", bound=msgspec.Struct)
_TYPES: dict[Any, str] = {str: "text", int: "a whole number", bool: "true or false"}


class Mistake(msgspec.Struct, frozen=True, order=True):
    """One thing wrong in the file: its line (from 1), the key, what is wrong, what to do."""

    line: int
    key: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", {self.key}" if self.key else "")
        return f"{where}: {self.problem}" + (f" ({self.remedy})" if self.remedy else "")


class SettingsError(WireError):
    """The settings cannot be used. `mistakes` has every one, in the order of the file."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("; ".join(map(str, self.mistakes)), hint="correct meet.toml")


# A fold looks at the file in force several times, and each start and each comparison folds.
@lru_cache(maxsize=16)
def parse(data: bytes) -> Settings:
    """The settings in `data`, defaults filled in; raises `SettingsError` with all mistakes."""
    try:
        document, lines = read_toml(data)
    except TomlError as error:
        problem = error.problem
        raise SettingsError([Mistake(error.line, "", problem.reason, problem.hint)]) from error
    reader = _Reader(lines)
    settings = reader.table(Settings, document, ())
    wrong = frozenset(reader.paths)

    def report(path: Path, problem: str, remedy: str) -> None:
        if path not in wrong:  # one mistake in a value is enough
            reader.mistake(path, problem, remedy)

    check(settings, report)
    if reader.mistakes:
        raise SettingsError(reader.mistakes)
    return settings


@cache
def _fields(cls: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """The fields of a table, by key."""
    return {field.encode_name: field for field in msgspec.structs.fields(cls)}


class _Reader:
    """Reads tables into structs, collecting mistakes instead of stopping at one."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self.lines = lines
        self.mistakes: set[Mistake] = set()
        self.paths: set[Path] = set()

    def mistake(self, path: Path, problem: str, remedy: str = "") -> None:
        """Note what is wrong at `path`."""
        self.paths.add(path)
        parts = (f"[{p + 1}]" if isinstance(p, int) else f".{_plain(p)}" for p in path)
        key = "".join(parts).removeprefix(".")
        self.mistakes.add(Mistake(line_of(self.lines, path), key, problem, remedy))

    def table(self, cls: type[T], table: dict[str, Any], path: Path) -> T:
        """`cls` from `table`. What is wrong is noted and becomes the default, or "", 0 or ()."""
        fields = _fields(cls)
        for key in table:
            if key not in fields:
                self.mistake((*path, key), "there is no such setting", _suggest(key, list(fields)))
        if cls in (SourceSettings, RelaySettings):
            table = _with_protocol_defaults(table, ROLES if cls is SourceSettings else RELAY_ROLES)
        elif cls is PointSettings and "name" in table:
            table = {"feeds": [table["name"]], **table}
        values = {}
        for key, field in fields.items():
            value = None
            if key in table:
                value = self.value(field.type, table[key], (*path, key))
            elif field.required:
                self.mistake((*path, key), "this setting is missing", f"add a line {key} = …")
            if value is None:
                value = _nothing(field.type) if field.required else field.default
            values[field.name] = value
        return cls(**values)

    def value(self, kind: Any, value: Any, path: Path) -> Any:
        """`value` as `kind`; None when it is no such thing, which is then noted."""
        meta = None
        if get_origin(kind) is Annotated:
            kind, meta = get_args(kind)
        if meta is not None and meta.extra:
            return self.duration(value, meta.extra["least"], path)
        if get_origin(kind) is Literal:
            return self.choice(value, get_args(kind), path)
        if get_origin(kind) is tuple:
            return self.items(get_args(kind)[0], value, path)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            if kind is FeedSettings and isinstance(value, str):
                value = {"name": value}
            if not isinstance(value, dict):
                if len(path) == 1 and isinstance(value, list):
                    self.mistake(path, "there is only one such table", f"write [{path[0]}]")
                else:
                    self.mistake(path, f"expected a table, found {_words(value)}")
                return None
            return self.table(kind, value, path)
        if type(value) is not kind:
            remedy = f'write "{value}"' if kind is str and type(value) in (int, float) else ""
            self.mistake(path, f"expected {_TYPES[kind]}, found {_words(value)}", remedy)
            return None
        return self.within(meta, value, path)

    def within(self, meta: msgspec.Meta | None, value: Any, path: Path) -> Any:
        """`value` when it keeps to the bounds of its type."""
        if meta is None:
            return value
        if isinstance(value, str):
            if meta.min_length and not value.strip():
                self.mistake(path, "it is empty")
                return None
            if meta.max_length is not None and len(value) > meta.max_length:
                self.mistake(path, f"it is longer than {meta.max_length} characters")
                return None
            return value
        if meta.ge is not None and meta.le is not None and not meta.ge <= value <= meta.le:
            self.mistake(path, f"{value} is out of range", f"allowed: {meta.ge} to {meta.le}")
            return None
        return value

    def duration(self, value: Any, least: int, path: Path) -> int | None:
        if not isinstance(value, str):
            example = f'write "{value}s"' if type(value) in (int, float) else 'write "1.5s"'
            self.mistake(path, f"a duration needs its unit, found {_words(value)}", example)
            return None
        try:
            nanoseconds = parse_duration(value)
        except WireError as error:
            hint = error.problem.hint
            self.mistake(path, f"{value!r} is {error.problem.reason}", hint)
            return None
        if nanoseconds < least:
            allowed = "more than 0s" if least == 1 else f"{format_duration(least)} or more"
            self.mistake(path, f"{value!r} is too short", f"allowed: {allowed}")
            return None
        return nanoseconds

    def choice(self, value: Any, allowed: tuple[str, ...], path: Path) -> Any:
        if value in allowed:
            return value
        choices = ", ".join(f'"{choice}"' for choice in allowed)
        self.mistake(path, f"it cannot be {_words(value)}", f"allowed: {choices}")
        return None

    def items(self, kind: Any, value: Any, path: Path) -> tuple[Any, ...] | None:
        if not isinstance(value, list):
            if len(path) == 1:
                self.mistake(path, "there may be several of these", f"write [[{path[0]}]]")
            else:
                self.mistake(path, f"expected a list, found {_words(value)}", "write […]")
            return None
        # An item that is wrong stays as None, so that the places of the others are right.
        return tuple(self.value(kind, item, (*path, i)) for i, item in enumerate(value))


def _nothing(kind: Any) -> Any:
    """What stands for a required value that is wrong or missing; `check` passes over it."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return {int: 0, tuple: ()}.get(get_origin(kind) or kind, "")


def _with_protocol_defaults(
    table: dict[str, Any], of: Mapping[str, tuple[Role, ...]]
) -> dict[str, Any]:
    """Fill in a role when the protocol has but one, and the port that CTP01 names."""
    protocol = table.get("protocol")
    roles = of.get(protocol, ()) if isinstance(protocol, str) else ()
    known: dict[str, Any] = {"role": roles[0]} if len(roles) == 1 else {}
    if protocol == "ctp01":
        known["port"] = CTP01_PORT
    return {**known, **table}


def _plain(key: str) -> str:
    return key if key.isprintable() and len(key) <= 40 else repr(key[:40])


def _suggest(key: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(key, allowed, 1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(allowed)}"


def _words(value: object) -> str:
    """How a wrong value is called in a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:40] + "…")
    if isinstance(value, int | float):
        return str(value)[:40] if abs(value) < 1e15 else "a very large number"
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else "a date or time"
