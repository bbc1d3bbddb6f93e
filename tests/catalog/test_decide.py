"""Verdicts and thresholds."""

import msgspec
import pytest

from catalog.decide import Thresholds, decide

LIMITS = Thresholds(gap_close=0.05, gap_confirmed=0.2, gap_unknown=0.1)


@pytest.mark.parametrize(
    ("distance", "gap", "verdict"),
    [
        (0.05, 0.5, "confirmed"),
        (0.39, 0.2, "confirmed"),
        (0.40, 0.5, "uncertain"),
        (0.50, 0.9, "unknown"),
        (0.05, 0.05, "confirmed"),
        (0.05, 0.04, "uncertain"),
        (0.15, 0.19, "uncertain"),
        (0.30, 0.10, "uncertain"),
        (0.30, 0.09, "unknown"),
        (0.14, 0.0, "uncertain"),
        (0.15, 0.0, "unknown"),
    ],
)
def test_distance_and_gap_decide_together(distance, gap, verdict):
    """Prevents that a stranger is confirmed for being near alone, or a twin called unknown for having a twin."""
    assert decide(distance, gap, LIMITS) == verdict


def test_without_a_limit_of_its_own_a_close_match_needs_the_gap_of_any_other():
    """Prevents that a model card from before this limit confirms what it did not."""
    assert decide(0.05, 0.19, Thresholds()) == "uncertain"
    assert decide(0.05, 0.20, Thresholds()) == "confirmed"


def test_a_not_a_number_is_never_confirmed():
    """Prevents that a failed computation passes every limit because all comparisons are false."""
    assert decide(float("nan"), 0.5, LIMITS) != "confirmed"
    assert decide(0.1, float("nan"), LIMITS) != "confirmed"


def test_limits_can_be_overridden_one_by_one():
    """Prevents that a card must repeat every limit, or that a misspelt one is ignored."""
    assert msgspec.convert({"gap_confirmed": 0.3}, Thresholds).gap_confirmed == 0.3
    with pytest.raises(msgspec.ValidationError, match="gap_confirm"):
        msgspec.convert({"gap_confirm": 0.3}, Thresholds)


@pytest.mark.parametrize(
    "wrong", [{"fair": 0.1}, {"poor": 3.0}, {"gap_unknown": 0.5}, {"excellent": -0.1}, {"gap_close": -0.1}]
)
def test_limits_that_contradict_each_other_are_refused(wrong):
    """Prevents a configuration in which nothing, or everything, is confirmed."""
    with pytest.raises(ValueError, match="thresholds"):
        Thresholds(**wrong)
