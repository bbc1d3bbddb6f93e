"""Budgets: every actor and stage has one, none is judged where that proves nothing, and mistyped ones are refused."""

import re
from pathlib import Path

import pytest

from bench.budgets import ABSOLUTE, TABLES, TOGETHER, Profile, profile, profiles
from bench.latency import STAGES
from bus.topics import PIPELINE

ACTORS = Path(__file__).parents[2] / "actors"
LAPTOP = "Some processor, 2 cores, x86_64, Linux 6"
FULL = [name for name, one in profiles().items() if one.devices]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "b.toml"
    path.write_text(text)
    return path


def small(**limits: dict[str, float]) -> Profile:
    return Profile("mine", ("x86_64",), limits)


def test_the_profiles_that_are_promised() -> None:
    """A profile that is gone is a device that nobody measures any more."""
    assert set(profiles()) >= {"laptop-onnx", "pi5-hailo8", "ci"}
    assert FULL == ["laptop-onnx", "pi5-hailo8"]


@pytest.mark.parametrize("name", FULL)
def test_every_actor_and_every_stage_has_a_row(name: str) -> None:
    """A new process without a budget grows until the device is full."""
    limits = profile(name).limits
    assert set(PIPELINE) <= set(limits["memory_mb"])
    assert set(STAGES) == set(limits["new_card"]) - {"total"}
    assert set(STAGES) - {"embed", "match"} == set(limits["cached"]) - {"total"}
    assert {"ready", "recovery"} == set(limits["seconds"])
    assert limits["at_least"]["saved"] == 6
    assert "embed" in limits["batch_of_five"]


def test_the_stages_are_those_that_the_actors_write() -> None:
    """A stage that is added or renamed in an actor must not fall out of the report unseen."""
    found = {stage for path in ACTORS.glob("*.py") for stage in re.findall(r'Hop\("(\w+)"', path.read_text())}
    assert found - {"answer"} == set(STAGES)  # the smoother takes "answer" off again
    assert set(STAGES.values()) == set(PIPELINE)


@pytest.mark.parametrize("name", FULL)
def test_the_shares_add_up(name: str) -> None:
    """Each within its own limit has to mean all within the one that the plan sets."""
    limits = profile(name).limits
    memory = dict(limits["memory_mb"])
    assert sum(value for row, value in memory.items() if row != TOGETHER) <= memory[TOGETHER] == 300
    for path, total in (("cached", 17), ("new_card", 52)):
        stages = dict(limits[path])
        assert sum(value for row, value in stages.items() if row != "total") <= stages["total"] == total


def test_a_shared_runner_is_not_timed() -> None:
    """A test that fails when the neighbour is busy is switched off sooner or later."""
    ci = profile("ci")
    assert set(ci.limits) == {"at_most", "at_least"}
    assert {"wrong", "flicker", "unaccounted", "disordered", "differing"} <= set(ci.limits["at_most"])


def test_limits_are_kept_up_to_the_limit() -> None:
    """At most is at most; at least is at least."""
    budgets = small(cached={"total": 17.0}, at_most={"flicker": 0.0}, at_least={"saved": 6.0})
    for total, flicker, saved, verdict in ((17.0, 0.0, 6.0, "kept"), (17.1, 1.0, 5.9, "broken")):
        measured = {"cached": {"total": total}, "at_most": {"flicker": flicker}, "at_least": {"saved": saved}}
        assert [row.verdict for row in budgets.judge(measured, "paced", LAPTOP, {})] == [verdict] * 3


def test_what_did_not_occur_is_neither_kept_nor_broken() -> None:
    """No batch of five is no proof that a batch of five is fast."""
    (row,) = small(batch_of_five={"embed": 50.0}).judge({"batch_of_five": {}}, "paced", LAPTOP, {})
    assert (row.verdict, row.measured) == ("not measured", None)


@pytest.mark.parametrize(
    ("mode", "machine", "why"),
    [
        ("paced", "Raspberry Pi 5 Model B, 4 cores, aarch64, Linux 6", "the limits are for x86_64"),
        ("lockstep", LAPTOP, "lockstep is not a camera's pace"),
        ("flatout", LAPTOP, "flatout is not a camera's pace"),
    ],
)
def test_absolute_limits_hold_on_their_device_at_its_pace(mode: str, machine: str, why: str) -> None:
    """Milliseconds of another machine, or of another mode, prove nothing; counts do."""
    measured = {table: dict.fromkeys(rows, 1e6) for table, rows in TABLES.items() if table != "at_least"}
    budgets = small(**{table: {rows[0]: 1.0} for table, rows in TABLES.items() if table != "at_least"})
    rows = budgets.judge(measured, mode, machine, {})
    assert {row.table for row in rows if row.verdict == "not judged"} == set(ABSOLUTE)
    assert {row.why for row in rows if row.verdict == "not judged"} == {why}
    assert [row.table for row in rows if row.verdict == "broken"] == ["at_most"]


def test_a_row_can_be_excused() -> None:
    """A renderer inside capture says nothing about capture's memory, and everything about the selector's."""
    budgets = small(memory_mb={"capture": 1.0, "selector": 1.0})
    measured = {"memory_mb": {"capture": 9.0, "selector": 9.0}}
    rows = budgets.judge(measured, "paced", LAPTOP, {"memory_mb.capture": "it renders"})
    assert [(row.verdict, row.why) for row in rows] == [("not judged", "it renders"), ("broken", "")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[a.cachd]\ntotal = 1", "unknown key 'cachd' in [a]: did you mean 'cached'?"),
        ("[a]\ndevice = ['x']", "unknown key 'device' in [a]: did you mean 'devices'?"),
        ("[a]\ndevices = ['x']\n[a.cached]\nselct = 1", "unknown key 'selct' in [a.cached]: did you mean 'select'?"),
        ("[a]\ndevices = ['x']\n[a.cached]\nqq = 1", "unknown key 'qq' in [a.cached]: valid are detect, capture"),
        ("[a.at_most]\nflicker = '0'", "[a.at_most] flicker is a number of 0 or more, not '0'"),
        ("[a.at_most]\nflicker = true", "[a.at_most] flicker is a number of 0 or more, not True"),
        ("[a.at_most]\nflicker = -1", "[a.at_most] flicker is a number of 0 or more, not -1"),
        ("[a.at_most]\nflicker = nan", "[a.at_most] flicker is a number of 0 or more, not nan"),
        ("[a]\nat_most = 1", "[a] at_most is a table of limits, not 1"),
        ("[a]\ndevices = 'x'", "[a] devices is a list of names, not 'x'"),
        ("a = 1", "a is no profile"),
        ("[a.cached]\ntotal = 1", "[a.cached] holds on a named device only: add devices to [a]"),
        ("[a", "no valid TOML"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """A limit under a mistyped name would never be looked at again."""
    with pytest.raises(ValueError, match=re.escape(words)) as error:
        profiles(written(tmp_path, text))
    assert "b.toml" in str(error.value)


def test_an_unknown_profile_names_the_nearest() -> None:
    """The names are long."""
    with pytest.raises(ValueError, match="no profile 'laptop': did you mean 'laptop-onnx'"):
        profile("laptop")
