"""Measuring ways in turn, and what the samples amount to: on made-up times, never on the clock."""

import numpy as np
import pytest

from bench.micro.table import Figure, Row, Table, markdown, number, rows, text
from bench.micro.timing import Sample, alternate, timed


def test_ways_take_turns() -> None:
    """One way after the other would put a busy minute of the machine on one of them alone."""
    called: list[tuple[str, int]] = []

    def way(name: str):
        def measure(number: int) -> Sample:
            called.append((name, number))
            return {"x": 1.0}

        return measure

    samples = alternate({"a": way("a"), "b": way("b"), "c": way("c")}, 3, warm_up=0)
    assert [name for name, _ in called] == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]
    assert {name: len(found) for name, found in samples.items()} == {"a": 3, "b": 3, "c": 3}


def test_the_first_rounds_are_thrown_away() -> None:
    """First calls pay for caches and allocations; their number goes on counting, so that a film does."""
    samples = alternate({"a": lambda number: {"x": float(number)}}, 3, warm_up=2)
    assert [sample["x"] for sample in samples["a"]] == [2.0, 3.0, 4.0]


def test_a_call_is_timed_by_the_clock_that_is_given() -> None:
    """Milliseconds, of that call alone, and the call is told the round."""
    now, told = [0], []

    def call(number: int) -> None:
        told.append(number)
        now[0] += 2_500_000

    assert timed({"one": call, "two": call}, lambda: now[0])(7) == {"one": 2.5, "two": 2.5}
    assert told == [7, 7]


def test_ratios_are_taken_within_a_round() -> None:
    """The machine is three times slower in the second half: every ratio stays two, that of the medians would not."""
    slow = [1, 1, 1, 3, 3, 3]
    found = rows(
        {"ours": [{"x": 1.0 * k} for k in slow], "other": [{"x": 2.0 * k} for k in slow[:5]] + [{"x": 60.0}]}, "ours"
    )
    assert [row.way for row in found] == ["ours", "other"]
    assert found[0].figures["x"].ratio == 1.0
    assert found[1].figures["x"].ratio == 2.0


def test_percentiles_are_of_the_times() -> None:
    """p50 and p99 in ms, of each figure by itself."""
    (row,) = rows({"ours": [{"x": float(k), "y": 2.0 * k} for k in range(101)]}, "ours")
    assert (row.figures["x"].p50_ms, row.figures["x"].p99_ms) == (50.0, 99.0)
    assert (row.figures["y"].p50_ms, row.figures["y"].p99_ms) == (100.0, 198.0)


def test_a_time_of_nothing_is_no_division_by_zero() -> None:
    """CPU clocks may tick so coarsely that a call took none."""
    (row,) = rows({"ours": [{"x": 0.0}]}, "ours")
    assert row.figures["x"].ratio is not None
    assert np.isfinite(row.figures["x"].ratio)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.13712, "0.137"), (1.4341, "1.43"), (12.34, "12.3"), (123.4, "123"), (17592, "17,592"), (0, "0"), (None, "–")],
)
def test_numbers_have_three_digits(value: float | None, shown: str) -> None:
    """More would claim a precision that no run has; 1.23e+04 is for nobody."""
    assert number(value) == shown


def test_numbers_that_are_none() -> None:
    """Memory is NaN where the system does not tell it."""
    assert number(float("nan")) == "–"


TABLE = Table(
    title="A thing.",
    rows=[
        Row(way="ours", figures={"x": Figure(p50_ms=1.0, p99_ms=2.0, ratio=1.0)}, facts={"recall@1": 0.99951}),
        Row(way="other", figures={"x": Figure(p50_ms=2.0, ratio=2.0)}),
        Row(way="third", note="not installed"),
    ],
)


def test_the_table_for_a_page() -> None:
    """Every row has every column, also that of what is missing, or Markdown shows no table."""
    title, _, head, rule, *body = markdown(TABLE)
    assert title == "A thing."
    assert head == "|  | x: p50 ms | p99 ms | × ours | recall@1 |"
    assert body == [
        "| ours | 1.00 | 2.00 | 1.00 | 0.9995 |",
        "| other | 2.00 | – | 2.00 | – |",
        "| third (not installed) | – | – | – | – |",
    ]
    assert {line.count("|") for line in (head, rule, *body)} == {6}


def test_the_table_for_a_terminal() -> None:
    """The same numbers below one another."""
    title, head, *body, last = text(TABLE)
    assert (title, last) == ("A thing.", "")
    assert len({len(line) for line in (head, *body)}) == 1
    assert body[0].split() == ["ours", "1.00", "2.00", "1.00", "0.9995"]
