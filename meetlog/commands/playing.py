"""`replay --to`: a log played into scoring software, through the protocol that it speaks."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from fractions import Fraction
from functools import partial
from pathlib import Path

import anyio
import msgspec
import typer

from meetlog.asof import UpTo, require
from meetlog.exits import Exit
from meetlog.instants import NoSuchInstant, first_from, position_at
from meetlog.opening import Place, open_log
from meetlog.output import print_json, progress, say
from meetlog.passwords import read_password
from meetlog.play.address import Address, parse_address
from meetlog.play.handing import Ears, Player, Playing
from meetlog.play.scratch import Span, decisions, known_items, queue_items
from meetlog.play.telling import PlayReport, summary
from meetlog.settings import load
from projections.folding import settings_at
from projections.relays import Stream
from store.log import Log
from store.sqlite import SqliteLog
from store.verify import verify
from wire.errors import WireError
from wire.settings import RelaySettings, Settings, parse_duration
from wire.settings_relays import check_relays
from wire.tomlfile import Path as KeyPath

NAME = "replay"  # what the connection is called in messages
_OPTIONS = {"points": "--point", "sources": "--source", "chips": "--chip", "heats": "--heat"}


class Wanted(msgspec.Struct, frozen=True):
    """What somebody wants played. `changes` are settings of a relay; what is empty is not said."""

    to: str
    begin: str
    until: str
    speed: str
    pace: Fraction | None
    settings: Path | None
    like: str
    password_file: Path | None
    wait: str
    changes: Mapping[str, str | tuple[str, ...] | None]


def play(log: Path, wanted: Wanted, *, json: bool) -> None:
    """Play it, and tell what came of it; ends with `typer.Exit` unless the peer got everything."""
    address, patience = _address(wanted.to), _patience(wanted.wait)
    with open_log(log) as (opened, place):
        other = None if wanted.settings is None else load(wanted.settings)[0]
        span = _span(opened, wanted, place, plain=not json)
        settings = other or settings_at(span.log)
        relay = _relay(address, wanted, settings)
        password = _password(relay, wanted, place)
        with (
            tempfile.TemporaryDirectory(prefix="meetlog-replay-") as folder,
            closing(SqliteLog(Path(folder) / "scratch.db")) as scratch,
        ):
            with progress("Collecting", plain=not json) as told:
                known = known_items(span, relay, settings, lambda done: told(done, span.end))
                queue_items(scratch, NAME, known, paced=wanted.pace is not None)
            stream = Stream()
            for fact in decisions(scratch):
                stream.take(fact)
            if not stream.items:
                raise NoSuchInstant(
                    f"Nothing to send: in events {span.begin} to {span.end} of {place.log} there "
                    f"is no {'crossing' if relay.send == 'crossings' else 'read'} that was asked "
                    "for. Look at --from, --until and the filters, or at: meetlog crossings."
                )
            playing = Playing(
                scratch, relay, settings, password, stream, _recorded_at(opened), wanted.pace,
                patience,
            )  # fmt: skip
            with progress("Playing", plain=not json) as told:
                ears = Ears(
                    partial(told.say, aside=json),
                    lambda done: told(min(done, stream.items), stream.items),
                )
                count = f"{stream.items} items of events {span.begin} to {span.end}"
                ears.say(f"{count} go to {address}.")
                player = anyio.run(partial(_playing, playing, ears))
    report = _report(place.log, span, address, wanted, player)
    if json:
        print_json("replay", span.end, [report])
    else:
        say(summary(report))
    if player.ended:
        raise typer.Exit(Exit.INTERRUPTED if player.interrupted else Exit.SOURCE)


async def _playing(playing: Playing, ears: Ears) -> Player:
    player = Player(playing, ears)
    await player.play()
    return player


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--to'") from error


def _patience(text: str) -> int:
    if not text:
        return 0
    try:
        found = parse_duration(text)
    except WireError as error:
        hint = 'write a number and ms, s, m or h, such as "2m"'
        raise typer.BadParameter(f"{text!r} is no duration: {hint}.", param_hint="'--wait'") from (
            error
        )
    if found <= 0:
        raise typer.BadParameter("it must be more than nothing.", param_hint="'--wait'")
    return found


def _span(opened: Log, wanted: Wanted, place: Place, *, plain: bool) -> Span:
    """The events to play, verified. Raises `LogDamaged` and `NoSuchInstant`."""
    zone = settings_at(opened).meet.zone
    end = position_at(opened, wanted.until, zone) if wanted.until else opened.head().position
    begin = first_from(opened, wanted.begin, zone) if wanted.begin else 1
    if not 1 <= begin <= end:
        raise NoSuchInstant(f"From event {begin} to event {end} there is none: nothing to play.")
    past = UpTo(opened, end)
    with progress("Verifying", plain=plain) as told:
        require(verify(past, progress=told), place.log)
    return Span(past, begin, end)


def _relay(address: Address, wanted: Wanted, settings: Settings) -> RelaySettings:
    """The relay to be: that of `--like` or one with defaults, changed as the options say."""
    relay = RelaySettings(NAME, address.protocol, address.role, address.port, address.host)
    if wanted.like:
        found = next((r for r in settings.relays if r.name == wanted.like), None)
        if found is None:
            known = ", ".join(r.name for r in settings.relays) or "none"
            raise typer.BadParameter(
                f"there is no relay {wanted.like!r} in the settings (there are: {known}).",
                param_hint="'--like'",
            )
        relay = msgspec.structs.replace(
            found, name=NAME, protocol=address.protocol, role=address.role, host=address.host,
            port=address.port, allow=(), catch_up="resume",
        )  # fmt: skip
    said = {key: value for key, value in wanted.changes.items() if value}
    relay = msgspec.structs.replace(relay, **said)
    mistakes: list[tuple[str, str]] = []

    def report(path: KeyPath, problem: str, remedy: str) -> None:
        option = _OPTIONS.get(str(path[2]))
        if option:
            mistakes.append((option, f"{problem} ({remedy})" if remedy else problem))

    check_relays(msgspec.structs.replace(settings, relays=(relay,)), report)
    for option, text in mistakes:
        raise typer.BadParameter(f"{text}.", param_hint=f"'{option}'")
    return relay


def _password(relay: RelaySettings, wanted: Wanted, place: Place) -> str:
    """The password, of the file named here or of the relay's own. Raises `IngestError`."""
    if wanted.password_file is not None:
        named = msgspec.structs.replace(relay, password_file=str(wanted.password_file))
        return read_password(named, Path())
    return read_password(relay, place.settings_path.parent if place.settings_path else Path())


def _recorded_at(log: Log) -> Callable[[int], int]:
    def at(position: int) -> int:
        return log.read(position - 1, 1)[0].recorded_at

    return at


def _report(log: Path, span: Span, address: Address, wanted: Wanted, player: Player) -> PlayReport:
    tally, playing = player.tally, player.playing
    stream = playing.stream
    return PlayReport(
        log=str(log),
        begin=span.begin,
        position=span.end,
        to=str(address),
        send=playing.relay.send,
        speed=wanted.speed,
        items=stream.items,
        locations=dict(stream.counts),
        shortened=stream.locations | stream.tags,
        peers=tuple(tally.peers),
        connections=tally.connections,
        sent=tally.sent,
        again=tally.again,
        complete=not player.ended,
        owed=tally.owed if player.ended else (),
        ended=player.ended,
    )
