"""Passwords of sources and relays: each in a file of its own, for the log records `meet.toml`."""

from pathlib import Path

from ingest.endpoints import spell
from ingest.errors import IngestError
from wire.settings import RelaySettings, SourceSettings


def read_password(endpoint: SourceSettings | RelaySettings, folder: Path) -> str:
    """The first line of the endpoint's password file, relative to `folder`; "" when it names none.

    Raises `IngestError` for a file that cannot be read.
    """
    if not endpoint.password_file:
        return ""
    path = folder / endpoint.password_file
    try:
        # Editors on Windows begin a file with a mark that is no part of the password.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as e:
        raise IngestError(
            f"{spell(endpoint)}: the password file {path} is not UTF-8: {e.reason}. "
            "Save it as UTF-8."
        ) from e
    except OSError as e:
        raise IngestError(
            f"{spell(endpoint)}: the password file {path} cannot be read: {e.strerror or e}. "
            "Write the password into its first line."
        ) from e
    return lines[0] if lines else ""
