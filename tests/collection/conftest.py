"""A collection on disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collection.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "c.sqlite", create=True) as opened:
        yield opened
