"""The meets that the tests of the command line and of the console look at."""

from pathlib import Path

import pytest

from tests.meetlog.meets import RecordedMeet, swum


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedMeet:
    """A heat swum and published, a lost chip, a bad line, a gap; still being recorded."""
    meet = swum(tmp_path_factory.mktemp("meet"))
    meet.lost()
    meet.disconnect()
    meet.connect(2)
    meet.publish()
    return meet


@pytest.fixture
def ended(tmp_path: Path) -> RecordedMeet:
    """A meet of its own for tests that change it."""
    meet = swum(tmp_path / "meet")
    meet.end()
    return meet
