"""`sleevesight identify`: the promised JSON, the right names, and one bad picture that stops no other."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import cv2
import msgspec
import numpy as np
import pytest
from command import Command, Ran, Shop, tree

from catalog.picture import read_picture

Identify = Callable[..., Ran]


class NearMatch(msgspec.Struct, forbid_unknown_fields=True):
    card_id: str
    name: str
    set_name: str
    number: str
    distance: float


class FoundCard(msgspec.Struct, forbid_unknown_fields=True):
    quad: tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
    status: Literal["confirmed", "uncertain", "unknown"]
    card_id: str | None
    name: str | None
    distance: float
    gap: float
    matches: list[NearMatch]


class Answered(msgspec.Struct, forbid_unknown_fields=True):
    file: str
    cards: list[FoundCard]


class Failed(msgspec.Struct, forbid_unknown_fields=True):
    file: str
    error: str


def answered(ran: Ran) -> list[Answered]:
    """The lines of a run that went well, checked against the promised form."""
    assert (ran.code, ran.err) == (0, "")
    return [msgspec.json.decode(line, type=Answered) for line in ran.out.splitlines()]


@pytest.fixture
def identify(command: Command, shop: Shop) -> Identify:
    return lambda *rest: command("identify", "--catalog", shop.catalogue, *rest)


def test_a_photo_of_two_cards(identify: Identify, shop: Shop) -> None:
    """From the pixels to the names, through the real detector and the shipped model; one lies upside down."""
    (answer,) = answered(identify("--json", shop.photo))
    assert answer.file == str(shop.photo)
    assert [card.card_id for card in answer.cards] == [shop.specs[3].id, shop.specs[5].id]
    assert [card.name for card in answer.cards] == [shop.specs[3].name, shop.specs[5].name]
    assert {card.status for card in answer.cards} == {"confirmed"}
    upright, turned = answer.cards
    assert upright.quad[0] == pytest.approx((90, 64), abs=25)
    assert turned.quad[0] == pytest.approx((770, 456), abs=25)


def test_the_matches_are_ranked_and_complete(identify: Identify, shop: Shop) -> None:
    """The first of them is the answer, and each says which printing it is."""
    (answer,) = answered(identify("--json", "--cropped", "--top", 4, shop.pictures / f"{shop.specs[0].id}.jpg"))
    (card,) = answer.cards
    assert len(card.matches) == 4
    first = card.matches[0]
    assert (first.card_id, first.name, first.set_name, first.number) == (
        shop.specs[0].id,
        shop.specs[0].name,
        shop.specs[0].set_name,
        shop.specs[0].number,
    )
    assert (card.card_id, card.distance) == (first.card_id, first.distance)
    assert card.distance == pytest.approx(0, abs=1e-3)
    assert len({match.card_id for match in card.matches}) == 4


def test_every_cropped_reference_is_itself(identify: Identify, shop: Shop) -> None:
    """The least that can be asked: pictures that the catalogue was built from, and no detector in between."""
    files = [shop.pictures / f"{spec.id}.jpg" for spec in shop.specs]
    found = answered(identify("--json", "--cropped", *files))
    assert [answer.file for answer in found] == [str(file) for file in files]
    assert [answer.cards[0].card_id for answer in found] == [spec.id for spec in shop.specs]


def test_a_cropped_picture_upside_down(identify: Identify, shop: Shop, tmp_path: Path) -> None:
    """Scanners do not care; the quad begins at the card's own corner."""
    picture = read_picture(shop.pictures / f"{shop.specs[1].id}.jpg")[::-1, ::-1]
    cv2.imwrite(str(tmp_path / "x.png"), cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2BGR))
    (answer,) = answered(identify("--json", "--cropped", tmp_path / "x.png"))
    assert answer.cards[0].card_id == shop.specs[1].id
    assert answer.cards[0].quad[0] == (255.5, 357.5)


def test_a_card_that_is_not_there_has_no_name(identify: Identify, tmp_path: Path) -> None:
    """`card_id` and `name` are null, and the nearest is still told."""
    noise = np.random.default_rng(1).integers(0, 256, (36, 26, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "x.png"), cv2.resize(noise, (256, 358), interpolation=cv2.INTER_NEAREST))
    (answer,) = answered(identify("--json", "--cropped", tmp_path / "x.png"))
    (card,) = answer.cards
    assert (card.status, card.card_id, card.name) == ("unknown", None, None)
    assert card.matches


