"""What the settings file, `meet.toml`, may say: every key, its type, its default and its meaning.

`wire.settings_file` reads the file into these. The file in force is recorded
in the log like any other file, so whatever folds the log reads it too.
Durations are written `"10s"`, `"1.5s"`, `"250ms"` or `"2m"` and are integer
nanoseconds here.
"""

import re
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from wire.errors import WireError
from wire.stamps import DAY, HOUR, MINUTE, NS

Rounding = Literal["truncate", "up-hundredth", "up-second"]
Rule = Literal["best", "first", "last"]
Protocol = Literal["tsv1", "tsv2", "ctp01"]
Role = Literal["client", "server"]
Send = Literal["reads", "raw", "crossings"]
Kind = Literal["gun", "first-seen", "best-seen"]
CTP01_PORT = 61611  # the protocol's own default (PROTOCOLS 1.1)
CONSOLE_PORT = 8611

# Who may be at the other end of what, as far as meetlog speaks it.
ROLES: dict[str, tuple[Role, ...]] = {
    "tsv1": ("client",),
    "tsv2": ("client", "server"),
    "ctp01": ("server",),
}
# And what meetlog may be at the other end, when it relays.
RELAY_ROLES: dict[str, tuple[Role, ...]] = {
    "tsv1": ("server",),
    "tsv2": ("server", "client"),
    "ctp01": ("client",),
}
Authentication = Literal["none", "plaintext", "hmac-sha1", "hmac-md5", "seed-sha1", "seed-md5"]
AUTHENTICATIONS: tuple[str, ...] = get_args(Authentication)  # PROTOCOLS 1.2
RESERVED_SOURCES = ("operator", "meetlog", "folder", "settings")  # they speak in the log already

# `extra` tells the reader of the file that text becomes nanoseconds, and the least of them.
Duration = Annotated[int, Meta(extra={"least": 0})]
Span = Annotated[int, Meta(extra={"least": 1})]
# Less could lose what was sent into a cable that was pulled, before anybody noticed.
Overlap = Annotated[int, Meta(extra={"least": MINUTE})]
Shift = Annotated[int, Meta(extra={"least": -DAY})]
Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[int, Meta(ge=1, le=1_000_000)]
Text = Annotated[str, Meta(min_length=1, max_length=200)]


class MeetSettings(msgspec.Struct, frozen=True):
    """`[meet]`: the meet's name, its time zone (IANA name), and the rounding of its sport.

    `session` picks the session when the program marks none as current.
    `gun_window`: gun signals closer together than this are one start.
    """

    name: str = "Meet"
    zone: str = "UTC"
    rounding: Rounding = "truncate"
    session: str = ""
    gun_window: Duration = 10 * NS


class LogSettings(msgspec.Struct, frozen=True):
    """`[log]`: where the log is, relative to the settings file."""

    path: Text = "meet.db"


class FolderSettings(msgspec.Struct, frozen=True):
    """`[folder]`: the Time Drops meet folder, relative to the settings file.

    `publish`: `complete` writes a race when its heat is complete and again at
    each later change, `live` at each change from the first time on, `off`
    never. `quiet`: how long a race must be unchanged before a revision is
    made. `settle`: how long a file must keep its size and mtime before it is
    read. `rescan`: how often the folder is listed whatever notifications say.
    """

    path: Text = "timedrops"
    publish: Literal["complete", "live", "off"] = "complete"
    quiet: Duration = NS
    settle: Duration = NS // 2
    rescan: Span = 5 * NS
    chips: str = "chips.csv"


class ConsoleSettings(msgspec.Struct, frozen=True):
    """`[console]`: the live page, on this computer unless `host` says otherwise.

    `allow` restricts who may connect to these networks; this computer always
    may. `names` are further names by which browsers may call it. With
    `certificate` and `key` (PEM files, relative to the settings file) it
    speaks TLS. `public_board` shows the current heat and the results to
    whoever may connect, without a sign-in.
    """

    enabled: bool = True
    host: Text = "127.0.0.1"
    port: Port = CONSOLE_PORT
    allow: tuple[str, ...] = ()
    names: tuple[Text, ...] = ()
    certificate: str = ""
    key: str = ""
    public_board: bool = False


class SourceSettings(msgspec.Struct, frozen=True):
    """`[[source]]`: one thing that speaks over TCP.

    `role` is what meetlog is: a client calls `host` and `port`, a server
    listens there. It may be left out where the protocol has one role only,
    and `port` for CTP01. A server listens on the loopback address unless
    `host` says otherwise.
    `clock` says whether its stamps are `local` (in `zone`, the meet's when
    empty) or `utc`. `allow` restricts a server's peers to these networks.
    `idle` closes a silent peer; 0 never does. For CTP01, `mode` is whether
    the peer pushes its lines or is asked for them, every `poll`;
    `authentication` is one of the protocol's names and the password is the first line of
    `password_file`, never written in this file, which the log records.
    """

    name: Text
    protocol: Protocol
    role: Role
    port: Port
    host: Text = "127.0.0.1"
    clock: Literal["local", "utc"] = "local"
    zone: str = ""
    allow: tuple[str, ...] = ()
    max_connections: Positive = 8
    idle: Duration = 0
    ping: Span = 10 * NS
    mode: Literal["push", "pull"] = "push"
    poll: Span = NS
    authentication: str = "none"
    user: str = ""
    password_file: str = ""


