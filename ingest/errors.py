"""The one error with which ingest stops a start: a source that cannot work as it is configured."""


class IngestError(Exception):
    """A source cannot be started. The message names it, what failed, and what to do."""
