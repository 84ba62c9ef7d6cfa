"""Masking: a log's events with pseudonyms in the place of swimmers' names, and without ages.

Documents are written anew from what meetlog reads in them, so that nothing
it does not know stays in them; one that cannot be read becomes a stub that
cannot be read either, and a file of another kind becomes empty. Ids, chips,
teams' ids and everything that results are made of stay as they are.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

import msgspec

from meetlog.capsule.carrying import up_to
from meetlog.capsule.names import Names
from projections.decode import SETTINGS_SOURCE
from projections.folding import settings_at
from projections.relayed import Item, queued, queued_draft
from store import event as ev
from store.event import Event, meta_of, pack_meta
from store.log import Log
from wire import chips, timedrops
from wire.errors import WireError
from wire.settings_file import parse as parse_settings

_UNREADABLE = b"{"  # as unfinished as what it stands for
_SAID = frozenset({"author", "login", "reason", "text", "name", "actor"})  # free text
_FULL_NAME = 2  # words: in bytes of hardware, one word alone is more likely a name of a point
# The strings of our documents and of the status file; none of them is anybody's name.
_DOCUMENTED = frozenset(
    {
        "createdAt", "protocolVersion", "sessionId", "eventNumber", "startTime", "currentEvent",
        "currentSessionId", "timingSystemType", "timingSystemVersion", "lastMeetProgramDate",
        "updatedAt",
    }
)  # fmt: skip
# Whole texts, then a comment; or a text that never ends, and all that is after it. Nothing here may
# be tried twice, or a file that was made for it would take hours.
_COMMENT = re.compile(
    r"""((?:"[^"\\]*(?:\\.[^"\\]*)*"|'[^']*'|[^#"'\r\n])*)(#[^\r\n]*|["'].*\Z)?""", re.DOTALL
)
_MEET_NAME = re.compile(r'(?m)^([ \t]*name[ \t]*=[ \t]*)"((?:\\.|[^"\\\r\n])*)"')
_MEET_TABLE = re.compile(r"(?ms)^[ \t]*\[meet\].*?(?=^[ \t]*\[|\Z)")


