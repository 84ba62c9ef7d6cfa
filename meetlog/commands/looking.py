"""`console`: the live page of a meet that no `run` records now, such as yesterday's."""

import sys
from typing import Annotated

import anyio
import msgspec
import typer

from meetlog.commands.options import HERE, MeetOption
from meetlog.opening import find
from meetlog.output import say
from wire.settings import ConsoleSettings

PortOption = Annotated[
    int | None,
    typer.Option(
        "--port",
        help="The TCP port, 0 for a free one; without it, that of meet.toml.",
        min=0,
        max=65535,
        show_default=False,
    ),
]


def console(*, meet: MeetOption = HERE, port: PortOption = None) -> None:
    """Look at a meet in a browser, and correct it, until Ctrl-C.

    The same pages that `run` offers while it records, for a meet that is over.
    """
    from meetlog.console.serving import bind, serve, url_of
    from meetlog.console.signs import Signs

    place = find(meet)
    settings = ConsoleSettings() if place.settings is None else place.settings.console
    if port is not None:
        settings = msgspec.structs.replace(settings, port=port)
    listener = bind(settings)
    url = url_of(settings, listener)

    def ready(_: object) -> None:
        say(f"The console is at {url} until Ctrl-C.")
        sys.stdout.flush()

    anyio.run(serve, meet, settings, listener, Signs(), ready)
