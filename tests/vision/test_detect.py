"""The detector as its callers see it: pictures in, quads out."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from detect_pictures import lay, table, tilted, turned, upright
from numpy.typing import NDArray

from actors.backends import MODELS
from actors.backends.detector import CLOSE_UP, FINDER, open_detector
from catalog.embedding import ModelError
from vision.detect import DetectorSettings
from vision.detection import Detection
from vision.detector.pyramid import Pyramid
from vision.quad import Quad, area, as_quad, corner_error, iou, portrait, size

detect = open_detector()
SHARED = Path(__file__).resolve().parents[3] / "shared" / "real"


def the_one(picture: NDArray[np.uint8], truth: Quad) -> float:
    """The corner error of the only detection."""
    found = detect(picture)
    assert len(found) == 1
    assert found[0].quad.dtype == np.float32
    assert np.array_equal(found[0].quad, portrait(found[0].quad))
    assert 0.5 <= found[0].score <= 1.0
    return corner_error(found[0].quad, portrait(truth))


@pytest.mark.parametrize("degrees", range(0, 180, 15))
def test_a_card_is_found_at_any_angle(degrees: int) -> None:
    """Corners collapse near 45° and short edges swap with long ones when the order of corners is taken for granted."""
    truth = turned(upright(450, 450, 260), degrees)
    assert the_one(lay(table(), truth), truth) < 0.02


@pytest.mark.parametrize("axis", [0, 40, 90])
def test_a_tilted_card_is_found(axis: int) -> None:
    """Perspective bends the aspect and the angles that a detector may ask for."""
    truth = tilted(360, 35, axis)
    assert the_one(lay(table(), truth), truth) < 0.02


@pytest.mark.parametrize("width", [70, 140, 560])
def test_small_and_large_cards_are_found(width: int) -> None:
    """A single scale loses the cards that are small in the frame or fill it."""
    truth = turned(upright(450, 450, width), 8)
    assert the_one(lay(table(), truth), truth) < 0.04


def test_neighbours_stay_apart() -> None:
    """Two cards side by side have a card's proportions together; so have the page and many groups in it."""
    picture, truths = table(1200, 1200), []
    for row in range(3):
        for column in range(3):
            truths.append(upright(300 + 290 * column, 220 + 385 * row, 260))
            picture = lay(picture, truths[-1], seed=3 * row + column)
    found = [one.quad for one in detect(picture)]
    assert all(max(iou(quad, truth) for truth in truths) > 0.8 for quad in found)
    assert sum(max((iou(quad, truth) for quad in found), default=0) > 0.8 for truth in truths) >= 8


def test_a_thumb_on_a_corner_does_not_move_it() -> None:
    """A corner taken from the outline instead of the sides' lines lies on the finger."""
    truth = turned(upright(450, 450, 300), 10)
    picture = lay(table(), truth)
    cv2.ellipse(picture, truth[2].astype(int).tolist(), (90, 40), 40, 0, 360, (215, 160, 130), -1, cv2.LINE_AA)
    assert the_one(picture, truth) < 0.04


def test_a_picture_of_a_card_alone_is_the_card() -> None:
    """A scan has no table around the card whose edge could be seen."""
    picture = lay(table(504, 704), upright(251.5, 351.5, 504))
    found = detect(picture)
    assert len(found) == 1
    assert area(found[0].quad) == pytest.approx(504 * 704, rel=0.03)


def test_nothing_is_found_where_nothing_is() -> None:
    """Noise, gradients, sheets of paper and frames without content are what a camera sees most of the time."""
    rng = np.random.default_rng(3)
    ramp = np.tile(np.linspace(0, 255, 900, dtype=np.uint8)[:, None, None], (1, 900, 3))
    paper = cv2.fillPoly(table(), [turned(upright(450, 450, 300), 20).astype(np.int32)], (235, 235, 230))
    noise = rng.integers(0, 256, (600, 800, 3), dtype=np.uint8)
    for picture in (table(), ramp, paper, noise, np.zeros((480, 640, 3), np.uint8)):
        assert detect(picture) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (500, 2), (16, 16)])
def test_frames_of_any_size_are_taken(shape: tuple[int, int]) -> None:
    """A cropped or broken frame must not end the capture process."""
    rng = np.random.default_rng(1)
    assert isinstance(detect(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)), list)


def test_the_frame_stays_as_it_is() -> None:
    """Frames lie in memory that others read: mapped read-only, and mirrored or cut without a copy."""
    truth = turned(upright(450, 450, 260), 30)
    picture = lay(table(), truth)
    picture.setflags(write=False)
    before = picture.copy()
    first = detect(picture)
    assert np.array_equal(picture, before)
    again = detect(np.asfortranarray(picture)[:, :, :])
    assert np.array_equal(first[0].quad, again[0].quad)
    assert len(detect(picture[:, ::-1])) == 1


@pytest.mark.parametrize(
    "frame", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32)]
)
def test_other_pictures_are_refused(frame: NDArray[np.uint8]) -> None:
    """A grey or float frame would otherwise fail deep inside with a message about something else."""
    with pytest.raises(ValueError, match=r"a frame is uint8 RGB \[height, width, 3\]"):
        detect(frame)


def test_known_cards_are_taken_as_they_are() -> None:
    """Cards that lie still are not looked at again; one that is put down beside them is found as ever."""
    here, there = upright(250, 300, 200), upright(650, 500, 200)
    picture = lay(lay(table(), here), there, seed=2)
    known = Detection(here + np.float32(1.0), 0.97)
    found = detect.look(Pyramid(picture), [known])
    assert len(found) == 2
    assert any(one is known for one in found)
    assert any(corner_error(one.quad, portrait(there)) < 0.02 for one in found)


