"""What a soak says at its end, from made-up samples: a frame that vanishes, or a byte that stays, does not pass."""

import itertools

import pytest

from bench.soak import recently
from bench.soak_report import Accounts, Report, Sample, Suffered, account, files, memory, order
from bus.messages import Heartbeat

S = 1_000_000_000
FPS = 10.0


def beat(actor: str, session: str, t_s: float, frames: int = 0, **drops: int) -> Heartbeat:
    """A heartbeat of a life that began at 0; `frame_stale` stands for `frame.stale`."""
    named = {reason.replace("frame_", "frame."): number for reason, number in drops.items()}
    return Heartbeat(
        session=session,
        actor=actor,
        pid=1,
        t_ns=round(t_s * S),
        state="ready",
        started_ns=0,
        counts={"frames": frames},
        drops=named,
    )


def answers(*numbers: int) -> dict[str, dict[int, int]]:
    """Frames of stream `c` that have a result, ten a second."""
    return {"c": {number: round(number / FPS * S) for number in numbers}}


def suffered(begun_s: float, well_s: float, name: str = "kill smoother", kills: str = "smoother") -> Suffered:
    return Suffered(name, kills, round(begun_s * S), round(well_s * S), well_s - begun_s)


def test_all_answered() -> None:
    """Nothing is lost where nothing is missing."""
    found = account(answers(*range(100)), [beat("capture", "c", 9.9, 100)], [], FPS)
    assert found == Accounts(100, 100, {}, {}, 0)


def test_a_frame_that_nobody_counted_is_unaccounted() -> None:
    """The very thing that a soak is for."""
    found = account(answers(*range(50), *range(53, 100)), [beat("selector", "s", 9, frame_stale=1)], [], FPS)
    assert found == Accounts(100, 97, {"selector.frame.stale": 1}, {}, 2)


def test_frames_after_the_last_answer_are_missing_too() -> None:
    """A pipeline that stops for good would lose nothing by the numbers of its results alone."""
    assert account(answers(*range(50)), [beat("capture", "c", 9.9, 100)], [], FPS).unaccounted == 50
    assert account(answers(*range(20, 50)), [], [], FPS).unaccounted == 20


def test_frames_around_a_fault_are_its_doing() -> None:
    """What a killed process had counted or held died with it."""
    found = account(answers(*range(50), *range(58, 100)), [], [suffered(5.2, 5.6)], FPS)
    assert found == Accounts(100, 92, {}, {"kill smoother": 8}, 0)


def test_a_fault_explains_no_frame_of_another_time() -> None:
    """A window that is too wide would excuse everything."""
    found = account(answers(*range(20), *range(25, 100)), [], [suffered(5.2, 5.6)], FPS)
    assert found.unaccounted == 5
    assert found.in_faults == {}


def test_a_loss_that_was_counted_around_a_fault_explains_none_at_another_time() -> None:
    """The selector drops a hundred frames in a stall: they must not pay for five that vanish later."""
    beats = [beat("selector", "s", t, frame_stale=number) for t, number in ((4.5, 0), (5.5, 100), (20.0, 100))]
    frames = set(range(300)) - set(range(150, 155))
    assert account(answers(*frames), beats, [suffered(5.0, 6.0)], FPS).unaccounted == 5


def test_a_loss_is_paid_for_if_any_of_its_time_was_quiet() -> None:
    """A frame is lost before its count is heard of, up to a heartbeat later: then a fault may have begun."""
    beats = [beat("selector", "s", 3.2, frame_stale=0), beat("selector", "s", 4.2, frame_stale=3)]
    frames = set(range(100)) - {35, 36, 37}
    found = account(answers(*frames), beats, [suffered(5.0, 6.0)], FPS)
    assert found.unaccounted == 0
    assert found.lost == {"selector.frame.stale": 3}


def test_a_loss_just_before_a_fault_is_not_its_doing() -> None:
    """Heartbeats come five times a second: one that was heard before the fault began speaks of a quiet time."""
    beats = [beat("selector", "s", t, frame_stale=number) for t, number in ((4.0, 0), (4.2, 2), (4.4, 2))]
    frames = set(range(100)) - {38, 37}
    found = account(answers(*frames), beats, [suffered(5.0, 6.0)], FPS)
    assert found.unaccounted == 0
    assert found.lost == {"selector.frame.stale": 2}


def test_lives_are_counted_apart() -> None:
    """A restarted process counts from nothing: its total is no loss that went back."""
    beats = [
        beat("selector", "s1", 2.0, frame_stale=2),
        beat("selector", "s2", 9.0, frame_stale=1),
    ]
    assert account(answers(*set(range(100)) - {1, 2, 80}), beats, [], FPS).unaccounted == 0


