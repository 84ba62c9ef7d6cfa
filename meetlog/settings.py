"""The settings file of a meet: its template for `meetlog init`, and how it is found and read."""

from pathlib import Path

from wire.settings import Settings
from wire.settings_file import SettingsError, parse

FILE_NAME = "meet.toml"

TEMPLATE = """\
# The settings of one meet. A line that begins with "# " explains; a line that begins with "#"
# alone is a setting that you switch on by removing the "#". Times are written "250ms", "1.5s",
# "2m" or "1h". meetlog checks the whole file before it starts, and records it in the log.

[meet]
name = "Meet"

# The time zone of the pool or course: a name such as "Europe/Berlin" or "America/New_York".
zone = "UTC"

# How times are rounded: "truncate" to hundredths (swimming), "up-hundredth" (track),
# "up-second" (road).
rounding = "truncate"

# The session id to use when the program marks none as the current one.
#session = ""

# Start signals closer together than this are one start.
#gun_window = "10s"

[log]
# The log, a file beside this one. Everything that was ever received is in it.
path = "meet.db"

[folder]
# The Time Drops meet folder: the meet manager writes its program here, and meetlog its results.
path = "timedrops"

# When to publish a race: "complete" (all lanes have a time, a DQ or a no-show; and again at each
# later change), "live" (from the first time on), or "off" (never).
publish = "complete"

# How long a race must be unchanged before a revision is written.
#quiet = "1s"

# How long a file must keep its size before it is read: its writer may not have finished.
#settle = "500ms"

# How often the folder is listed, whatever the system's notifications say. Shares lose them.
#rescan = "5s"

# The chip table in the folder, CSV or JSON: a line "chip,swimmer", then a line per chip.
#chips = "chips.csv"

[console]
# The live page that `meetlog run` offers to a browser on this computer.
#enabled = true
#port = 8611

# For phones beside the pool: "0.0.0.0" is every network. From other computers it is read after
# a sign-in only, by an operator with a secret (meetlog operator add NAME --secret).
#host = "127.0.0.1"

# Who may connect: networks or addresses; an empty list is everyone who can reach the port.
#allow = []

# Names by which browsers call this computer, besides its own name and its addresses.
#names = []

# With a certificate and its key (PEM files beside this one), everything is encrypted.
#certificate = ""
#key = ""

# A board with the current heat and the newest results, without a sign-in.
#public_board = false


# A source is one thing that speaks over the network. There may be as many as you need, each
# with a name of its own.

#   protocol  "tsv1"   TsConnector, first version    meetlog calls it: role = "client"
#             "tsv2"   TsConnector, second version   role = "client" or "server"
#             "ctp01"  ChronoTrack Socket Protocol   it calls meetlog: role = "server"

#[[source]]
#name = "finish-mat"
#protocol = "tsv1"
#role = "client"
#host = "192.168.1.20"     # the other side's address; for a server, our own (below)
#port = 10000

# What its stamps are: "local" (in the zone below, or the meet's) or "utc".
#clock = "local"
#zone = ""

#[[source]]
#name = "start-mat"
#protocol = "ctp01"
#role = "server"

# A server listens on this machine only, unless host says otherwise: "0.0.0.0" is every network.
#host = "127.0.0.1"
#port = 61611              # the default of CTP01; other protocols have none

# Who may connect: networks or addresses; an empty list is everyone who can reach the port.
#allow = []
#max_connections = 8

# A peer that says nothing for so long is disconnected; "0s" is never.
#idle = "0s"

# CTP01 only: after so much silence the peer is asked whether it is still there.
#ping = "10s"

# CTP01 only: whether the peer sends by itself ("push") or is asked every so often ("pull").
#mode = "push"
#poll = "1s"

# CTP01 only: "none", "plaintext", "hmac-sha1", "hmac-md5", "seed-sha1" or "seed-md5". The
# password is the first line of a file of its own; this file is recorded in the log. With
# "plaintext" the password itself arrives in the bytes that are recorded: prefer "hmac-sha1".
#authentication = "none"
#user = ""
#password_file = ""


# A relay feeds a scoring program from the log, as a timing system would: nothing is lost when that
# program is restarted or the cable is pulled. There may be as many as you need, each with a name of
# its own.

#   protocol  "tsv1"   as TsConnector, first version    the program calls meetlog: role = "server"
#             "tsv2"   as TsConnector, second version   role = "server" or "client"
#             "ctp01"  as ChronoTrack's SimpleClient    meetlog calls RunScore, RaceDay and
#                                                       others: role = "client"

#[[relay]]
#name = "scoring"
#protocol = "ctp01"
#role = "client"
#host = "127.0.0.1"        # the scoring program's address; for a server, our own (below)
#port = 61611              # the default of CTP01; other protocols have none

# What is sent: "reads" (each distinct read once), "raw" (every copy too), or "crossings" (one
# moment for each passing, as the points below choose it).
#send = "reads"

# Crossings only: how long one must be unchanged before it is sent. Chips that stay near a mat are
# read again for seconds; more than the point's gap never sends a moment that is corrected later.
#hold = "1s"

# What of it: "gun", "first-seen", "best-seen". An empty list is everything, but no "first-seen"
# ones of crossings, nor for CTP01, which could not tell them from the best. Of points, sources,
# chips and heats an empty list is all.
#kinds = []
#points = []               # such as ["Finish"]
#sources = []              # such as ["finish-mat"]
#chips = []                # such as ["7", "100-199"]
#heats = []                # session/event/heat, such as ["1/4A/2", "1/5/*"]

# What names a competitor: "chip", or "bib" as the chip table has it.
#tag = "chip"

# The clock of the stamps that are sent: "local" (in the zone below, or the meet's) or "utc".
#clock = "local"
#zone = ""

# CTP01 only: the greeting's words (some programs take a SimpleClient only), and who we are where
# the scoring program asks for it. The password is the first line of a file of its own.
#program = "SimpleClient"
#version = "0.5.0"
#user = ""
#password_file = ""

#[[relay]]
#name = "announcer"
#protocol = "tsv1"
#role = "server"
#port = 10100

# Who may connect to a server, and how many at once.
#allow = []
#max_connections = 8

# TsV1 and TsV2, whose programs cannot ask: what a new connection gets first. "resume" is all that
# the program has not got, with what it was sent in the last minutes (overlap) before it was gone;
# "all" is everything; "new" is nothing but what comes from now on.
#catch_up = "resume"
#overlap = "5m"


# A timing point, and the feeds (the names that the hardware uses) that belong to it. Without
# feeds, the point is fed by its own name. A backup feed counts where the main feeds have nothing;
# shift is added to a feed's times; source = "finish-mat" takes the name from that source only.

#[[point]]
#name = "Finish"
#feeds = ["FINISH1", { name = "FINISH2", backup = true, shift = "-1.5s" }]

# Which read is the time: "best" (strongest), "first", or "last" (for starts).
#rule = "best"

# Reads of a chip that are further apart than this are two passings.
#gap = "10s"

#[[point]]
#name = "Turn"


# A course: at which passing of which point a distance is reached. The last leg is the finish.

#[[course]]
#legs = [{ point = "Turn", distance = 25 }, { point = "Finish", distance = 50, passing = 1 }]

# Event numbers as text; "*" is every event.
#events = ["*"]

# A passing sooner than this after the start does not count.
#minimum = "0s"
"""


