"""A TOML text with the line of every key: `tomllib` reads, this finds the place to point at.

`tomllib` has checked the text before `key_lines` walks it, so the walk may
take the grammar for granted.
"""

import re
import tomllib
from typing import Any

from wire.errors import WireError

MAX_BYTES = 1024 * 1024  # a settings file is written by a person

Path = tuple[str | int, ...]
"""Keys and list indices from the top: `("source", 0, "port")`."""

_TEXT = r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'"
_QUOTED = re.compile(_TEXT, re.DOTALL)
_KEY = re.compile(r"[ \t]*([A-Za-z0-9_-]+|" + _TEXT + r")[ \t]*(\.?)", re.DOTALL)
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}#\n]*")
# What Python's reader takes the square of its length for, and what no message could show.
_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_LONG_KEY = re.compile(rf"(?:^|(?<=[\[{{,\s]))(?:{_PART}[ \t]*\.[ \t]*){{200}}", re.MULTILINE)
_LONG_NUMBER = re.compile(r"\b0[xob][0-9A-Fa-f_]{1000}")
_AT_LINE = re.compile(r" ?\(at (?:line (\d+), column \d+|end of document)\)")


class TomlError(WireError):
    """The text is no TOML at `line`, counted from 1."""

    def __init__(self, line: int, reason: str, hint: str = "") -> None:
        self.line = line
        super().__init__(reason, hint=hint)


def read_toml(data: bytes) -> tuple[dict[str, Any], dict[Path, int]]:
    """The document and the line of each key path; raises `TomlError` for any other bytes."""
    if len(data) > MAX_BYTES:
        raise TomlError(1, f"the file is larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TomlError(line, "the file is not UTF-8", "save it as UTF-8") from error
    text = text.replace("\r\n", "\n")
    for pattern, what in ((_LONG_KEY, "a key of hundreds of parts"), (_LONG_NUMBER, "a number")):
        if found := pattern.search(text):
            line = text.count("\n", 0, found.end()) + 1
            raise TomlError(line, f"{what} that is longer than any setting", "shorten it")
    try:
        document = tomllib.loads(text)
        return document, key_lines(text)
    except ValueError as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at and at[1] else (text.count("\n") + 1 if at else 1)
        raise TomlError(line, _AT_LINE.sub("", str(error)), "see https://toml.io") from error
    except RecursionError as error:
        raise TomlError(1, "the file is nested too deeply") from error


def line_of(lines: dict[Path, int], path: Path) -> int:
    """The line of `path`, or of the nearest table that should hold it; 1 when there is none."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def key_lines(text: str) -> dict[Path, int]:
    """The line, from 1, of every key, table and list element of a valid TOML text."""
    walk = _Walk(text)
    walk.document()
    return walk.lines


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.lines: dict[Path, int] = {}
        self.tables: dict[Path, int] = {}  # arrays of tables, and how many they have so far

    def document(self) -> None:
        prefix: Path = ()
        self.skip(_GAP)
        while self.at < len(self.text):
            if self.peek("["):
                prefix = self.header()
            else:
                self.pair(prefix)
            self.skip(_GAP)

    def header(self) -> Path:
        """`[a.b]` or `[[a.b]]`: the path that the keys below it begin with."""
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        line = self.line
        path: Path = ()
        keys = self.keys()
        for i, key in enumerate(keys):
            path = (*path, key)
            if many and i == len(keys) - 1:
                self.tables[path] = self.tables.get(path, 0) + 1
                self.lines.setdefault(path, line)
            if path in self.tables:
                path = (*path, self.tables[path] - 1)
            self.lines.setdefault(path, line)
        self.at += 2 if many else 1
        return path

    def pair(self, prefix: Path) -> None:
        line = self.line
        for key in self.keys():
            prefix = (*prefix, key)
            self.lines.setdefault(prefix, line)
        self.at += 1  # the equals sign
        self.value(prefix)

    def keys(self) -> list[str]:
        """A dotted key."""
        found = []
        while match := _KEY.match(self.text, self.at):
            self.at = match.end()
            key = match[1]
            found.append(tomllib.loads(f"k={key}")["k"] if key[0] in "\"'" else key)
            if not match[2]:
                break
        return found

    def value(self, path: Path) -> None:
        self.skip(_GAP)
        if self.peek("{"):
            self.at += 1
            self.skip(_GAP)
            while not self.peek("}"):
                self.pair(path)
                self.comma()
            self.at += 1
        elif self.peek("["):
            self.at += 1
            self.skip(_GAP)
            index = 0
            while not self.peek("]"):
                self.lines.setdefault((*path, index), self.line)
                self.value((*path, index))
                self.comma()
                index += 1
            self.at += 1
        elif self.peek('"') or self.peek("'"):
            self.skip(_QUOTED)
        else:
            self.skip(_SCALAR)

    def comma(self) -> None:
        self.skip(_GAP)
        if self.peek(","):
            self.at += 1
            self.skip(_GAP)

    def peek(self, character: str) -> bool:
        if self.at >= len(self.text):
            raise ValueError("the text ends in the middle of a value")
        return self.text[self.at] == character

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError("a text without an end")
        self.line += match[0].count("\n")
        self.at = match.end()
