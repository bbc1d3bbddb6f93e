"""Who has to be started again, and above all who has not."""

from itertools import pairwise
from signal import SIGABRT, SIGKILL

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liveness_ward import SILENT_S, STANDS, STEP_S, Ward, ended, started

from actors.liveness import (
    AWAKE_S,
    DRY_RESTART_S,
    DRY_S,
    DUMP_S,
    LAST_DRY_RESTART_S,
    OWES,
    PARDON_S,
    START_S,
    STUCK_S,
    UNKILLABLE_S,
    Verdict,
)
from bus.loop import SLACK_S
from bus.messages import Heartbeat
from bus.topics import PIPELINE, TOPICS

NOTICED_S = 2.0
"""A hung actor is noticed within this where the machine is to blame for nothing; else within 5 s."""


def test_whoever_beats_is_left_alone() -> None:
    """The watchdog must not be what ends a system that is well: an idle evening is no fault of anybody's."""
    ward = started(*PIPELINE, "sink.console")
    assert ward.wait(600, *PIPELINE, "sink.console") == []


def test_a_hung_actor_is_noticed_in_time_and_made_to_say_where() -> None:
    """SIGSTOP, a held interpreter, native code that never returns: the process runs, and its heartbeat has ceased."""
    ward = started("embedder", "matcher", detail="embedder.onnx")
    found = ward.wait(5.0, "matcher")
    (seconds, first), *_ = found
    assert first == Verdict("embedder", 100, first.what, SIGABRT)
    assert SILENT_S - STEP_S <= seconds <= NOTICED_S
    assert "silent for" in first.what
    assert "(embedder.onnx)" in first.what


@pytest.mark.parametrize("pause_s", [0.5, 1.0, 1.25])
def test_a_pause_is_no_hang(pause_s: float) -> None:
    """A driver that keeps the interpreter for a second, an inference that times out: it goes on by itself."""
    ward = started("selector")
    for _ in range(5):
        assert ward.wait(pause_s) == []
        ward.beat("selector")
        assert ward.wait(2, "selector") == []


@pytest.mark.parametrize("core", [0.0, 0.25])
def test_a_busy_machine_is_no_hang(core: float) -> None:
    """Swapping, a card that takes seconds to write, ten programs on two cores, a throttled Pi: it would go on."""
    ward = started("selector")
    ward.seen, ward.core = STANDS._replace(waits=True), core
    for _ in range(5):
        assert ward.wait(3.0) == []
        ward.beat("selector")
        assert ward.wait(2, "selector") == []


def test_a_hang_on_a_busy_machine_is_noticed_all_the_same() -> None:
    """Whatever the machine is to blame for: the promise is 5 s, and a driver that holds a process looks like a disk."""
    ward = started("selector")
    ward.seen = STANDS._replace(waits=True)
    (seconds, first), *_ = ward.wait(5.0)
    assert first.signal == SIGABRT
    assert SILENT_S + PARDON_S - STEP_S <= seconds <= SILENT_S + PARDON_S + 2 * STEP_S


def test_whoever_runs_for_ever_has_no_excuse() -> None:
    """Native code that turns in a circle has a core, and does not come back."""
    ward = started("selector")
    ward.seen, ward.core = STANDS._replace(waits=True), 1.0
    (seconds, first), *_ = ward.wait(5.0)
    assert first.signal == SIGABRT
    assert seconds <= NOTICED_S


def test_whoever_is_stopped_is_killed_at_once() -> None:
    """It hears no SIGABRT and cannot say where it stands: half a second would be lost waiting for that."""
    ward = started("selector", detail="two tables")
    ward.seen = STANDS._replace(stopped=True)
    (seconds, first), *_ = ward.wait(5.0)
    assert first.signal == SIGKILL
    assert seconds <= NOTICED_S
    assert first.what.startswith("stopped for")
    assert "(two tables)" in first.what