class MeetError(Exception):
    """A meet cannot be opened; the message says why and what to do."""


def locate(where: Path) -> Path:
    """The settings file for `where`: the file itself, or `meet.toml` in a folder."""
    return where / FILE_NAME if where.is_dir() else where


def load(path: Path) -> tuple[Settings, bytes]:
    """The settings in `path` (a file, or a folder with `meet.toml`) and the file's bytes.

    Raises `MeetError` naming every mistake with its line.
    """
    file = locate(path)
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        folder = file.parent if file.name == FILE_NAME else path
        above = folder.parent
        if folder.name and (above / FILE_NAME).is_file():
            # Whoever names the meet folder of the meet manager means the meet that it is in.
            raise MeetError(
                f"There is no {file}, but there is a meet in {above}. "
                f"Name that one: --meet {_quote(above)}"
            ) from error
        raise MeetError(
            f"There is no {file}. Make one with: meetlog init {_quote(folder)}"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise MeetError(f"{file} cannot be read: {reason}. Check who may read it.") from error
    try:
        return parse(data), data
    except SettingsError as error:
        count = len(error.mistakes)
        title = "1 mistake" if count == 1 else f"{count} mistakes"
        listed = "\n".join(f"  {mistake}" for mistake in error.mistakes)
        raise MeetError(f"{file} has {title}; nothing was started:\n{listed}") from error


def _quote(folder: Path) -> str:
    text = str(folder)
    return f'"{text}"' if " " in text else text
