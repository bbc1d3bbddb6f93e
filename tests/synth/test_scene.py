from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from synth.hand import hand
from synth.light import Light
from synth.pose import Pose
from synth.scene import SCENARIOS, scenario, visits, write_frames
from synth.sleeve import SLEEVES, dress
from synth.table import TABLES, table

SMALL = (320, 280)
ONE = [("card", np.zeros((358, 256, 3), np.uint8))]


def _equal(first, second) -> bool:
    same_truth = [(c.card_id, c.quad.tolist(), c.visible, c.sleeve) for c in first.truth] == [
        (c.card_id, c.quad.tolist(), c.visible, c.sleeve) for c in second.truth
    ]
    return same_truth and np.array_equal(first.image, second.image)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_gives_the_same_bytes_in_any_order(name, cards):
    """What is kept between frames must not leak into them: a failure seen once could not be seen again."""
    one, other = (scenario(name, cards(12), 5, SMALL) for _ in range(2))
    wanted = [n for n in (0, 31, 63, 64, 90, 118) if n < one.frames]
    forward = {n: one.frame(n) for n in wanted}
    for n in reversed(wanted):
        assert _equal(other.frame(n), forward[n])


def test_another_seed_gives_another_scene(cards):
    """Measurements over seeds would all be of one scene."""
    first, second = (scenario("clutter", cards(12), seed, SMALL).frame(4) for seed in (0, 1))
    assert not np.array_equal(first.image, second.image)


@pytest.mark.parametrize("size", [(1520, 1520), (640, 360), (200, 500), (64, 64)])
def test_frames_have_the_size_asked_for(size, cards):
    """A source that publishes another size than it announced kills the frame ring."""
    image = scenario("demo", cards(9), 0, size).frame(150).image
    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


def test_truth_alone_is_the_truth_of_the_frame(cards):
    """Counting is scored without rendering; the two must not drift apart."""
    scene = scenario("demo", cards(9), 2, SMALL)
    for index in (40, 120, 260, 330):
        assert [c.visible for c in scene.frame(index).truth] == [c.visible for c in scene.truth(index)]


def test_the_demo_tells_its_story(cards):
    """The picture in the README and the smoke tests rely on a return, an unknown card, a pile and an empty table."""
    scene = scenario("demo", cards(12), 0, SMALL)
    stays = visits(scene)
    ids = [card_id for card_id, _, _ in stays]
    assert ids.count("card-0") == 2
    assert sum(card_id.startswith("unknown:") for card_id in ids) == 1
    assert len(ids) == 10
    assert scene.truth(0) == []
    assert scene.truth(scene.frames - 1) == []
    assert any(0 < card.visible < 0.6 for card in scene.truth(250))
    assert {card.sleeve for card in scene.truth(165)} >= {"glossy", "matte", "toploader"}


def test_a_visit_is_one_stay_in_view(cards):
    """Counts are scored against this list: one line for each time a card was put down."""
    scene = scenario("demo", cards(12), 0, SMALL)
    for card_id, first, last in visits(scene):
        assert 15 < last - first < scene.frames
        for index in (first, last):
            assert max(c.visible for c in scene.truth(index) if c.card_id == card_id) >= 0.6


def test_still_cards_stay_where_they_are(cards):
    """The cache of the selector is measured on cards that do not move."""
    scene = scenario("still", cards(5), 0, SMALL)
    first, last = scene.truth(0), scene.truth(scene.frames - 1)
    assert len(first) == 5
    for before, after in zip(first, last, strict=True):
        assert np.array_equal(before.quad, after.quad)


def test_the_empty_scene_has_no_card():
    """False detections are counted on it."""
    scene = scenario("empty", [], 0, SMALL)
    assert all(scene.truth(index) == [] for index in range(0, scene.frames, 20))
    assert visits(scene) == []


def test_clutter_shows_cards_of_many_sizes(cards):
    """A detector that sees only large cards would pass unnoticed."""
    scene = scenario("clutter", cards(12), 0, (760, 760))
    found = [scene.truth(index) for index in range(0, scene.frames, 10)]
    widths = [np.linalg.norm(card.quad[1] - card.quad[0]) for truth in found for card in truth]
    assert all(1 <= len(truth) <= 6 for truth in found)
    assert min(widths) < 45
    assert max(widths) > 150


def test_a_binder_pans_over_nine_cards(cards):
    """Cards must move as the ground does, or the truth leaves the pixels."""
    scene = scenario("binder", cards(9), 0, SMALL)
    start, later = scene.truth(0), scene.truth(60)
    assert len(start) == 9
    moves = [b.quad - a.quad for a, b in zip(start, later, strict=True) if a.card_id == b.card_id]
    assert np.abs(moves[0]).max() > 5
    assert np.ptp(np.array(moves), axis=0).max() < 0.01


