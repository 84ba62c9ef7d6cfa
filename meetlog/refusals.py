"""Why a statement is refused. Each message says what, why, and what to do; nothing was changed."""


class StatementRefused(Exception):  # noqa: N818 - named for what happened, as the exit code is
    """A statement was not made."""


class Unsayable(StatementRefused):
    """What it names is not there, or it makes no sense as things stand."""


class Stale(StatementRefused):
    """What it is about has changed since the position that its author had seen.

    `changed` has what changed: what it is, as it was seen, and as it is now.
    """

    def __init__(self, message: str, changed: tuple[tuple[str, str, str], ...]) -> None:
        self.changed = changed
        super().__init__(message)


class NotAllowed(StatementRefused):
    """Its author may not say it, or could not prove to be who they say they are."""
