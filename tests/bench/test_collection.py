"""The bench of the collection measures what it says, on a small one."""

import json
from pathlib import Path

import pytest

from bench import collection as bench
from collection.database import Database
from collection.layouts import LAYOUTS
from collection.query import Filter, counts, page, visit


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bench, "CARDS", 200)
    monkeypatch.setattr(bench, "A_SESSION", 100)
    path = tmp_path / "c.sqlite"
    with Database(path, create=True) as database:
        bench.fill(database, 1000)
    return path


def test_the_collection_is_one_that_people_have(small: Path) -> None:
    """Numbers from a collection that no sink would write are of another program."""
    with Database(small) as database:
        found = counts(database, Filter())
        assert found["cards"] + found["unknown"] == 1000
        assert 0 < found["unknown"] < 50
        assert 0 < found["no_finish"] < found["cards"] / 2
        assert visit(database, 500).session == 5
        assert len(page(database, Filter(session=10), 1000)) == 100
        bench.undo(database, 0)
        assert counts(database, Filter())["cards"] + counts(database, Filter())["unknown"] == 999


def test_every_question_is_answered(small: Path) -> None:
    """A page of nothing is quick, and says nothing of a full one."""
    with Database(small) as database:
        empty = [name for name, ask in bench.pages(1000).items() if not ask(database)]
    assert empty == ["a rare name", "a word that none has"], "200 cards have no 1499th name"


def test_an_export_is_watched(small: Path) -> None:
    """As many rows as the file has, whatever stands above them."""
    for layout in (LAYOUTS["plain"], LAYOUTS["dragonshield"]):
        assert 100 < bench.exported(small, layout)["rows"] <= 1000


def test_a_limit_that_is_passed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever runs it in CI reads the exit code alone."""
    monkeypatch.setattr(bench, "CARDS", 50)
    monkeypatch.setattr(bench, "PAGE_MS", 0.0)
    monkeypatch.setattr("sys.argv", ["bench", "--visits", "60", "--json", str(tmp_path / "out.json")])
    assert bench.main() == 1
    assert "limits 0 ms and 16 MB: the newest 50, " in capsys.readouterr().out
    assert json.loads((tmp_path / "out.json").read_text())["visits"] == 60
