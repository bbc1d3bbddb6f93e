"""Photos in bulk: nothing is lost when a run or a worker dies, and a spreadsheet runs nothing."""

import csv
import io
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from deadly import POISON, look_or_die
from PIL import Image

from actors.backends import open_backend
from actors.photos.annotate import annotated
from actors.photos.job import Here, Job, Looker
from actors.photos.journal import Journal
from actors.photos.processes import Processes
from actors.photos.table import COLUMNS, write_csv
from actors.sections import EmbedderConfig
from catalog.build import build
from synth.cards import deck, draw, write

CARDS = 6
ASKED = {"catalog": "2026", "model": "ab", "cropped": False, "top": 5}


def card(status: str = "confirmed", name: str = "Eevee", **more: Any) -> dict[str, Any]:
    found = {"card_id": "a-1", "name": name, "set_name": "Base", "number": "1", "distance": 0.1}
    known = status != "unknown"
    return {
        "quad": [[100.0, 60.0], [220.0, 60.0], [220.0, 228.0], [100.0, 228.0]],
        "status": status,
        "card_id": "a-1" if known else None,
        "name": name if known else None,
        "distance": 0.1,
        "gap": 0.5,
        "matches": [found],
        **more,
    }


# The journal.


def test_a_journal_goes_on_where_it_was(tmp_path: Path) -> None:
    """A power cut at picture 3,000 of 4,000: the last line is half written, and everything before it is kept."""
    files = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    for file in files:
        file.write_bytes(b"x")
    journal = Journal(tmp_path / "j.jsonl", ASKED)
    journal.add(files[0], {"file": str(files[0]), "cards": []})
    journal.add(files[1], {"file": str(files[1]), "cards": [card()]})
    journal.close()
    with (tmp_path / "j.jsonl").open("ab") as file:
        file.write(b'{"file": "c.p')
    journal = Journal(tmp_path / "j.jsonl", ASKED)
    assert [journal.answered(file) for file in files] == [True, True, False]
    journal.add(files[2], {"file": str(files[2]), "cards": []})
    journal.close()
    lines = [json.loads(line) for line in (tmp_path / "j.jsonl").read_text().splitlines()]
    assert [line.get("file") for line in lines] == [None, *map(str, files)]


def test_what_has_changed_or_failed_is_done_again(tmp_path: Path) -> None:
    """A page that was scanned anew keeps its name; and a disk that was not mounted is no reason to give up for ever."""
    file, broken = tmp_path / "a.png", tmp_path / "b.png"
    file.write_bytes(b"x")
    journal = Journal(tmp_path / "j.jsonl", ASKED)
    journal.add(file, {"file": str(file), "cards": []})
    journal.add(broken, {"file": str(broken), "error": "b.png cannot be read"})
    assert journal.answered(file)
    assert not journal.answered(broken)
    file.write_bytes(b"another")
    assert not journal.answered(file)
    journal.close()


def test_a_journal_of_another_question_is_refused(tmp_path: Path) -> None:
    """Half of the answers from one catalogue and half from another would look like one result."""
    Journal(tmp_path / "j.jsonl", ASKED).close()
    before = (tmp_path / "j.jsonl").read_bytes()
    with pytest.raises(ValueError, match="another catalog, top"):
        Journal(tmp_path / "j.jsonl", {**ASKED, "catalog": "2027", "top": 3})
    assert (tmp_path / "j.jsonl").read_bytes() == before


@pytest.mark.parametrize("content", [b"file,card\na.png,1\n", b'{"file": "a.png"}\n', b"\x00\xff\n", b"[1]\n"])
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """`--out photos.csv` by mistake must not cost the table that lies there."""
    (tmp_path / "j.jsonl").write_bytes(content)
    with pytest.raises(ValueError, match="no journal"):
        Journal(tmp_path / "j.jsonl", ASKED)
    assert (tmp_path / "j.jsonl").read_bytes() == content


# The table.


def test_the_table_has_a_row_for_each_card(tmp_path: Path) -> None:
    """A page of nine is nine rows; an unknown card is one too, with what is nearest and no name of its own."""
    write_csv(
        tmp_path / "t.csv", [{"file": "a.png", "cards": [card(), card("unknown")]}, {"file": "b.png", "cards": []}]
    )
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["file"], row["card"], row["status"], row["card_id"], row["nearest"]) for row in rows] == [
        ("a.png", "1", "confirmed", "a-1", "Eevee"),
        ("a.png", "2", "unknown", "", "Eevee"),
    ]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx"])