def test_six_cards_come_one_after_the_other(cards):
    """A budget for one to six cards needs frames with each number of them."""
    scene = scenario("six", cards(6), 0, SMALL)
    counts = [sum(card.visible >= 0.8 for card in scene.truth(index)) for index in range(0, scene.frames, 5)]
    assert set(range(7)) <= set(counts)
    assert len(visits(scene)) == 6


def test_every_sleeve_is_shown(cards):
    """A sleeve that no standard stream shows is a sleeve that nobody tests."""
    assert {card.sleeve for card in scenario("sleeves", cards(6), 0, SMALL).truth(0)} == set(SLEEVES)


def test_glare_and_drift_change_what_the_camera_sees(cards):
    """A difficulty too weak to be seen would be passed by every version."""
    glare, drift = (scenario(name, cards(6), 0, SMALL) for name in ("glare", "drift"))
    assert (glare.frame(63).image > 250).mean() > 2 * (glare.frame(0).image > 250).mean() + 0.005
    means = [drift.frame(index).image.mean() for index in range(0, drift.frames, 20)]
    assert max(means) > 1.5 * min(means)


def test_cards_in_motion_stay_in_view(cards):
    """One stay each: a card that left the picture would be counted twice, and rightly so."""
    scene = scenario("motion", cards(3), 0, SMALL)
    assert [stay[1:] for stay in visits(scene)] == [(0, scene.frames - 1)] * 3
    first, later = (scene.truth(index)[0].quad for index in (0, 40))
    assert np.abs(first - later).max() > 5


def test_showings_tell_two_stays_of_a_card_apart(cards):
    """A card that comes back has the same id: what was said about its first stay is not said about its second."""
    scene = scenario("demo", cards(12), 0, SMALL)
    numbers = {
        number for index in range(scene.frames) for number, card in scene.showings(index) if card.card_id == "card-0"
    }
    assert len(numbers) == 2


def test_noise_differs_from_frame_to_frame(table_with, lying):
    """Two equal frames would let a frozen camera look alive."""
    scene = table_with(lying(Pose(240, 200, 100)), light=Light())
    assert not np.array_equal(scene.frame(0).image, scene.frame(1).image)


def test_frames_are_handed_over(table_with, lying):
    """A frame that the next one overwrites is wrong by the time it is read."""
    scene = table_with(lying(Pose(240, 200, 100)), light=Light())
    first = scene.frame(0).image
    kept = first.copy()
    scene.frame(1)
    assert np.array_equal(first, kept)


def test_write_frames_leaves_pictures_and_truth(tmp_path, table_with, lying):
    """What a detector is run on from files must be what the scene says."""
    scene = table_with(lying(Pose(240, 200, 100)))
    write_frames(scene, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    assert len(truth) == 10
    assert truth[3][0]["card_id"] == "marked"
    picture = cv2.cvtColor(cv2.imread(str(tmp_path / "00003.jpg")), cv2.COLOR_BGR2RGB)
    assert np.abs(picture.astype(int) - scene.frame(3).image).mean() < 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: scenario("dmeo", ONE), "no scenario is called 'dmeo'; there are demo"),
        (lambda: scenario("demo", []), "needs at least one card"),
        (lambda: scenario("demo", ONE, -1), "seed is 0 or more, not -1"),
        (lambda: scenario("demo", ONE, 0, (10, 320)), "64 to 8192 px"),
        (lambda: Pose(9, 9, 0), "more than 0 px wide"),
        (lambda: Pose(9, 9, 50, tilt_x=85), "stay below 80"),
        (lambda: table("marble", 64, 64, 20, np.random.default_rng(0)), "no table is called 'marble'"),
        (lambda: hand("fist", 100, 0, 320, 0), "no grip is called 'fist'"),
        (lambda: dress(np.zeros((9, 9), np.uint8), "none", False, np.random.default_rng(0)), "uint8 RGB"),
        (lambda: dress(np.zeros((9, 9, 3), np.uint8), "bag", False, np.random.default_rng(0)), "no sleeve is called"),
    ],
)
def test_bad_arguments_are_named(call, words):
    """An error that does not name the value costs an afternoon."""
    with pytest.raises(ValueError, match=words):
        call()


def test_frames_outside_the_scene_are_refused(table_with):
    """An off-by-one would silently repeat the last frame."""
    scene = table_with()
    for index in (-1, 10):
        with pytest.raises(IndexError, match="frames 0 to 9"):
            scene.frame(index)


@pytest.mark.parametrize("kind", [*TABLES, "binder"])
def test_tables_fill_any_size(kind):
    """A gap at the edge would look like a card's edge."""
    image = table(kind, 131, 257, 40.0, np.random.default_rng(3))
    assert image.shape == (131, 257, 3)
    assert image.std() > 1
