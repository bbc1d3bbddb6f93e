"""`sleevesight bench micro`: what is measured, and where it is written."""

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from bench.marked import rewrite
from bench.micro import run
from bench.micro.alone import alone
from bench.micro.options import Options
from bench.micro.run import COMPONENTS, Report, chosen, facts, mark, write_page
from bench.micro.table import Row, Table
from cli.main import main

ROOT = Path(__file__).parents[2]
AFTER = "<!-- micro bus: end -->\nbetween\n<!-- micro ring: begin --><!-- micro ring: end -->\nafter\n"
PAGE = f"# Before\n<!-- micro bus: begin -->\nold\n{AFTER}"


def report(component: str, way: str = "ours") -> Report:
    table = Table(title=f"Of {component}.", rows=[Row(way=way, facts={"x": 1.5})], libraries=("numpy",))
    return Report(component=component, machine="a machine", date="2026-11-24", versions={"numpy": "2"}, tables=[table])


def test_names_are_chosen() -> None:
    """None and `all` are all of them; the order is ours, and nothing is measured twice."""
    assert chosen([]) == chosen(["all"]) == list(COMPONENTS)
    assert chosen(["bus", "ring", "bus"]) == ["ring", "bus"]


def test_a_wrong_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Before an hour of measuring, in a line that helps."""
    assert main(["bench", "micro", "ring", "serach"]) == 2
    assert capsys.readouterr().err == "sleevesight: no component is called 'serach': did you mean 'search'?\n"
    with pytest.raises(ValueError, match="there are ring, bus"):
        chosen(["xyz"])


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_component_is_there(name: str) -> None:
    """A name without its file or without its place in the documentation would fail after the others ran."""
    assert callable(importlib.import_module(f"bench.micro.{name}").measure)
    page = (ROOT / "docs" / "performance.md").read_text()
    assert page.count(f"<!-- {mark(name)}: begin -->") == page.count(f"<!-- {mark(name)}: end -->") == 1


def test_a_page_is_changed_between_its_marks_only(tmp_path: Path) -> None:
    """The rest of the page was written by people."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    write_page([report("bus")], page)
    said = page.read_text()
    assert said.startswith("# Before\n<!-- micro bus: begin -->\n\nOf bus.\n\n|  | x |\n")
    assert said.endswith(AFTER)
    assert "old" not in said
    assert "`sleevesight bench micro bus`: a machine; Python " in said
    write_page([report("bus", way="again")], page)
    assert "ours" not in page.read_text()
    assert page.read_text().count("Of bus.") == 1


def test_a_page_without_the_marks_stays_as_it_is(tmp_path: Path) -> None:
    """Half of the tables written, and the other half refused, would be of two machines."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    with pytest.raises(ValueError, match="no lines <!-- micro search: begin"):
        write_page([report("bus"), report("search")], page)
    assert page.read_text() == PAGE
    assert list(tmp_path.iterdir()) == [page]


def test_marks_in_the_wrong_order_are_none(tmp_path: Path) -> None:
    """The end of one that stands before its beginning would swallow the rest of the page."""
    page = tmp_path / "page.md"
    page.write_text("<!-- x: end -->\n<!-- x: begin -->\nkept\n")
    with pytest.raises(ValueError, match="no lines"):
        rewrite(page, {"x": "new"})


def test_the_facts_name_machine_versions_and_day() -> None:
    """A number without them cannot be compared with anything."""
    said = facts(report("bus"))
    assert said.startswith("a machine; Python 3.")
    assert said.endswith("numpy 2; 2026-11-24")


def test_a_library_that_is_missing_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is no reason to fail after everything was measured."""
    table = Table(title="t", rows=[], libraries=("numpy", "no-such-distribution"))
    monkeypatch.setattr(run, "alone", lambda *_: [table])
    (found,) = run.measured(["bus"], Options())
    assert list(found.versions) == ["numpy"]
    assert found.machine.endswith("cores")


def test_what_was_measured_is_printed_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The options reach the components, and one run gives all three forms of its tables."""
    asked: list[tuple[list[str], Options]] = []

    def measured(names: Sequence[str], options: Options) -> Iterator[Report]:
        asked.append((list(names), options))
        return map(report, names)

    monkeypatch.setattr(run, "measured", measured)
    page, file = tmp_path / "page.md", tmp_path / "out.json"
    page.write_text(PAGE)
    options = ["--dim", "8", "--cache", str(tmp_path), "--json", str(file), "--markdown", str(page)]
    assert main(["bench", "micro", "ring", "bus", *options]) == 0
    assert asked == [(["ring", "bus"], Options(dim=8, cache=tmp_path))]
    assert msgspec.json.decode(file.read_bytes(), type=list[Report]) == [report("ring"), report("bus")]
    out = capsys.readouterr().out
    assert "== ring ==\nOf ring.\n" in out
    assert "Of ring." in page.read_text()


def test_a_page_is_looked_at_before_anything_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not after an hour."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert main(["bench", "micro", "embed", "--markdown", str(page)]) == 2
    assert "no lines <!-- micro embed: begin -->" in capsys.readouterr().err
    assert main(["bench", "micro", "embed", "--markdown", str(tmp_path / "none.md")]) == 2
    assert "none.md: No such file" in capsys.readouterr().err


def test_quick_figures_are_for_no_page(capsys: pytest.CaptureFixture[str]) -> None:
    """A handful of rounds would stand there as if they were the measurement."""
    with pytest.raises(SystemExit):
        main(["bench", "micro", "--quick", "--markdown", "docs/performance.md"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_what_was_measured_stays_when_the_next_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first tables of a long run must not be lost with the last."""

    def measured(names: Sequence[str], _options: Options) -> Iterator[Report]:
        yield report(names[0])
        raise RuntimeError("out of memory")

    monkeypatch.setattr(run, "measured", measured)
    page, file = tmp_path / "page.md", tmp_path / "out.json"
    page.write_text(PAGE)
    assert main(["bench", "micro", "ring", "bus", "--json", str(file), "--markdown", str(page)]) == 2
    assert "Of ring." in page.read_text()
    assert msgspec.json.decode(file.read_bytes(), type=list[Report]) == [report("ring")]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out.json", "page.md"]


def test_alone_passes_on_what_happens() -> None:
    """The answer, and the error that people are to read."""
    assert alone(divmod, 7, 2) == (3, 1)
    with pytest.raises(ValueError, match="invalid literal"):
        alone(int, "x")
