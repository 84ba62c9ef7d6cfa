"""`meetlog run`: record a meet and publish its results until asked to stop."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import anyio
import msgspec
from rich.console import Console
from rich.live import Live

from meetlog.console.beside import beside
from meetlog.display import PlainLines, page, terminal
from meetlog.house import Ears, House, open_house
from meetlog.loading import Loading, StoppedLoading
from meetlog.loglines import LogLine, plain_form
from meetlog.settings import load
from meetlog.stopping import asked_to_stop
from wire.settings import Settings

REFRESH_SECONDS = 0.25


def run(settings_path: Path, *, form: Callable[[LogLine], str] | None = None) -> None:
    """Run the meet of this `meet.toml` until Ctrl-C or SIGTERM; returns after a clean stop.

    `form` is that of the lines to write; without one, a terminal gets the live page instead.
    Raises what opening the house raises, and what made it fail.
    """
    settings, body = load(settings_path)
    anyio.run(_serve, settings_path, settings, body, form)


async def _serve(
    path: Path, settings: Settings, body: bytes, form: Callable[[LogLine], str] | None
) -> None:
    console = None if form else terminal()
    lines = PlainLines(form=form or plain_form)
    with asked_to_stop() as asked:
        ears = Ears(loading=Loading(lines.line, asked.is_set))
        if console is None:
            ears = msgspec.structs.replace(ears, notice=lines.notice, crossings=lines.crossings)
        try:
            async with open_house(path.parent, settings, body, ears) as house:
                _tell_addresses(house, lines)
                ended = anyio.Event()
                async with beside(house, path, lines.line), anyio.create_task_group() as group:
                    group.start_soon(_wait, asked, ended)
                    group.start_soon(_wait, house.failed, ended)
                    group.start_soon(_show, house, console, lines)
                    await ended.wait()
                    group.cancel_scope.cancel()
        except StoppedLoading:
            lines.line("stopped before sources could connect; nothing had arrived")
            return
        if house.failure is not None:
            raise house.failure
    lines.line("stopped; everything that arrived is recorded")


def _tell_addresses(house: House, lines: PlainLines) -> None:
    relays = {relay.name for relay in house.settings.relays}
    for name, addresses in house.addresses.items():
        if addresses:  # a client of a relay has none
            what = "relay" if name in relays else "source"
            lines.line(f"{what} {name} listens on {', '.join(addresses)}", source=name)


async def _wait(event: anyio.Event, ended: anyio.Event) -> None:
    await event.wait()
    ended.set()


async def _show(house: House, console: Console | None, lines: PlainLines) -> None:
    name = house.settings.meet.name
    live: AbstractContextManager[Live | None] = (
        Live(console=console, screen=False, auto_refresh=False) if console else nullcontext()
    )
    with live as shown:
        while True:
            overview = house.overview
            if shown is None:
                lines.overview(overview)
            else:
                shown.update(
                    page(name, overview, house.board.standing(), time.time_ns()), refresh=True
                )
            await anyio.sleep(REFRESH_SECONDS)
