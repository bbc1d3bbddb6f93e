"""The AI camera's network, computed on the CPU: it finds cards, and the archive for the camera is the same network."""

import json
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from actors.backends import MODELS
from bench.chip import MODEL, Chip, ChipDetector
from synth.cards import deck, draw
from synth.scene import scenario
from vision.quad import corner_error, iou

SIDE = 1520


@pytest.fixture(scope="module")
def detector() -> ChipDetector:
    return ChipDetector()


def scenes() -> Iterator[tuple[str, int, int]]:
    for width in (SIDE, 2028):
        yield from ((name, seed, width) for name, seed in (("still", 1), ("demo", 0), ("binder", 2)))


@pytest.mark.parametrize(("name", "seed", "width"), list(scenes()))
def test_every_card_is_found(detector: ChipDetector, name: str, seed: int, width: int) -> None:
    """Eight bits, no normalisation and black padding: any of them wrong, and the camera sees an empty table."""
    scene = scenario(name, [(spec.id, draw(spec)) for spec in deck(12)], seed, (width, SIDE))
    frame = scene.frame(scene.frames // 2)
    found = detector(frame.image)
    whole = [card.quad for card in frame.truth if card.visible > 0.9]
    assert whole
    for quad in whole:
        best = max(found, key=lambda one: iou(one.quad, quad))
        assert corner_error(best.quad, quad) < 0.05


def test_an_empty_table_has_no_cards(detector: ChipDetector) -> None:
    """What it takes for a card would be looked at in every frame."""
    scene = scenario("empty", [], 6, (SIDE, SIDE))
    assert detector(scene.frame(0).image) == []


def test_the_archive_is_the_network_that_was_tried() -> None:
    """What runs on the camera cannot be run here: its own description has to say what our file says."""
    with zipfile.ZipFile(MODELS / "imx500.zip") as archive:
        described = ET.fromstring(archive.read("dnnParams.xml")).find(".//network")
        manifest = json.loads(archive.read("manifest.json"))
    assert described is not None
    assert manifest["Target"] == "IMX500"
    takes, gives = (_in_order(described, kind) for kind in ("inputTensor", "outputTensor"))
    chip = Chip()
    width, height = chip.input_size
    answers = chip.tensors(np.zeros((height, width, 3), np.uint8))
    assert [_shape(one) for one in takes] == [(3, height, width)]
    assert [_shape(one) for one in gives] == [one.shape for one in answers]
    taken = takes[0].attrib
    assert (taken["format"], taken["shift"], float(taken["scale"])) == ("unsigned", "0", 1 / 256), "bytes as they are"
    for tensor, answer in zip(gives, answers, strict=True):
        steps = answer / float(tensor.attrib["scale"])
        assert np.allclose(steps, np.round(steps), atol=1e-4), "the steps of 8 bits are those of the archive"


def _in_order(described: ET.Element, kind: str) -> list[ET.Element]:
    return sorted(described.iter(kind), key=lambda one: int(one.attrib["ordinal"]))


def _shape(tensor: ET.Element) -> tuple[int, ...]:
    return tuple(int(one.attrib["size"]) for one in tensor.iter("dimension"))


def test_the_card_names_both_files() -> None:
    """Whoever finds one looks for the other, and for the licence."""
    card = json.loads(MODEL.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["licence"] == "MIT"
    assert {"imx500.onnx", "imx500.zip"} <= set(card["files"])
