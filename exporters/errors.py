"""What goes wrong at the back door: which operation, on which path, why, and what to do."""


class ExportError(Exception):
    """A file could not be published. The decision to publish it is in the log and stays there."""

    def __init__(self, operation: str, path: str, cause: str, hint: str) -> None:
        self.operation = operation
        self.path = path
        self.cause = cause
        self.hint = hint
        super().__init__(f"{operation} {path}: {cause}")


class Collision(ExportError):  # noqa: N818 - named for the condition, as callers speak of it
    """Something that is not ours stands where a file was to be written; it was left alone."""