class RelaySettings(msgspec.Struct, frozen=True):
    """`[[relay]]`: a program that meetlog feeds from the log, as a timing system would.

    `role` is what meetlog is: a server listens on `host` and `port`, a client
    calls there. `send`: each distinct `reads` once, every copy of them too
    (`raw`), or `crossings`. `kinds` restricts the kinds sent; none named is
    all of them, but no first-seen ones of crossings, nor in CTP01, which
    cannot tell them from best-seen ones (TsConnector's "Filter read type 1"
    is to leave out `first-seen`). `points`, `sources`, `chips`
    (`"7"`, `"100-199"`) and `heats` (`"1/4A/2"`, `*` for any part) restrict
    what is sent; none named is all. `tag` is what names a competitor.
    `hold`: how long a crossing must be unchanged before its best-seen moment
    is sent. `clock` is that of the stamps sent: `local` (in `zone`, the
    meet's when empty) or `utc` (TsConnector's "Use UTC time"). `catch_up` is
    what a new connection of TsV1 and TsV2, which cannot ask, gets first: what
    its peer has not got (`resume`), with what it was sent in the last
    `overlap` before it was gone; `all`; or nothing (`new`).
    For CTP01, `program` and `version` are the greeting's, and the password is
    the first line of `password_file`.
    """

    name: Text
    protocol: Protocol
    role: Role
    port: Port
    host: Text = "127.0.0.1"
    send: Send = "reads"
    kinds: tuple[Kind, ...] = ()
    points: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    chips: tuple[str, ...] = ()
    heats: tuple[str, ...] = ()
    tag: Literal["chip", "bib"] = "chip"
    hold: Duration = NS
    clock: Literal["local", "utc"] = "local"
    zone: str = ""
    catch_up: Literal["resume", "all", "new"] = "resume"
    overlap: Overlap = 5 * MINUTE
    allow: tuple[str, ...] = ()
    max_connections: Positive = 8
    program: Text = "SimpleClient"
    version: Text = "0.5.0"
    user: str = ""
    password_file: str = ""

    @property
    def sends(self) -> frozenset[str]:
        """The kinds that are sent."""
        official = self.send == "crossings" or self.protocol == "ctp01"
        return frozenset(self.kinds or (("gun", "best-seen") if official else get_args(Kind)))


class FeedSettings(msgspec.Struct, frozen=True):
    """A wire name that feeds a point: of any source, or of one; main or backup; with a shift.

    `shift` (ns, may be negative) is added to the feed's moments.
    """

    name: Text
    source: str = ""
    backup: bool = False
    shift: Shift = 0


class PointSettings(msgspec.Struct, frozen=True):
    """`[[point]]`: a timing point, its feeds, and how a crossing is chosen there (DESIGN 5).

    Without `feeds`, the point is fed by the wire name that equals its own.
    """

    name: Text
    feeds: tuple[FeedSettings, ...] = ()
    rule: Rule = "best"
    gap: Span = 10 * NS


class LegSettings(msgspec.Struct, frozen=True):
    """One distance of a course: the `passing`th crossing of `point` after the gun, from 1."""

    point: Text
    distance: Positive
    passing: Positive = 1


class CourseSettings(msgspec.Struct, frozen=True):
    """`[[course]]`: the legs of some events (`*` is every event); the last leg is the finish.

    A crossing sooner than `minimum` after the gun does not count.
    """

    legs: tuple[LegSettings, ...]
    events: tuple[str, ...] = ("*",)
    minimum: Duration = 0


class Settings(msgspec.Struct, frozen=True):
    """Everything `meet.toml` says, with defaults filled in."""

    meet: MeetSettings = MeetSettings()
    log: LogSettings = LogSettings()
    folder: FolderSettings = FolderSettings()
    console: ConsoleSettings = ConsoleSettings()
    sources: tuple[SourceSettings, ...] = msgspec.field(default=(), name="source")
    relays: tuple[RelaySettings, ...] = msgspec.field(default=(), name="relay")
    points: tuple[PointSettings, ...] = msgspec.field(default=(), name="point")
    courses: tuple[CourseSettings, ...] = msgspec.field(default=(), name="course")


_UNITS = {"ns": 1, "us": 1000, "ms": NS // 1000, "s": NS, "m": MINUTE, "min": MINUTE, "h": HOUR}
_DURATION = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,15}))? ?(ns|us|ms|s|min|m|h)")
LONGEST = 400 * DAY  # of any duration in the settings; a year is a mistake


def parse_duration(text: str) -> int:
    """Nanoseconds of `"10s"`, `"1.5s"`, `"250ms"`, `"2m"`, `"1h"` or `"-1.5s"`, exactly.

    Raises `WireError` for anything else.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise WireError("not a duration", text, 'write a number and ms, s, m or h, such as "1.5s"')
    sign, whole, fraction, unit = match[1], match[2], match[3] or "", _UNITS[match[4]]
    rest, lost = divmod(int(fraction or "0") * unit, int("1" + "0" * len(fraction)))
    if lost:
        raise WireError("a duration finer than a nanosecond", text)
    nanoseconds = int(whole) * unit + rest
    if nanoseconds > LONGEST:
        raise WireError("a duration of more than a year", text)
    return -nanoseconds if sign else nanoseconds


def format_duration(nanoseconds: int) -> str:
    """The shortest text that `parse_duration` reads as exactly `nanoseconds`."""
    size = abs(nanoseconds)
    if size >= MINUTE and size % MINUTE == 0:
        unit = "h" if size % HOUR == 0 else "m"
    else:
        unit = next((u for u in ("s", "ms", "us") if size >= _UNITS[u]), "ns" if size else "s")
    whole, rest = divmod(size, _UNITS[unit])
    digits = len(str(_UNITS[unit])) - 1
    fraction = f".{rest:0{digits}d}".rstrip("0") if rest else ""
    return f"{'-' if nanoseconds < 0 else ''}{whole}{fraction}{unit}"
