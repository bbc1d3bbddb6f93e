"""The Hailo-8 as an embedding engine, on a stand-in for HailoRT that computes what the chip would."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backend_contract import BackendContract, crops

from actors.backends import MODELS
from actors.backends.hailo import HailoEmbedder, checked
from actors.backends.onnx import OnnxEmbedder
from catalog.embedding import EmbedTimeout, EngineError, ModelError

Open = Callable[..., HailoEmbedder]
NETWORK = MODELS / "embedder_hailo.onnx"
GREY = np.full((1, 358, 256, 3), 128, np.uint8)


class TestSmallNetwork(BackendContract):
    """A network of one matrix, bindings copied as in HailoRT 4.18."""

    @pytest.fixture
    def backend(self, open_hef: Open) -> HailoEmbedder:
        return open_hef()


class TestDeepBindings(BackendContract):
    """The same, bindings copied as in HailoRT 4.20 and later, and a queue for one frame."""

    @pytest.fixture
    def backend(self, open_hef: Open, chip: Any) -> HailoEmbedder:
        chip.shallow = False
        return open_hef(queue=1, outputs=[[1, 1, 8]])


class TestRealNetwork(BackendContract):
    """The network that a HEF is built from."""

    @pytest.fixture
    def backend(self, open_hef: Open) -> HailoEmbedder:
        return open_hef(network=NETWORK, shape=(224, 160, 3), dim=256)


def test_it_gives_what_onnx_runtime_gives(open_hef: Open) -> None:
    """Prevents another picture reaching the chip than the CPU: exchanged channels, sizes or rows show here."""
    ours = open_hef(network=NETWORK, shape=(224, 160, 3), dim=256).embed(crops(3))
    assert np.allclose(ours, OnnxEmbedder(NETWORK).embed(crops(3)), atol=1e-4)


@pytest.mark.parametrize(("count", "batches"), [(3, [3]), (4, [4]), (9, [4, 4, 1])])
def test_a_batch_is_never_longer_than_the_queue(open_hef: Open, chip: Any, count: int, batches: list[int]) -> None:
    """Prevents a wait for room that there can never be: it would time out every time."""
    embedder = open_hef(queue=4)
    assert embedder.embed(crops(count)).shape == (count, 8)
    assert chip.batches == batches


def test_the_scheduler_is_asked_for(open_hef: Open, fake: Any) -> None:
    """Prevents HailoRT's default, under which a model must be activated by hand."""
    open_hef()
    assert fake.CHIP.scheduling is fake.SchedulingAlgorithm.ROUND_ROBIN


def test_callbacks_come_on_a_thread_of_hailorts(open_hef: Open, chip: Any) -> None:
    """Prevents a stand-in that is kinder than the original: there, a callback that raises ends the process."""
    open_hef().embed(GREY)
    assert chip.threads == {"hailort"}


def test_hailort_writes_no_log(open_hef: Open) -> None:
    """Prevents hailort.log in whatever folder the process was started in."""
    open_hef()
    assert os.environ["HAILORT_LOGGER_PATH"] == "NONE"


def test_a_lost_job_that_ends_after_all_spoils_no_later_one(open_hef: Open, chip: Any) -> None:
    """Prevents that the device writes an old card's answer over a new one's."""
    embedder = open_hef(timeout_s=0.01)
    chip.stuck = True
    with pytest.raises(EmbedTimeout, match=r"net\.hef: no answer within 0\.01 s"):
        embedder.embed(crops(2))
    chip.stuck = False
    embedder._timeout_s = 20.0
    expected = embedder.embed(crops(1, seed=50))
    slots = [slot.output.copy() for slot in embedder._slots]
    chip.lost.pop()()
    assert all(np.array_equal(slot.output, kept) for slot, kept in zip(embedder._slots, slots, strict=True))
    assert np.array_equal(embedder.embed(crops(1, seed=50)), expected)


def test_a_full_queue_is_a_timeout(open_hef: Open, chip: Any) -> None:
    """Prevents that a device which takes nothing more is taken for one that is broken at once."""
    embedder = open_hef(timeout_s=0.01, queue=2)
    chip.stuck = True
    for _ in range(3):
        with pytest.raises(EmbedTimeout):
            embedder.embed(crops(2))
    assert chip.batches == [2]


@pytest.mark.parametrize(
    ("status", "words"),
    [(87, r"needs a reset: switch the power off"), (36, r"failed \(run: Failure in hailort driver"), (74, "in use by")],
)
def test_a_job_that_fails_is_no_answer(open_hef: Open, chip: Any, status: int, words: str) -> None:
    """Prevents that whatever lies in the buffer after a failed job is published as a card's vector."""
    embedder = open_hef()
    chip.job_status = status
    with pytest.raises(EngineError, match=words):
        embedder.embed(GREY)