class Masker:
    """Masks events by the names that a log knows up to event `end`."""

    def __init__(self, log: Log, end: int) -> None:
        self._names = Names()
        self._chips = {settings_at(log, end).folder.chips.casefold()}
        files = [event for event in up_to(log, end) if event.kind == ev.FILE_CHANGED]
        for event in files:
            if event.source == SETTINGS_SOURCE:
                with suppress(WireError):
                    self._chips.add(parse_settings(event.body).folder.chips.casefold())
            elif _path(event).casefold() == timedrops.PROGRAM_FILE:
                self._names.learn_program(event.body)
        for event in files:
            if _path(event).casefold() in self._chips:
                self._names.learn_chips(_path(event), event.body)

    def text(self, text: str) -> str:
        """`text` with pseudonyms for names."""
        return self._names.masked(text)

    def mask(self, event: Event) -> tuple[bytes, bytes]:
        """The meta and body to carry in the place of the event's own.

        An event of a kind that this version does not know has neither.
        """
        match event.kind:
            case ev.FILE_CHANGED:
                return self._file(event)
            case ev.FILE_REMOVED:
                return self._meta(event, {"path": self._path_of(_path(event))}), event.body
            case ev.STATEMENT:
                return self._meta(event), self._statement(event.body)
            case ev.STATEMENT_REFUSED:
                return self._meta(event), b""
            case ev.RESULT_PUBLISHED | ev.STATUS_PUBLISHED:
                body = self._document(event.body)
                changed = {} if body == event.body else {"sha256": sha256(body).hexdigest()}
                return self._meta(event, changed), body
            case ev.SOCKET_READ | ev.SOCKET_SENT:
                return event.meta, self._bytes(event.body)
            case ev.RELAY_QUEUED:
                return event.meta, self._items(event)
            case _ if event.kind in _KEPT:
                return event.meta, event.body
        return pack_meta(), b""

    def _meta(self, event: Event, changed: dict[str, Any] | None = None) -> bytes:
        meta = meta_of(event)
        told = {
            key: self._names.masked(value) if key in _SAID and key != "name" else value
            for key, value in meta.items()
        } | (changed or {})
        return event.meta if told == meta else msgspec.msgpack.encode(told)

    def _file(self, event: Event) -> tuple[bytes, bytes]:
        path, body = _path(event), event.body
        name = path.casefold()
        if event.source == SETTINGS_SOURCE:
            made = self._settings(_text(body)).encode()
        elif name in self._chips:
            made = self._written(body, lambda data: self._chip_table(path, data))
        elif name == timedrops.PROGRAM_FILE:
            made = self._written(body, self._program)
        elif name == timedrops.STATUS_FILE:
            made = self._written(
                body, lambda data: timedrops.encode_status(timedrops.parse_status(data))
            )
        elif timedrops.is_result_name(path):
            made = self._written(
                body, lambda data: timedrops.encode_result(timedrops.parse_result(path, data))
            )
        else:
            made = b""
        changed = {"path": self._path_of(path), "size": len(made)}
        return self._meta(event, changed), made

    def _written(self, body: bytes, write: Callable[[bytes], bytes]) -> bytes:
        try:
            return write(body)
        except WireError:
            return _UNREADABLE if body else body

    def _path_of(self, path: str) -> str:
        return self._names.masked(path, _FULL_NAME)

    def _program(self, body: bytes) -> bytes:
        program = timedrops.parse_program(body)
        say = self._names.masked
        replace = msgspec.structs.replace
        people = []
        for swimmer in program.swimmers:
            first, last = self._names.pseudonym(swimmer.id)
            people.append(replace(swimmer, first_name=first, last_name=last, age=0))
        sessions = []
        for session in program.sessions:
            heats = []
            for heat in session.heats:
                lanes = tuple(replace(lane, relay=say(lane.relay)) for lane in heat.lanes)
                heats.append(replace(heat, lanes=lanes))
            events = tuple(replace(event, name=say(event.name)) for event in session.events)
            sessions.append(
                replace(session, name=say(session.name), heats=tuple(heats), events=events)
            )
        return timedrops.encode_program(
            replace(
                program,
                meet_name=say(program.meet_name),
                host=say(program.host),
                swimmers=tuple(people),
                teams=tuple(
                    replace(team, name=say(team.name), abbreviation=say(team.abbreviation))
                    for team in program.teams
                ),
                events=tuple(replace(event, name=say(event.name)) for event in program.events),
                sessions=tuple(sessions),
            )
        )

    def _chip_table(self, path: str, body: bytes) -> bytes:
        found = chips.parse(path, body).chips
        table = {
            chip: self._names.masked(person) if self._names.is_name(person) else person
            for chip, person in found.items()
        }
        if path.casefold().endswith(".json"):
            return json.dumps(table, ensure_ascii=False).encode()
        return chips.encode_csv(table)

    def _settings(self, text: str) -> str:
        """A settings file's text: names in its comments and in those of `name` that are free."""

        def comment(match: re.Match[str]) -> str:
            return match[1] + self._names.masked(match[2] or "")

        def name(match: re.Match[str]) -> str:
            said = re.sub(r'["\\]', "", self._names.masked(match[2]))
            return match[0] if self._names.masked(match[2]) == match[2] else f'{match[1]}"{said}"'

        text = _COMMENT.sub(comment, text)
        head, table, rest = _meet_table(text)
        return head + _MEET_NAME.sub(name, table) + rest

    def _statement(self, body: bytes) -> bytes:
        try:
            said = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _UNREADABLE
        for key, value in said.items():
            if not isinstance(value, str):
                continue
            if key in _SAID:
                said[key] = self._names.masked(value)
            elif key == "toml":
                said[key] = self._settings(value)
            elif key == "secret" and value:
                said[key] = "masked"  # a hash that could be tried against guesses
        return msgspec.json.encode(said)

    def _document(self, body: bytes) -> bytes:
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _UNREADABLE
        told = self._strings(document)
        if told == document:
            return body
        return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"

    def _strings(self, value: Any) -> Any:
        """A document with names replaced in the strings that no format documents."""
        match value:
            case dict():
                return {
                    key: each if key in _DOCUMENTED and isinstance(each, str)
                    else self._strings(each)
                    for key, each in value.items()
                }  # fmt: skip
            case list():
                return [self._strings(each) for each in value]
            case str():
                return self._names.masked(value)
        return value

    def _items(self, event: Event) -> bytes:
        """What a relay was to send: a tag may be what a chip table calls somebody."""
        try:
            fact = queued(event)
        except WireError:
            return _UNREADABLE
        draft = queued_draft(
            fact.relay,
            tuple(map(self._item, fact.items)),
            as_of=fact.as_of,
            before=fact.before,
            crossings=fact.crossings,
            withdrawn=tuple(map(self._item, fact.withdrawn)),
        )
        return draft.body

    def _item(self, item: Item) -> Item:
        def say(text: str) -> str:
            return self._names.masked(text, _FULL_NAME)

        whole = item.full or item.tag
        if self._names.is_name(whole):
            whole = self._names.masked(whole)
        tag = item.tag
        if whole != (item.full or item.tag):
            # What was too long and cut may begin within a name.
            tag = whole[-len(item.tag) :] if item.full else whole
        return msgspec.structs.replace(
            item,
            location=say(item.location),
            point=say(item.point),
            reader=say(item.reader),
            tag=tag,
            full=whole if item.full else "",
        )

    def _bytes(self, body: bytes) -> bytes:
        """What went over a socket; it changes only where somebody's full name is in it."""
        text = body.decode("utf-8", "surrogateescape")
        masked = self._names.masked(text, _FULL_NAME)
        return body if masked == text else masked.encode("utf-8", "surrogateescape")


_KEPT = frozenset(
    {
        ev.SOCKET_OPENED,
        ev.SOCKET_CLOSED,
        ev.PEERS_REFUSED,
        ev.RELAY_SENT,
        ev.APP_STARTED,
        ev.APP_STOPPED,
    }
)


def _path(event: Event) -> str:
    return str(meta_of(event).get("path", ""))


def _text(body: bytes) -> str:
    return body.decode("utf-8-sig", "replace")


def _meet_table(text: str) -> tuple[str, str, str]:
    """The text before the table `[meet]`, the table, and what comes after it."""
    found = _MEET_TABLE.search(text)
    if found is None:
        return text, "", ""
    return text[: found.start()], found[0], text[found.end() :]
