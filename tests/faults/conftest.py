"""What the tests of real faults share: programs that begin at once, and small disks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disks import SmallDisk, small_disk
from tests.kit.nursery import Nursery, nursery_in


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Where programs begin at once."""
    with nursery_in(tmp_path_factory.mktemp("nursery") / "nursery") as nursery:
        yield nursery


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of its own, of 24 MB."""
    with small_disk(tmp_path / "disk") as disk:
        yield disk
