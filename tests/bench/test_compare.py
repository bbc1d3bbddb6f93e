"""Comparing two runs: noise is called noise, a difference is found, and what cannot be compared is refused."""

import msgspec
import numpy as np
import pytest
from bench_fakes import LIFE, MADE, answer, probe, reported

from bench.compare import FEWEST, Difference, compare, lines
from bench.report import Report


def noisy(seed: int, scale: float = 1.0, frames: int = 160) -> Report:
    """Frames whose times scatter by a fifth."""
    rng = np.random.default_rng(seed)
    watched = probe(frames)
    watched.results = [
        answer(number, number % 8 == 0, scale * float(rng.lognormal(0, 0.2)), LIFE) for number in range(frames)
    ]
    return reported(watched)


def total(found: list[Difference], path: str = "cached") -> Difference:
    return next(one for one in found if (one.path, one.stage) == (path, "total"))


def test_noise_is_called_noise() -> None:
    """Two runs of one version never have the same median; a release must not be held up by that."""
    found = [one for seed in range(6) for one in compare(noisy(2 * seed), noisy(2 * seed + 1))]
    assert sum(one.real for one in found) <= 0.05 * len(found)


@pytest.mark.parametrize("scale", [0.7, 1.4])
def test_a_difference_is_found(scale: float) -> None:
    """Four tenths more in every stage must not pass as noise; the interval holds the true ratio."""
    one = total(compare(noisy(1), noisy(2, scale)))
    assert one.real
    assert one.low < scale < one.high
    assert one.low <= one.ratio <= one.high


def test_the_same_run_twice_is_the_same() -> None:
    """And the same comparison twice gives the same interval: the draws are seeded."""
    first, second = compare(noisy(1), noisy(1)), compare(noisy(1), noisy(1))
    assert first == second
    assert {one.ratio for one in first} == {1.0}
    assert not any(one.real for one in first)


def test_neighbours_that_wait_together_are_not_many_witnesses() -> None:
    """A burst of slow frames is one event; drawn frame by frame it would look like a certain difference."""
    calm, burst = probe(160), probe(160)
    burst.results = [answer(number, number % 8 == 0, 1.5 if number < 85 else 1.0, LIFE) for number in range(160)]
    assert not total(compare(reported(calm), reported(burst))).real


def test_too_few_frames_are_left_out() -> None:
    """An interval from three frames is an invention."""
    found = compare(noisy(1, frames=8 * (FEWEST - 1)), noisy(2, frames=8 * (FEWEST - 1)))
    assert {one.path for one in found} == {"cached"}
    assert {one.stage for one in found} == {"detect", "capture", "select", "smooth", "total"}


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (reported(stream="video:b.mp4"), "different streams, video:a.mp4 and video:b.mp4"),
        (reported(mode="lockstep"), "different modes, paced and lockstep"),
        (reported(made=msgspec.structs.replace(MADE, stream="t" * 64)), "video:a.mp4 was another stream in each run"),
    ],
)
def test_what_cannot_be_compared_is_refused(other: Report, words: str) -> None:
    """A ratio of apples and pears has an interval, too."""
    with pytest.raises(ValueError, match=words):
        compare(reported(), other)


def test_the_comparison_for_people() -> None:
    """What else is different about the runs stands above the figures, and their losses below."""
    first = noisy(1)
    made = msgspec.structs.replace(MADE, git="def", versions={"python": "3.12", "numpy": "2"})
    second = msgspec.structs.replace(noisy(2, 1.5), made=made, invalid=["the source was too late for 3 frames"])
    text = lines(first, second, compare(first, second))
    assert text[:3] == ["git: abc -> def", "python: 3.11 -> 3.12", "video:a.mp4: the source was too late for 3 frames"]
    assert any(line.startswith("cached total") and line.endswith("slower") for line in text)
    assert text[-1] == "frames lost: 0 and 0 of 160 and 160"
    same = lines(first, first, compare(first, first))
    assert all(line.endswith("no more than noise") for line in same if line.startswith(("cached", "new_card")))
