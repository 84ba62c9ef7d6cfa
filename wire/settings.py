"""The settings file, `meet.toml`: what it may say, and every mistake in it at once.

The file in force is recorded in the log like any other file, so whatever
folds the log reads it here too. Durations are written `"10s"`, `"1.5s"`,
`"250ms"` or `"2m"` and become integer nanoseconds.
"""

from typing import Literal

import msgspec

from wire.stamps import NS

Rounding = Literal["truncate", "up-hundredth", "up-second"]
Rule = Literal["best", "first", "last"]
Protocol = Literal["tsv1", "tsv2", "ctp01"]
CTP01_PORT = 61611


class MeetSettings(msgspec.Struct, frozen=True):
    """`[meet]`: the meet's name, its time zone (IANA name), and the rounding of its sport.

    `session` picks the session when the program marks none as current.
    `gun_window`: gun signals closer together than this are one start.
    """

    name: str = "Meet"
    zone: str = "UTC"
    rounding: Rounding = "truncate"
    session: str = ""
    gun_window: int = 10 * NS


class LogSettings(msgspec.Struct, frozen=True):
    """`[log]`: where the log is, relative to the settings file."""

    path: str = "meet.db"


class FolderSettings(msgspec.Struct, frozen=True):
    """`[folder]`: the Time Drops meet folder, relative to the settings file.

    `publish`: `complete` writes a race when its heat is complete and again at
    each later change, `live` at each change from the first time on, `off`
    never. `quiet`: how long a race must be unchanged before a revision is
    made. `settle`: how long a file must keep its size and mtime before it is
    read. `rescan`: how often the folder is listed whatever notifications say.
    """

    path: str = "timedrops"
    publish: Literal["complete", "live", "off"] = "complete"
    quiet: int = NS
    settle: int = NS // 2
    rescan: int = 5 * NS
    chips: str = "chips.csv"


class SourceSettings(msgspec.Struct, frozen=True):
    """`[[source]]`: one thing that speaks over TCP.

    `clock` says whether its stamps are `local` (in `zone`, the meet's when
    empty) or `utc`. `allow` restricts a server's peers to these networks.
    `idle` closes a silent peer; 0 never does. For CTP01, `authentication`
    is one of the protocol's names and the password is the first line of
    `password_file`, never written in this file, which the log records.
    """

    name: str
    protocol: Protocol
    role: Literal["client", "server"]
    port: int
    host: str = "127.0.0.1"
    clock: Literal["local", "utc"] = "local"
    zone: str = ""
    allow: tuple[str, ...] = ()
    max_connections: int = 8
    idle: int = 0
    ping: int = 10 * NS
    authentication: str = "none"
    user: str = ""
    password_file: str = ""


class FeedSettings(msgspec.Struct, frozen=True):
    """A wire name that feeds a point: of any source, or of one; main or backup; with a shift.

    `shift` (ns, may be negative) is added to the feed's moments.
    """

    name: str
    source: str = ""
    backup: bool = False
    shift: int = 0


class PointSettings(msgspec.Struct, frozen=True):
    """`[[point]]`: a timing point, its feeds, and how a crossing is chosen there (DESIGN 5)."""

    name: str
    feeds: tuple[FeedSettings, ...] = ()
    rule: Rule = "best"
    gap: int = 10 * NS


class LegSettings(msgspec.Struct, frozen=True):
    """One distance of a course: the `passing`th crossing of `point` after the gun, from 1."""

    point: str
    distance: int
    passing: int = 1


class CourseSettings(msgspec.Struct, frozen=True):
    """`[[course]]`: the legs of some events (`*` is every event); the last leg is the finish.

    A crossing sooner than `minimum` after the gun does not count.
    """

    legs: tuple[LegSettings, ...]
    events: tuple[str, ...] = ("*",)
    minimum: int = 0


class Settings(msgspec.Struct, frozen=True):
    """Everything `meet.toml` says, with defaults filled in."""

    meet: MeetSettings = MeetSettings()
    log: LogSettings = LogSettings()
    folder: FolderSettings = FolderSettings()
    sources: tuple[SourceSettings, ...] = ()
    points: tuple[PointSettings, ...] = ()
    courses: tuple[CourseSettings, ...] = ()