def test_the_device_is_given_back(open_hef: Open, chip: Any) -> None:
    """Prevents that whoever comes next finds the device busy until this process is gone."""
    embedder = open_hef()
    assert embedder.temperature() == 48.5
    assert (chip.owner is None, chip.opened) == (False, 1)
    embedder.close()
    embedder.close()
    assert (chip.owner, chip.opened) == (None, 0)
    assert open_hef().embed(GREY).shape == (1, 8)


def test_a_failed_start_gives_everything_back(open_hef: Open, chip: Any) -> None:
    """Prevents that a wrong model keeps the right one out until the process is gone."""
    with pytest.raises(ModelError):
        open_hef(architecture="hailo8l")
    assert chip.owner is None
    assert open_hef().embed(GREY).shape == (1, 8)


@pytest.mark.parametrize("temperature", [36, 87])
def test_a_sensor_that_fails_is_no_failure(open_hef: Open, chip: Any, temperature: int) -> None:
    """Prevents that a thermometer stops the recognition."""
    embedder = open_hef()
    chip.temperature = temperature
    assert embedder.temperature() is None
    chip.temperature = 61.5
    assert embedder.temperature() == 61.5
    assert chip.opened == 1


def test_the_sensor_may_be_out_of_reach(open_hef: Open, chip: Any) -> None:
    """Prevents that an unwrapped status of HailoRT's scan, which is no HailoRTException, passes through."""
    embedder = open_hef()
    chip.scan_status = 36
    assert embedder.temperature() is None


def test_the_hash_and_the_card_are_the_files(open_hef: Open, tmp_path: Path) -> None:
    """Prevents that a HEF is taken for the ONNX file that it was compiled from: their vectors differ."""
    embedder = open_hef()
    assert embedder.model_hash == hashlib.sha256((tmp_path / "net.hef").read_bytes()).hexdigest()
    assert (embedder.name, embedder.card, embedder.height, embedder.width) == ("net", None, 16, 12)
    embedder.close()
    (tmp_path / "net.json").write_text(json.dumps({"name": "ours", "dim": 8, "licence": "MIT"}))
    assert open_hef().name == "ours"


def test_the_card_of_another_model_is_refused(open_hef: Open, tmp_path: Path) -> None:
    """Prevents that another model's thresholds decide."""
    (tmp_path / "net.json").write_text(json.dumps({"name": "ours", "dim": 256, "licence": "MIT"}))
    with pytest.raises(ModelError, match="256 dimensions, the file has 8"):
        open_hef()


@pytest.mark.parametrize(
    "form",
    [
        {"inputs": [[16, 12, 3], [16, 12, 3]]},
        {"outputs": [[8], [8]]},
        {"inputs": [[16, 12, 4]]},
        {"inputs": [[768]]},
        {"outputs": [[7, 7, 8]]},
    ],
    ids=["two inputs", "two outputs", "four channels", "no picture", "a feature map"],
)
def test_a_network_of_another_form_is_refused(open_hef: Open, chip: Any, form: dict[str, Any]) -> None:
    """Prevents that a detector's HEF is fed cards, and its output taken for a vector."""
    with pytest.raises(ModelError, match=r"net\.hef takes .* the contract is one input"):
        open_hef(**form)
    assert chip.owner is None


SHAPE = (16, 12, 3)


@pytest.mark.parametrize(
    ("buffer", "word"),
    [
        (np.zeros(SHAPE, np.int8), "int8"),
        (np.zeros((12, 16, 3), np.uint8), r"\[12, 16, 3\]"),
        (np.zeros((3, 12, 16), np.uint8).T, "not contiguous"),
        (np.frombuffer(bytes(576), np.uint8).reshape(SHAPE), "not writable"),
    ],
    ids=["type", "shape", "order", "read-only"],
)
def test_what_hailort_does_not_check_we_do(buffer: np.ndarray, word: str) -> None:
    """Prevents that as many bytes of something else are embedded: HailoRT compares their number alone."""
    with pytest.raises(ValueError, match=f"a buffer for the Hailo is uint8 .* not .*{word}"):
        checked(buffer, SHAPE, np.uint8)
    assert checked(np.zeros(SHAPE, np.uint8), SHAPE, np.uint8).shape == SHAPE


def test_a_timeout_of_nothing_is_named(tmp_path: Path) -> None:
    """Prevents that 0 means for ever, or at once."""
    with pytest.raises(ValueError, match="timeout_s"):
        HailoEmbedder(tmp_path / "net.hef", 0)


@pytest.fixture(autouse=True)
def _quick_to_end(chip: Any) -> Iterator[None]:
    """Jobs that a test left stuck are finished, so that closing need not wait for them."""
    yield
    for finish in chip.lost:
        finish()