def test_whoever_is_killed_is_told_once_where_the_kernel_shows_nothing() -> None:
    """On macOS nobody can be looked at: a hang is a hang there, too."""
    ward = started("selector")
    ward.seen = None
    assert ended(ward.wait(5.0)) == [("selector", SIGABRT), ("selector", SIGKILL)]


def test_only_who_is_silent_is_looked_at() -> None:
    """The kernel's files of seven processes, five times a second, are work that nobody needs."""
    ward = started("selector", "matcher")
    ward.wait(1.5, "matcher")
    assert set(ward.looked) == {ward.running["selector"]}


def test_what_takes_long_is_announced() -> None:
    """A catalogue of a million cards that is loaded anew, a camera that is opened anew: silent, and at work."""
    ward = started("matcher")
    ward.beat("matcher", next_s=120.0 + SLACK_S)
    assert ward.wait(120.0) == []
    assert ended(ward.wait(2.0))[0] == ("matcher", SIGABRT), "and if it hangs in that, it is noticed then"
    ward = started("matcher")
    ward.beat("matcher", next_s=120.0 + SLACK_S)
    ward.wait(60.0)
    ward.beat("matcher")
    (seconds, _), *_ = ward.wait(5.0)
    assert seconds <= NOTICED_S, "once it is done, all is as before"


def test_a_sender_that_promises_nothing_has_more_time() -> None:
    """A process of an older version, or of somebody else's, beats once a second."""
    ward = started("matcher")
    ward.liveness.hear(Heartbeat(actor="matcher", pid=100, t_ns=0, started_ns=0, state="ready"))
    (seconds, _), *_ = ward.wait(10.0)
    assert 4.0 - STEP_S <= seconds < 5.0


def test_whoever_does_not_end_is_killed_and_then_given_up_once() -> None:
    """A stopped process hears no SIGABRT; one that a driver holds hears nothing, and a loop of kills helps nobody."""
    ward = started("capture")
    found = ward.wait(60)
    assert ended(found) == [("capture", SIGABRT), ("capture", SIGKILL), ("capture", None)]
    (abort, _), (kill, _), (reboot, last) = found
    assert DUMP_S < kill - abort <= DUMP_S + 2 * STEP_S
    assert UNKILLABLE_S < reboot - kill <= UNKILLABLE_S + 2 * STEP_S
    assert "reboot needed" in last.what
    assert ward.liveness.unkillable == {"capture": 100}
    ward.running["capture"] = 200
    ward.judge()
    assert ward.liveness.unkillable == {}


def test_a_process_that_ended_is_not_ended_again() -> None:
    """The next life of the same actor has done nothing yet, and has its own time to start."""
    ward = started("matcher")
    assert ended(ward.wait(NOTICED_S))[0] == ("matcher", SIGABRT)
    ward.running["matcher"] = 200
    assert ward.wait(START_S) == []


def test_a_heartbeat_from_the_life_before_counts_for_nothing() -> None:
    """It may still lie in the socket: the new process would be judged by what the old one said last."""
    ward = started("matcher")
    ward.running["matcher"] = 200
    ward.judge()
    ward.beat("matcher", pid=100)
    assert ward.wait(SILENT_S * 2) == []


@pytest.mark.parametrize(("said", "limit_s"), [(None, START_S), (20.0, 20.0), (600.0, 600.0)])
def test_a_start_has_the_time_that_it_says(said: float | None, limit_s: float) -> None:
    """Firmware for the sensor takes minutes, and is silent; a start that never ends is noticed all the same."""
    ward = Ward(running={"capture": 100})
    ward.judge()
    if said is not None:
        ward.beat("capture", state="starting", start_deadline_s=said)
    assert ward.wait(limit_s - 1) == []
    found = ward.wait(2)
    assert ended(found)[0] == ("capture", SIGABRT)
    assert f"not ready {limit_s:g} s after its start" in found[0][1].what


def test_an_end_in_order_takes_as_long_as_it_takes() -> None:
    """A recorder that writes its last pictures is silent meanwhile: a kill would leave its file without an index."""
    ward = started("sink.recorder")
    ward.beat("sink.recorder", state="stopping")
    assert ward.wait(60) == []