def test_an_empty_table_has_no_cards(identify: Identify, tmp_path: Path) -> None:
    """No card is an answer, not an error."""
    cv2.imwrite(str(tmp_path / "x.png"), np.full((300, 400, 3), 90, np.uint8))
    (answer,) = answered(identify("--json", tmp_path / "x.png"))
    assert answer.cards == []


@pytest.fixture
def bad(tmp_path: Path) -> list[Path]:
    """Pictures that are none: missing, empty, text, a folder, cut off, and a JPEG of no size."""
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.png").write_text("this is no picture")
    (tmp_path / "folder.jpg").mkdir()
    whole = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 256, (200, 150, 3), np.uint8))[1].tobytes()
    (tmp_path / "cut.jpg").write_bytes(whole[:300])
    return [tmp_path / name for name in ("missing.jpg", "empty.jpg", "text.png", "folder.jpg", "cut.jpg")]


def test_bad_pictures_stop_no_other(identify: Identify, shop: Shop, bad: list[Path], tmp_path: Path) -> None:
    """A thousand photos are named over night: one that is broken is said so, in place, and the exit code tells."""
    before = tree(tmp_path)
    good = shop.pictures / f"{shop.specs[2].id}.jpg"
    ran = identify("--json", "--cropped", bad[0], good, *bad[1:], good)
    lines = ran.out.splitlines()
    assert ran.code == 1
    assert len(lines) == 7
    for line, file in zip([lines[0], *lines[2:6]], bad, strict=True):
        failed = msgspec.json.decode(line, type=Failed)
        assert failed.file == str(file)
        assert failed.error.startswith(str(file))
    for line in (lines[1], lines[6]):
        assert msgspec.json.decode(line, type=Answered).cards[0].card_id == shop.specs[2].id
    assert [line.split()[:2] for line in ran.err.splitlines()] == [["sleevesight:", str(file)] for file in bad]
    assert tree(tmp_path) == before


def test_bad_pictures_for_people(identify: Identify, shop: Shop, bad: list[Path]) -> None:
    """The same without --json: names on standard output, complaints on standard error, each picture named once."""
    good = shop.pictures / f"{shop.specs[2].id}.jpg"
    ran = identify("--cropped", bad[0], good)
    assert ran.code == 1
    assert ran.err == f"sleevesight: {bad[0]} cannot be read: No such file or directory\n"
    first, second, last = ran.out.splitlines()
    assert first == f"{good}: 1 card"
    assert shop.specs[2].name in second
    assert "confirmed" in second
    assert last == "2 pictures, 1 cards: 1 confirmed; 1 pictures could not be read"


def test_a_speck_is_named_with_its_file(identify: Identify, tmp_path: Path) -> None:
    """The size alone would not say which of a thousand pictures it was."""
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((1, 1, 3), np.uint8))
    ran = identify("--json", "--cropped", tmp_path / "dot.png")
    assert ran.code == 1
    assert json.loads(ran.out)["error"] == f"{tmp_path / 'dot.png'}: a picture of 1x1 px shows no card"


def test_words_are_for_all_three_verdicts(identify: Identify, shop: Shop, tmp_path: Path) -> None:
    """The text form names the nearest for a stranger."""
    noise = np.random.default_rng(1).integers(0, 256, (36, 26, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "x.png"), cv2.resize(noise, (256, 358), interpolation=cv2.INTER_NEAREST))
    ran = identify("--cropped", tmp_path / "x.png")
    assert "not in the catalogue, nearest " in ran.out


def damaged(shop: Shop, to: Path, name: str) -> Path:
    shutil.copytree(shop.catalogue, to)
    (to / name).write_bytes((to / name).read_bytes()[:-9])
    return to


def test_a_missing_catalogue(command: Command, shop: Shop, tmp_path: Path) -> None:
    """The first thing that goes wrong for everybody: which folder, and how to get one."""
    line = command("identify", "--catalog", tmp_path / "none", shop.photo).refusal()
    assert line.startswith(f"{tmp_path / 'none'} is no catalogue")
    assert "sleevesight catalog build" in line


