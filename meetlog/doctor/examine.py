"""Examining a meet's computer: measure everything, judge it, and list what was found."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import anyio
import msgspec

from ingest.endpoints import Endpoint, spell
from meetlog.doctor.clock import judge_clock, judge_zone
from meetlog.doctor.console import CertificateFact, judge_console
from meetlog.doctor.disk import judge_place, judge_room, judge_writes
from meetlog.doctor.findings import Finding
from meetlog.doctor.folder import FolderFact, judge_folder
from meetlog.doctor.log import LogFact, judge_log, judge_run, judge_settings
from meetlog.doctor.measuring_console import measure_certificate
from meetlog.doctor.measuring_disk import (
    measure_disk,
    measure_files,
    measure_folder,
    measure_writes,
)
from meetlog.doctor.measuring_machine import measure_clock, measure_power, measure_versions
from meetlog.doctor.measuring_network import measure_firewall, measure_peers, measure_port
from meetlog.doctor.network import (
    PeerFact,
    PortFact,
    judge_firewall,
    judge_peers,
    judge_ports,
)
from meetlog.doctor.power import judge_power
from meetlog.doctor.rights import judge_rights
from meetlog.doctor.versions import judge_versions
from meetlog.growth import BYTES_PER_READ, forecast, pace, size_of
from meetlog.lock import is_taken
from meetlog.settings import FILE_NAME, MeetError, load, locate
from store.event import APP_STARTED, meta_of
from store.log import StoreError
from store.sqlite import SqliteLog
from wire.settings import Settings


class Recorded(msgspec.Struct, frozen=True):
    """What the log tells: how it can be read, its pace, who recorded it and when last."""

    fact: LogFact
    bytes_per_hour: int | None = None
    newest_ns: int | None = None
    version: str = ""


def examine(where: Path, reads: int | None = None) -> tuple[int, list[Finding]]:
    """The log's newest position (0 without one) and everything that was found, by subject.

    `where` is a meet's folder or its `meet.toml`. `reads` is how many an hour are expected,
    instead of the log's own pace. Nothing is changed; probe files are removed again. Raises
    `MeetError` where a file is named that is none of a meet's settings.
    """
    if where.is_file() and where.suffix.casefold() != ".toml":
        raise MeetError(f"{where} is no meet. Name its folder, or its {FILE_NAME}.")
    path = locate(where)
    settings, problem = _settings(path)
    known = settings or Settings()
    log = path.parent / known.log.path
    recorded = read_log(log)
    at_work = is_taken(log)
    found = [judge_settings(str(path), settings, problem), judge_log(recorded.fact)]
    found.append(judge_run(at_work))
    ports, peers, folder = anyio.run(_measure_outside, path.parent, settings, bool(at_work))
    found += judge_ports(ports, bool(at_work))
    found += judge_peers(peers)
    console, certificate = _measure_console(path.parent, settings)
    if settings is not None:
        found += judge_console(console, certificate, bool(at_work))
    others = ports if console is None else [*ports, console]
    found.append(judge_firewall(measure_firewall(), others))
    clock = measure_clock(recorded.newest_ns)
    found += judge_clock(clock)
    if settings is not None:
        found.append(judge_zone(clock, settings.meet.zone))
    stated = None if reads is None else reads * BYTES_PER_READ * (1 + len(known.relays))
    found += _judge_disk(log, recorded, stated)
    if settings is not None and folder is not None:
        found.append(judge_folder(folder, settings.folder.rescan))
        found += judge_rights(measure_files(log, path.parent, settings))
    found += judge_power(measure_power())
    found += judge_versions(measure_versions(recorded.version))
    return recorded.fact.head, found


def _settings(path: Path) -> tuple[Settings | None, str]:
    try:
        return load(path)[0], ""
    except MeetError as error:
        return None, str(error)


def read_log(path: Path) -> Recorded:
    """What the log at `path` tells, as far as it can be read."""
    if not path.exists():
        return Recorded(LogFact(str(path), there=False))
    size = size_of(path)
    try:
        with closing(SqliteLog(path, read_only=True)) as log:
            head = log.head()
            started = None
            after = 0
            while events := log.read(after, kinds=(APP_STARTED,)):
                started = events[-1]
                after = started.position
            return Recorded(
                LogFact(str(path), True, head.position, size),
                pace(log, size),
                head.recorded_at if head.position else None,
                "" if started is None else str(meta_of(started).get("version", "")),
            )
    except StoreError as error:
        return Recorded(LogFact(str(path), True, bytes=size, problem=str(error).rstrip(".")))


def servers_of(settings: Settings) -> list[Endpoint]:
    """Every source and relay that listens."""
    return [each for each in _endpoints(settings) if each.role == "server"]


def clients_of(settings: Settings) -> list[Endpoint]:
    """Every source and relay that calls."""
    return [each for each in _endpoints(settings) if each.role == "client"]


def _endpoints(settings: Settings) -> Sequence[Endpoint]:
    return (*settings.sources, *settings.relays)


async def _measure_outside(
    folder: Path, settings: Settings | None, at_work: bool
) -> tuple[list[PortFact], list[PeerFact], FolderFact | None]:
    if settings is None:
        return [], [], None
    ports = [measure_port(spell(e), e.host, e.port) for e in servers_of(settings)]
    clients = clients_of(settings)
    if at_work:
        # A second connection could push out the run's own: some hardware takes only one.
        peers = [PeerFact(spell(e), e.host, e.port, "not tried") for e in clients]
    else:
        peers = await measure_peers(clients)
    return ports, peers, await measure_folder(folder / settings.folder.path)


def _measure_console(
    folder: Path, settings: Settings | None
) -> tuple[PortFact | None, CertificateFact | None]:
    """Its port, None where it is switched off, and its certificate, None without one."""
    if settings is None or not settings.console.enabled:
        return None, None
    console = settings.console
    return (
        measure_port("the console", console.host, console.port),
        measure_certificate(folder, console, folder / settings.folder.path),
    )


def _judge_disk(log: Path, recorded: Recorded, stated: int | None) -> list[Finding]:
    """`stated` is the bytes an hour that somebody expects, instead of the log's own pace."""
    disk = measure_disk(log.parent)
    rate = recorded.bytes_per_hour if stated is None else stated
    growth = None if rate is None else forecast(rate, disk.free)
    return [
        judge_room(disk, growth, stated=stated is not None),
        judge_place(disk, log.absolute()),
        judge_writes(measure_writes(log.parent)),
    ]