@pytest.mark.parametrize(("actor", "topic"), [(actor, topic.name) for actor, topic in OWES.items()])
def test_input_without_output_is_a_fault(actor: str, topic: str) -> None:
    """It beats, it takes, and nothing comes out: to process state and heartbeat alike it looks well."""
    ward = started(actor, last_out_ns=5, counts={f"{topic}_in": 7})
    assert ward.wait(60, actor, last_out_ns=5, counts={f"{topic}_in": 7}) == [], "no work, no answer owed"
    found = ward.wait(2 * STUCK_S, actor, last_out_ns=5, counts={f"{topic}_in": 8})
    seconds, first = found[0]
    assert first.signal == SIGABRT
    assert f"gets {topic} and has answered nothing" in first.what
    assert STUCK_S <= seconds < STUCK_S + 3


def test_an_answer_that_comes_while_more_is_asked_is_progress() -> None:
    """Under load there is always something unanswered."""
    ward = started("embedder")
    for number in range(60):
        ward.beat("embedder", last_out_ns=number // 5, counts={"crops_in": number})
        assert ward.wait(1) == []


def test_a_counted_loss_is_an_answer() -> None:
    """On a machine that is too slow for its leases every frame is lost: starting the selector again makes it worse."""
    ward = started("selector")
    for number in range(60):
        ward.beat("selector", last_out_ns=5, counts={"frame_in": number}, drops={"lease_expired": number})
        assert ward.wait(1) == []


def test_a_loss_in_the_socket_is_none() -> None:
    """What the socket counts says nothing of the work."""
    ward = started("selector")
    found = []
    for number in range(60):
        ward.beat("selector", last_out_ns=5, counts={"frame_in": number}, drops={"frame.stale": number})
        found += ward.wait(1)
    assert ended(found)[0] == ("selector", SIGABRT)


def test_feedback_is_no_work() -> None:
    """The selector hears matches after the last frame, and owes nothing for them."""
    ward = started("selector", last_out_ns=5, counts={"frame_in": 7})
    for number in range(60):
        ward.beat("selector", last_out_ns=5, last_in_ns=number, counts={"frame_in": 7, "matches_in": number})
        assert ward.wait(1) == []


def test_every_answer_that_is_owed_is_in_the_table_of_topics() -> None:
    """A topic that is renamed would switch the rule off, and nobody would see it."""
    for actor, topic in OWES.items():
        assert TOPICS[topic.name] is topic
        assert actor in topic.readers
        assert any(other.publisher == actor for other in TOPICS.values())


def test_a_live_source_that_falls_silent_is_named_before_anything_is_done() -> None:
    """A camera that came loose: the process lives, beats and delivers nothing, and only a person can plug it in."""
    ward = started("capture", live=True, detail="camera 0", counts={"frames": 90})
    found = ward.wait(DRY_RESTART_S - 2, "capture", live=True, detail="camera 0", counts={"frames": 90})
    ((seconds, verdict),) = found
    assert verdict.signal is None
    assert "no frame" in verdict.what
    assert "(camera 0)" in verdict.what
    assert DRY_S <= seconds < DRY_S + 2
    found = ward.wait(5, "capture", live=True, detail="camera 0", counts={"frames": 90})
    assert ended(found)[0] == ("capture", SIGABRT), "it did not help itself"


def test_a_source_that_gives_frames_again_is_named_again_the_next_time() -> None:
    """Said once and for ever, the second failure of the evening would be silent."""
    ward = started("capture", live=True, counts={"frames": 90})
    for frames in (91, 92, 93):
        ward.beat("capture", live=True, counts={"frames": frames})
        assert len(ward.wait(10, "capture", live=True, counts={"frames": frames})) == 1


def test_a_source_that_stays_silent_is_opened_less_and_less_often() -> None:
    """Every restart may load the sensor's firmware again, for minutes; frames make it as patient as before."""
    ward = started("capture", live=True, counts={"frames": 1})
    waits = []
    for pid in range(200, 206):
        found = ward.wait(700, "capture", live=True)
        waits.append(next(seconds for seconds, verdict in found if verdict.signal))
        ward.running["capture"] = pid
        ward.judge()
        ward.beat("capture", live=True)
        ward.judge()
    assert waits[0] < DRY_RESTART_S + 2
    assert waits[1] > 1.8 * waits[0]
    assert all(before <= after + 1 for before, after in pairwise(waits))
    assert waits[-1] < LAST_DRY_RESTART_S + 2
    ward.beat("capture", live=True, counts={"frames": 5})
    found = ward.wait(DRY_RESTART_S + 5, "capture", live=True, counts={"frames": 5})
    assert any(verdict.signal for _, verdict in found)


def test_the_upload_of_firmware_is_no_silence_of_the_source() -> None:
    """The first frame is due after the start, and not from the birth of the process on."""
    ward = Ward(running={"capture": 100})
    ward.judge()
    ward.beat("capture", state="starting", start_deadline_s=600.0)
    assert ward.wait(300) == []
    ward.beat("capture", live=True)
    assert ward.wait(DRY_S - 1, "capture", live=True) == []


def test_a_stored_source_may_rest() -> None:
    """A replay waits for its readers, and for answers; a folder of pictures may show one a minute."""
    ward = started("capture", counts={"frames": 90})
    assert ward.wait(600, "capture", counts={"frames": 90}) == []


@pytest.mark.parametrize("slept_s", [10.0, 3600.0, 7 * 86400.0])
def test_the_sleep_of_the_judge_is_nobodys_silence(slept_s: float) -> None:
    """A laptop that was closed, a watchdog that was stopped: on waking up, all have been silent, and none hangs."""
    ward = started(*PIPELINE)
    assert ward.judge(slept_s) == []
    assert ward.wait(SILENT_S - 2 * AWAKE_S) == [], "they have their time to wake up as well"
    assert ward.wait(60, *PIPELINE) == []


def test_whoever_hangs_after_the_sleep_is_noticed() -> None:
    """Forgiving must not turn into forgetting."""
    ward = started("matcher")
    ward.judge(3600.0)
    assert ended(ward.wait(NOTICED_S))[0] == ("matcher", SIGABRT)


def test_a_clock_that_stands_or_goes_back_accuses_nobody() -> None:
    """It does not happen to the clock since boot; if it did, a negative silence must not become a long one."""
    ward = started("matcher")
    assert ward.judge(-3600.0) == []
    assert ward.judge(0.0) == []
    assert ward.judge(3600.0) == []


def test_a_stopped_program_is_not_judged() -> None:
    """Whoever was stopped by hand is meant to be silent."""
    ward = started("matcher")
    del ward.running["matcher"]
    assert ward.wait(60) == []
    assert not ward.liveness.ready("matcher")


def test_only_an_actor_that_is_there_now_is_ready() -> None:
    """A back-off that begins anew with every start that fails would be none."""
    ward = Ward(running={"matcher": 100})
    ward.judge()
    assert not ward.liveness.ready("matcher")
    ward.beat("matcher", state="starting")
    ward.judge()
    assert not ward.liveness.ready("matcher")
    ward.beat("matcher")
    ward.judge()
    assert ward.liveness.ready("matcher")


@given(st.lists(st.tuples(st.floats(0.05, 30.0), st.booleans()), max_size=60))
def test_nobody_is_accused_while_he_beats_between_judgements(rounds: list[tuple[float, bool]]) -> None:
    """However irregularly the judge is woken, on a busy machine: what came in meanwhile counts first."""
    ward = started("selector", "matcher")
    missed = 0.0
    for after_s, heard in rounds:
        ward.beat("selector")
        missed = 0.0 if heard else missed + min(after_s, AWAKE_S)
        if heard:
            ward.beat("matcher")
        accused = {verdict.actor for verdict in ward.judge(after_s)}
        assert "selector" not in accused
        if "matcher" in accused:
            assert missed > SILENT_S - 2 * AWAKE_S
            return