@pytest.mark.parametrize(
    "name", ["manifest.json", "index.json", "metadata.json", "embeddings.npy", "hashes.npy", "usearch.index"]
)
def test_a_half_written_catalogue(command: Command, shop: Shop, tmp_path: Path, name: str) -> None:
    """A copy that was interrupted: the damaged file is named, and nothing is answered from it."""
    folder = damaged(shop, tmp_path / "half", name)
    line = command("identify", "--catalog", folder, shop.photo).refusal()
    assert str(folder) in line
    assert name in line
    assert "rebuild" in line


def test_a_catalogue_of_another_model(command: Command, shop: Shop, tmp_path: Path) -> None:
    """Distances would mean nothing, and every card would be unknown."""
    shutil.copytree(shop.catalogue, tmp_path / "other")
    manifest = json.loads((tmp_path / "other" / "manifest.json").read_text())
    manifest["model"]["hash"] = "ab" * 32
    (tmp_path / "other" / "manifest.json").write_text(json.dumps(manifest))
    line = command("identify", "--catalog", tmp_path / "other", shop.photo).refusal()
    assert "abababababab" in line
    assert "rebuild the catalogue" in line


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_a_model_that_is_none(command: Command, shop: Shop, tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty (a failed download) or something else."""
    model = tmp_path / "my.onnx"
    if content is not None:
        model.write_bytes(content)
    line = command("identify", "--catalog", shop.catalogue, "--model", model, shop.photo).refusal()
    assert str(model) in line


@pytest.fixture
def pages(shop: Shop, tmp_path: Path) -> Path:
    """A folder with pictures in two folders, and something that is none."""
    folder = tmp_path / "pages"
    (folder / "second").mkdir(parents=True)
    shutil.copy(shop.photo, folder / "page.png")
    shutil.copy(shop.pictures / f"{shop.specs[0].id}.jpg", folder / "second" / "card.jpg")
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_a_folder_of_photos(identify: Identify, pages: Path, shop: Shop, tmp_path: Path) -> None:
    """A table, a CSV and an annotated picture for each file; what is no picture in the folder is left alone."""
    ran = identify(pages, "--csv", tmp_path / "cards.csv", "--annotate", tmp_path / "drawn")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "2 pictures, 3 cards: 3 confirmed"
    rows = (tmp_path / "cards.csv").read_text().splitlines()
    assert [row.split(",")[3] for row in rows[1:]] == [shop.specs[number].id for number in (3, 5, 0)]
    drawn = read_picture(tmp_path / "drawn" / "page.png.jpg")
    assert drawn.shape == read_picture(pages / "page.png").shape
    assert (tmp_path / "drawn" / "second" / "card.jpg").is_file()


def test_an_interrupted_run_goes_on(identify: Identify, pages: Path, tmp_path: Path) -> None:
    """What is in the journal is not looked at again, and counts as if it had been."""
    identify(pages / "page.png", "--out", tmp_path / "j.jsonl")
    ran = identify(pages, "--out", tmp_path / "j.jsonl", "--csv", tmp_path / "cards.csv")
    assert ran.code == 0
    assert ran.err == f"1 of 2 pictures are in {tmp_path / 'j.jsonl'} already\n"
    assert "page.png" not in ran.out
    assert ran.out.splitlines()[-1] == "2 pictures, 3 cards: 3 confirmed"
    assert len((tmp_path / "cards.csv").read_text().splitlines()) == 4


def test_many_processes_print_the_same(identify: Identify, pages: Path) -> None:
    """Whoever adds `--jobs` wants time back, not other answers."""
    assert identify("--json", pages, "--jobs", 2) == identify("--json", pages)


def test_no_picture_is_drawn_over(identify: Identify, pages: Path) -> None:
    """`--annotate .` would put outlines over the very scans."""
    (pages / "page.png").unlink()
    before = tree(pages)
    line = identify(pages / "second", "--annotate", pages / "second").refusal()
    assert "would write over" in line
    assert tree(pages) == before


def test_a_folder_without_pictures_is_refused(identify: Identify, tmp_path: Path) -> None:
    """No picture named, no answer: silence would look like success."""
    assert "holds no pictures" in identify(tmp_path).refusal()