def test_no_name_is_a_formula(tmp_path: Path, name: str) -> None:
    """A picture or a catalogue from a stranger must not run anything in a spreadsheet."""
    write_csv(tmp_path / "t.csv", [{"file": name, "cards": [card(name=name)]}])
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["file"] == f"'{name}"
    assert row["nearest"] == f"'{name}"


def test_a_table_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """An answer of another shape halfway through costs neither the old table nor leaves half a new one."""
    (tmp_path / "t.csv").write_text("old")
    with pytest.raises(KeyError):
        write_csv(tmp_path / "t.csv", [{"file": "a.png", "cards": [card()]}, {"file": "b.png"}])
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
    assert (tmp_path / "t.csv").read_text() == "old"


# The drawing.


def test_a_drawing_shows_where_the_cards_are() -> None:
    """The picture as it was, with each outline in the colour of its verdict."""
    grey = np.full((300, 400, 3), 128, np.uint8)
    drawn = np.asarray(
        Image.open(
            io.BytesIO(annotated(grey, [card(), card("unknown", quad=[[250, 60], [370, 60], [370, 228], [250, 228]])]))
        )
    )
    assert drawn.shape == grey.shape
    green, slate = drawn[200, 100].astype(int), drawn[200, 250].astype(int)
    assert green[1] > green[0] + 60
    assert abs(slate - [100, 116, 139]).max() < 40
    assert abs(drawn[20, 20].astype(int) - 128).max() < 6


@pytest.mark.parametrize("name", ["Flabébé", "Nidoran ♀", "ピカチュウ", "", "x" * 300])
def test_any_name_can_be_drawn(name: str) -> None:
    """A letter that the font lacks, or a name longer than the picture, is no reason to lose the page."""
    corner = [[-10.0, -10.0], [20.0, -10.0], [20.0, 32.0], [-10.0, 32.0]]
    assert annotated(np.zeros((60, 40, 3), np.uint8), [card(name=name), card(name=name, quad=corner)])


# The work.


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("bulk")
    write(folder / "cards", CARDS)
    catalogue = folder / "catalogue"
    build(
        folder / "cards", [folder / "cards" / "cards.csv"], catalogue, open_backend(EmbedderConfig(timeout_ms=60_000))
    )
    return Job(catalog=str(catalogue), cropped=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every card, and among them one file that is no picture and one that is not there."""
    folder = tmp_path_factory.mktemp("photos")
    for spec in deck(CARDS):
        cv2.imwrite(str(folder / f"{spec.id}.png"), cv2.cvtColor(draw(spec), cv2.COLOR_RGB2BGR))
    (folder / "text.png").write_text("no picture")
    cards = sorted(folder.glob("*.png"))
    return [*cards[:3], folder / "missing.png", *cards[3:]]


@pytest.fixture(scope="module")
def expected(job: Job, files: list[Path]) -> list[dict[str, Any]]:
    return [answer.found for answer in Here(Looker(job)).answers(files)]


@pytest.fixture
def processes(job: Job) -> Iterator[Processes]:
    workers = Processes(job, 2)
    yield workers
    workers.close()


def pids(workers: Processes) -> list[int]:
    return list(workers._pool._processes)


def test_many_processes_answer_as_one(processes: Processes, files: list[Path], expected: list[dict[str, Any]]) -> None:
    """The same answers in the same order, whoever was quicker; bad pictures in their places."""
    assert [answer.found for answer in processes.answers(files)] == expected
    assert ["error" in answer for answer in expected].count(True) == 2
    assert all(answer["cards"][0]["card_id"] == Path(answer["file"]).stem for answer in expected if "cards" in answer)


def test_a_killed_process_loses_nothing(
    processes: Processes, files: list[Path], expected: list[dict[str, Any]]
) -> None:
    """The kernel kills whoever takes most memory: the others' pictures, and its own, are looked at again."""
    answers = processes.answers(files)
    found = [next(answers).found]
    os.kill(pids(processes)[0], signal.SIGKILL)
    found += [answer.found for answer in answers]
    assert found == expected


def test_a_picture_that_kills_is_answered(job: Job, files: list[Path], expected: list[dict[str, Any]]) -> None:
    """A picture that no process survives must not be tried for ever, nor take the run along."""
    poison = files[0].with_name(POISON)
    workers = Processes(job, 2, look_or_die)
    answers = [answer.found for answer in workers.answers([files[0], poison, *files[1:]])]
    workers.close()
    assert "died" in answers[1]["error"]
    assert str(poison) in answers[1]["error"]
    assert [answers[0], *answers[2:]] == expected
