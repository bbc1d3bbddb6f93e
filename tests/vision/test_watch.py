"""Watching: what lies still is not looked at again, what moves is looked at in the very frame."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from synth.cards import deck, draw
from vision.detection import Detection
from vision.detector.pyramid import Pyramid
from vision.quad import as_quad
from vision.watch import Watcher

CARD, OTHER = (draw(spec) // 2 + 50 for spec in deck(2))
HERE = Detection(as_quad([[100, 80], [355, 80], [355, 437], [100, 437]]), 0.9)
THERE = Detection(as_quad([[450, 200], [650, 200], [650, 480], [450, 480]]), 0.8)


def table(*placed: tuple[int, int, np.ndarray], shade: int = 0, noise: int | None = None) -> np.ndarray:
    """A grey table with upright cards at (x, y)."""
    frame = np.full((600, 800, 3), 90 + shade, np.uint8)
    for x, y, card in placed:
        frame[y : y + card.shape[0], x : x + card.shape[1]] = card + np.uint8(shade)
    if noise is not None:
        grain = np.random.default_rng(noise).normal(0, 4, frame.shape)
        frame = np.clip(frame + grain, 0, 255).astype(np.uint8)
    return frame


class Eye:
    """A detector that says what it is told, and counts how often it was asked."""

    def __init__(self) -> None:
        self.found: list[Detection] = []
        self.looks = self.agains = 0
        self.known: list[Detection] = []
        self.within: NDArray[np.float32] | None = None

    def look(
        self,
        frame: Pyramid,
        known: Sequence[Detection],
        before: Sequence[Detection],
        within: NDArray[np.float32] | None,
    ) -> list[Detection]:
        self.looks += 1
        self.within = within
        self.known = list(known)
        return [*known, *(one for one in self.found if not any(one.quad is other.quad for other in known))]

    def again(self, frame: Pyramid, cards: Sequence[Detection]) -> list[Detection]:
        self.agains += 1
        return [one for one in self.found if any(one.quad is card.quad for card in cards)]


@pytest.fixture
def eye() -> Eye:
    return Eye()


def test_what_lies_still_is_not_looked_at_again(eye: Eye) -> None:
    """Looking at every frame is most of what a frame costs; sensor noise is no reason to."""
    watcher = Watcher(eye)
    eye.found = [HERE]
    for index in range(50):
        assert watcher.update(table((100, 80, CARD), noise=index)) == [HERE]
    assert eye.looks <= 6


def test_what_comes_is_looked_at_in_the_very_frame(eye: Eye) -> None:
    """A card that is put down must be seen at once, however long nothing moved before."""
    watcher = Watcher(eye)
    for _ in range(20):
        assert watcher.update(table()) == []
    eye.found = [HERE]
    assert watcher.update(table((100, 80, CARD))) == [HERE]


def test_what_goes_is_gone_in_the_very_frame(eye: Eye) -> None:
    """Kept detections must not outlive their cards: the picture changed where they lay."""
    watcher = Watcher(eye)
    eye.found = [HERE]
    for _ in range(20):
        watcher.update(table((100, 80, CARD)))
    eye.found = []
    assert watcher.update(table()) == []


def test_a_card_in_the_place_of_another_is_looked_at(eye: Eye) -> None:
    """Dealt onto the same pile, the quad stays and everything in it changes."""
    watcher = Watcher(eye)
    for _ in range(20):
        watcher.update(table((100, 80, CARD)))
    looks = eye.looks
    watcher.update(table((100, 80, OTHER)))
    assert eye.looks == looks + 1


def test_a_change_of_exposure_is_no_motion(eye: Eye) -> None:
    """A camera adjusts all the time; all cells change alike then."""
    watcher = Watcher(eye)
    for _ in range(10):
        watcher.update(table((100, 80, CARD)))
    looks = eye.looks
    for shade in range(1, 21):
        watcher.update(table((100, 80, CARD), shade=shade))
    assert eye.looks == looks


def test_rest_is_looked_at_and_ever_less_often(eye: Eye) -> None:
    """The first frame at rest may still be blurred; looking at all cards in each of the next would hold them up."""
    watcher = Watcher(eye)
    sought: list[int] = []
    looked: list[int] = []
    eye.found = [HERE]
    for _ in range(20):
        watcher.update(table())
    for rest in range(20):
        looks, agains = eye.looks, eye.agains
        assert watcher.update(table((100, 80, CARD))) == [HERE]
        sought += [rest] * (eye.looks - looks)
        looked += [rest] * (eye.agains - agains)
    assert (sought, looked) == ([0, 3], [1])
    assert eye.known == [HERE]  # it was looked at twice: in the third frame others are sought


def test_a_look_at_rest_corrects_what_was_seen_in_motion(eye: Eye) -> None:
    """The corners of the blurred frame would be those of the card for two seconds."""
    watcher = Watcher(eye)
    eye.found = [HERE]
    assert watcher.update(table((100, 80, CARD))) == [HERE]
    better = Detection(HERE.quad + 1, 0.9)
    eye.again = lambda frame, cards: [better]  # type: ignore[method-assign]
    assert watcher.update(table((100, 80, CARD))) == [better]
    assert watcher.update(table((100, 80, CARD))) == [better]


def test_a_look_at_rest_leaves_the_other_cards_alone(eye: Eye) -> None:
    """What lay there for minutes must not be lost because a card beside it was looked at again."""
    watcher = Watcher(eye)
    eye.found = [HERE]
    for _ in range(10):
        watcher.update(table((100, 80, CARD)))
    eye.found = [HERE, THERE]
    agains = eye.agains
    for _ in range(2):
        seen = watcher.update(table((100, 80, CARD), (400, 200, OTHER)))
        assert sorted(map(id, seen)) == sorted(map(id, [HERE, THERE]))
    assert eye.agains == agains + 1


def test_a_card_that_is_none_after_all_is_gone(eye: Eye) -> None:
    """A sleeve of a hand in motion looks like a card for one frame."""
    watcher = Watcher(eye)
    eye.found = [HERE]
    watcher.update(table((100, 80, CARD)))
    eye.found = []
    assert watcher.update(table((100, 80, CARD))) == []


def test_a_card_that_was_missed_is_found_at_rest(eye: Eye) -> None:
    """A network may miss in the blurred frame what it finds in the next, and nothing moves any more."""
    watcher = Watcher(eye)
    for _ in range(20):
        watcher.update(table())
    for rest in range(4):
        eye.found = [HERE] if rest > 1 else []
        seen = watcher.update(table((100, 80, CARD)))
    assert seen == [HERE]


def test_a_drift_too_slow_to_see_is_looked_at_now_and_then(eye: Eye) -> None:
    """What changes by less than the noise from frame to frame is compared with the last look, and looked at anyway."""
    watcher = Watcher(eye)
    for _ in range(200):
        watcher.update(table())
    assert 3 + 2 <= eye.looks <= 3 + 4


def test_a_card_that_lies_still_is_known_while_another_moves(eye: Eye) -> None:
    """With hands in the picture all the time, looking at every card again and again is what takes the time."""
    watcher = Watcher(eye)
    eye.found = [HERE]
    for _ in range(20):
        watcher.update(table((100, 80, CARD)))
    there = Detection(as_quad([[450, 80], [705, 80], [705, 437], [450, 437]]), 0.8)
    for step in range(12):
        eye.found = [HERE, there]
        assert watcher.update(table((100, 80, CARD), (450 + step, 80, OTHER))) == [HERE, there]
        assert eye.known == [HERE]


def test_cards_are_sought_where_something_moved(eye: Eye) -> None:
    """A look at all of the frame is most of what a moving hand costs; a card that is not settled may be anywhere."""
    watcher = Watcher(eye)
    eye.found = [HERE]
    for _ in range(20):
        watcher.update(table((100, 80, CARD)))
    watcher.update(table((100, 80, CARD), (500, 200, OTHER[:60, :40])))
    assert eye.within is not None
    assert np.abs(eye.within - [[500, 200], [540, 260]]).max() <= 8
    watcher.update(table((100, 80, CARD), (340, 300, OTHER[:60, :40])))
    assert eye.within[0].tolist() == [100, 80]  # all of the card that it touches, and where it was before
    assert np.abs(eye.within[1] - [540, 437]).max() <= 8


def test_all_of_the_frame_is_looked_at_anew(eye: Eye) -> None:
    """What was overlooked where nothing moves would be overlooked for ever."""
    watcher, everywhere = Watcher(eye), 0
    for _ in range(70):
        looks = eye.looks
        watcher.update(table())
        everywhere += eye.looks > looks and eye.within is None
    assert everywhere == 1


def test_a_speck_is_no_motion(eye: Eye) -> None:
    """Of thousands of cells one differs by chance in most frames."""
    watcher = Watcher(eye)
    for _ in range(20):
        watcher.update(table())
    looks = eye.looks
    frame = table()
    frame[200:208, 400:408] = 200
    watcher.update(frame)
    assert eye.looks == looks


def test_a_card_that_is_touched_is_known_no_more(eye: Eye) -> None:
    """Under a hand it may be taken away, and a known card is not looked at."""
    watcher = Watcher(eye)
    eye.found = [HERE]
    for _ in range(20):
        watcher.update(table((100, 80, CARD)))
    frame = table((100, 80, CARD))
    frame[420:460, 150:260] = (220, 170, 140)
    eye.found = []
    assert watcher.update(frame) == []
    assert eye.known == []


def test_a_card_that_creeps_is_known_no_more(eye: Eye) -> None:
    """Half a pixel a frame changes no cell from one frame to the next."""
    watcher, asked = Watcher(eye), 0
    eye.found = [HERE]
    for _ in range(20):
        watcher.update(table((100, 80, CARD)))
    for step in range(40):
        looks = eye.looks
        watcher.update(table((100 + step // 2, 80, CARD)))
        asked += eye.looks > looks and not eye.known
    assert asked > 5


def test_everything_is_looked_at_anew_now_and_then(eye: Eye) -> None:
    """A wrong detection that nothing disturbs would stay for ever."""
    watcher = Watcher(eye)
    eye.found = [HERE]
    for _ in range(20):
        watcher.update(table((100, 80, CARD)))
    eye.found = []
    assert [bool(watcher.update(table((100, 80, CARD)))) for _ in range(60)].count(False) >= 1


def test_frames_of_another_size_are_looked_at(eye: Eye) -> None:
    """A camera that changes its resolution must not end the capture process."""
    watcher = Watcher(eye)
    for _ in range(20):
        watcher.update(table())
    looks = eye.looks
    watcher.update(table()[:300])
    assert eye.looks == looks + 1
