"""The console is tried on the meets that the command line is tested on."""

from tests.meetlog.conftest import ended, recorded

__all__ = ["ended", "recorded"]
