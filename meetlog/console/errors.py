"""What keeps a console from being offered."""


class CannotServe(Exception):  # noqa: N818 - named for what it is, as its message is
    """The console cannot be offered. The message says why and what to do."""