def test_streams_are_counted_apart() -> None:
    """A killed capture numbers its frames from 0 again."""
    both = {"c": answers(*range(10))["c"], "d": answers(*range(20))["c"]}
    assert account(both, [], [], FPS) == Accounts(30, 30, {}, {}, 0)


def test_the_order_of_faults_is_the_seeds() -> None:
    """A failure of the twelfth fault has to come again with the same seed; and each comes before any comes twice."""
    names = [f"fault {number}" for number in range(7)]
    first, again, other = (list(itertools.islice(order(names, seed), 21)) for seed in (3, 3, 4))
    assert first == again != other
    for start in (0, 7, 14):
        assert sorted(first[start : start + 7]) == names


def sample(**mb: float) -> Sample:
    return Sample(0, mb, dict.fromkeys(mb, 7.0), dict.fromkeys(mb, 20))


def test_growth_is_from_the_first_third_to_the_last() -> None:
    """A mean over everything hides a leak; two single samples are noise."""
    found = memory([sample(a=10.0, b=value) for value in (50, 52, 54, 60, 60, 60, 80, 90, 100)], "own_mb")
    assert found == {"a": (10, 10), "b": (52, 90), "together": (62, 100)}


def test_a_process_counts_when_it_is_warm() -> None:
    """A young life is small: a killed process would hide the growth of the others, or look like growth itself."""
    samples = [sample(a=10.0, b=5.0)] * 3 + [sample(a=10.0)] * 3 + [sample(a=10.0, b=5.0)] * 3
    assert memory(samples, "own_mb") == {"a": (10, 10), "b": (5, 5), "together": (15, 15)}
    assert memory(samples[:2], "own_mb") == {}


def test_descriptors_that_come_and_go_are_no_leak() -> None:
    """A reader that connects for a moment is in some samples."""
    held = (20, 22, 20, 20, 20, 20, 23, 20, 22)
    samples = [Sample(0, {"a": 1.0}, {"a": 1.0}, {"a": number}) for number in held]
    assert files(samples) == {"a": (22, 20)}


def report(**changes: object) -> Report:
    good: dict[str, object] = {
        "source": "scene:demo",
        "seconds": 60.0,
        "seed": 0,
        "accounts": Accounts(100, 100, {}, {}, 0),
        "suffered": [suffered(5, 6)],
        "lives": {"smoother": 2, "capture": 1},
        "wrong": [],
        "samples": [sample(a=10.0)] * 9,
    }
    return Report(**(good | changes))  # type: ignore[arg-type]


def test_a_good_soak_has_no_problems() -> None:
    """And says so."""
    assert report().problems() == []
    assert report().lines([])[-1] == "everything holds"


LEAKING = [Sample(0, {"a": 10.0}, {"a": 7.0}, {"a": number}) for number in range(9)]
MAPPING = [Sample(0, {"a": 10.0}, {"a": mb}, {"a": 20}) for mb in (100, 101, 103.1)]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"accounts": Accounts(100, 97, {}, {}, 3)}, "3 frames lost without a reason"),
        ({"accounts": Accounts(0, 0, {}, {}, 0)}, "no frame was answered"),
        ({"wrong": ["gen1-1 in frame 7 of c"]}, "wrong name: gen1-1 in frame 7 of c"),
        ({"suffered": [suffered(5, 8.5)]}, "kill smoother: recovered after 3.50 s"),
        ({"lives": {"smoother": 3}}, "smoother was started 2 times again, after 1 kills"),
        ({"lives": {"smoother": 1}}, "smoother was started 0 times again, after 1 kills"),
        (
            {"samples": [sample(a=mb) for mb in (100, 101, 103.1)]},
            "memory grew by 3.1 % from the first third to the last",
        ),
        ({"samples": MAPPING}, "mapped files grew by 3.1 % from the first third to the last"),
        ({"samples": LEAKING}, "a holds 6 descriptors, and held 2"),
        ({"failures": ["not within 30 s: embedder is back"]}, "not within 30 s: embedder is back"),
    ],
)
def test_what_does_not_hold_is_named(changes: dict[str, object], problem: str) -> None:
    """An exit code alone sends people through the log of an hour."""
    found = report(**changes)
    assert found.problems() == [problem]
    assert f"does not hold: {problem}" in found.lines([problem])
    assert found.as_json([problem])["problems"] == [problem]


def test_names_are_remembered_over_the_end_of_the_loop() -> None:
    """The last card of a scene may still be named in its first frames when they come again, and not before."""
    truth = [frozenset({"a"}), frozenset({"b"}), frozenset({"c"})]
    assert recently(truth, 1, 1) == {"a", "b"}
    assert recently(truth, 3, 1) == {"c", "a"}
    assert recently(truth, 0, 5) == {"a"}