def test_a_card_is_looked_at_from_where_it_lay() -> None:
    """From the frame before, one look is enough; a card that moved on is found from where it is now."""
    truth = turned(upright(450, 450, 260), 20)
    picture = lay(table(), truth)
    for shift in (2.0, 60.0):
        (one,) = detect.look(Pyramid(picture), (), [Detection(portrait(truth + np.float32(shift)), 0.9)])
        assert corner_error(one.quad, portrait(truth)) < 0.02


def test_looking_beside_the_search_sees_the_same() -> None:
    """A card that lay there, one that moved on, one that left, a still one and a new one: all as in turn."""
    here, moved, new, still = (upright(x, y, 180) for x, y in ((200, 220), (500, 220), (800, 220), (200, 600)))
    picture = table(1000, 1000)
    for seed, quad in enumerate((here, moved, new, still)):
        picture = lay(picture, quad, seed=seed)
    known = Detection(portrait(still), 0.9)
    shifted = [here + np.float32(2), moved + np.float32(60), upright(700, 700, 180)]
    before = [*(Detection(portrait(quad), 0.9) for quad in shifted), known]
    beside = open_detector(threads=2)
    found = [eye.look(Pyramid(picture), [known], before) for eye in (detect, beside)]
    assert [one.score for one in found[1]] == [one.score for one in found[0]]
    np.testing.assert_array_equal([one.quad for one in found[1]], [one.quad for one in found[0]])
    assert len(found[0]) == 4


@pytest.mark.parametrize("threads", [1, 2])
def test_cards_are_looked_at_again_where_they_lay(threads: int) -> None:
    """In the first frame at rest: better corners for what lies there, an end to what does not, and no search."""
    places = [upright(x, y, 180) for x, y in ((200, 220), (500, 220), (800, 220))]
    picture = lay(table(1000, 1000), upright(200, 600, 180), seed=3)
    for seed, quad in enumerate(places):
        picture = lay(picture, quad, seed=seed)
    blurred = [Detection(portrait(quad + np.float32(4)), 0.8) for quad in (*places, upright(700, 700, 180))]
    found = open_detector(threads=threads).again(Pyramid(picture), blurred)
    assert len(found) == 3
    for quad in places:
        assert min(corner_error(one.quad, portrait(quad)) for one in found) < 0.01
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_a_scan_looked_at_again_is_all_of_it() -> None:
    """Frame by frame, the card of a film of scans must not shrink to what the close-up takes for its edges."""
    picture = Pyramid(lay(table(504, 704), upright(251.5, 351.5, 504)))
    first = detect.look(picture)
    (again,) = detect.again(picture, first)
    np.testing.assert_array_equal(again.quad, first[0].quad)


def test_two_threads_may_look_at_one_frame() -> None:
    """A reduction made twice would take the place of the next one, and cards would be cut out at half their size."""
    frame = np.random.default_rng(0).integers(0, 255, (1520, 1520, 3), np.uint8)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            pyramid = Pyramid(frame)
            sides = pool.map(lambda level, it=pyramid: it.level(level).shape[0], [4, 3, 2, 1] * 4)
            assert list(sides) == [95, 190, 380, 760] * 4


def test_settings_are_kept() -> None:
    """A user who asks for large and sure cards must not get others."""
    truth = turned(upright(450, 450, 260), 5)
    picture = lay(table(), truth)
    assert open_detector(MODELS, DetectorSettings(min_width_px=300))(picture) == []
    assert open_detector(MODELS, DetectorSettings(min_score=1.1))(picture) == []
    assert len(open_detector(MODELS, DetectorSettings(min_width_px=250))(picture)) == 1


def read(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real pictures is not beside the checkout")
def test_most_cards_of_real_photos_are_found() -> None:
    """Rendered cards lie cleaner than real ones: hands, carpets, toploaders and shadows are in these photos."""
    rows = list(csv.DictReader((SHARED / "photos.csv").open(newline="")))
    found = {file: detect(read(SHARED / file)) for file in {row["file"] for row in rows}}
    truths = [(row["file"], as_quad(np.array(row["quad"].split(), np.float32).reshape(4, 2))) for row in rows]
    hits = sum(any(iou(one.quad, quad) > 0.8 for one in found[file]) for file, quad in truths)
    assert hits >= 0.75 * len(truths)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real pictures is not beside the checkout")
def test_nothing_is_found_in_photos_without_cards() -> None:
    """Plates, a laptop, zebras and a playmat are no cards."""
    for path in sorted((SHARED / "empty").glob("*.jpg")):
        assert [tuple(map(round, size(one.quad))) for one in detect(read(path))] == [], path.name


def test_a_model_that_is_no_detector_is_refused(tmp_path: Path) -> None:
    """Another model in its place would give quads of nothing, or fail deep inside at the first frame."""
    for name, model in ((FINDER, "embedder.onnx"), (CLOSE_UP, FINDER)):
        for file in (FINDER, CLOSE_UP):
            (tmp_path / file).write_bytes((MODELS / file).read_bytes())
        (tmp_path / name).write_bytes((MODELS / model).read_bytes())
        with pytest.raises(ModelError, match=rf"detector .*{name} takes .*; it has to take uint8"):
            open_detector(tmp_path)
    (tmp_path / FINDER).write_bytes(b"no model")
    with pytest.raises(ModelError, match="is no ONNX model that can be run here"):
        open_detector(tmp_path)
    with pytest.raises(ModelError, match=r"finder\.onnx cannot be read"):
        open_detector(tmp_path / "nowhere")
