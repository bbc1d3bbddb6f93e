"""embedder: every crop gets its own vector or a failure, never zeros, and never somebody else's."""

from collections.abc import Iterator

import numpy as np
import pytest
from actor_fakes import PixelEmbedder, mosaic

from actors import embedder as module
from actors.config import Config, updated
from actors.embedder import Embedder, EmbedderStuck
from bus.actor import ROUND_S
from bus.fake import FakeBus
from bus.messages import Crop, Crops, Embeddings
from bus.topics import CROPS
from catalog.embedding import EmbedTimeout, EngineError, normalise
from vision.phash import perceptual_hashes
from vision.rectify import CROP_HEIGHT, CROP_WIDTH, Image, half_turn

MAX_BATCH = 6


class Rig:
    """An embedder on a fake bus, with a model that can be told to fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bus, self.model = FakeBus(), PixelEmbedder()
        monkeypatch.setattr(module, "open_backend", lambda _: self.model)
        self.embedder = Embedder(self.bus, updated(Config(), "embedder", max_batch=MAX_BATCH))
        self.embedder.start()
        self.model.batches.clear()

    def hand(self, frame: int, *turns: list[int]) -> list[Image]:
        """Give it a message with a crop for each list of turns, without letting it work; the crops."""
        pictures = [mosaic(100 * frame + place, CROP_HEIGHT, CROP_WIDTH) for place in range(len(turns))]
        crops = [Crop(place + 1, frame, list(these)) for place, these in enumerate(turns)]
        message = Crops(stream="s1", frame=frame, t_ns=frame, width=CROP_WIDTH, height=CROP_HEIGHT, crops=crops)
        self.embedder.receive(CROPS, message, [memoryview(picture.tobytes()) for picture in pictures])
        return pictures

    def sent(self) -> list[tuple[Embeddings, np.ndarray, np.ndarray]]:
        found = []
        for _, message, (vectors, hashes) in self.bus.sent:
            assert isinstance(message, Embeddings)
            rows = np.frombuffer(vectors, np.float32).reshape(-1, message.dim)
            found.append((message, rows, np.frombuffer(hashes, np.uint8).reshape(-1, 64)))
        self.bus.sent.clear()
        return found


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    yield Rig(monkeypatch)


def expected(rig: Rig, *readings: Image) -> np.ndarray:
    return normalise(PixelEmbedder().embed(np.stack(readings)))


def test_readings_come_in_the_order_of_items_and_turns(rig: Rig) -> None:
    """Rows carry no names: only their order says which vector is which card, read which way."""
    first, second = rig.hand(7, [0, 2], [2])
    rig.embedder.step()
    ((message, rows, hashes),) = rig.sent()
    readings = [first, half_turn(first), half_turn(second)]
    assert np.allclose(rows, expected(rig, *readings), atol=1e-6)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert np.array_equal(hashes, perceptual_hashes(np.stack(readings)))
    assert [(item.track, item.frame, item.turns, item.error) for item in message.items] == [
        (1, 7, [0, 2], None),
        (2, 7, [2], None),
    ]
    assert (message.stream, message.frame, message.model, message.dim) == ("s1", 7, "ab" * 32, 192)
    assert [hop.stage for hop in message.trace] == ["embed"]


def test_what_waits_goes_through_in_one_inference(rig: Rig) -> None:
    """Five cards one after the other would take five times as long; each message still gets its own rows."""
    pictures = [rig.hand(frame, [0]) for frame in range(3)]
    assert rig.embedder.queue() == 3
    rig.embedder.step()
    sent = rig.sent()
    assert rig.model.batches == [3]
    assert [message.frame for message, _, _ in sent] == [0, 1, 2]
    for (_, rows, _), (picture,) in zip(sent, pictures, strict=True):
        assert np.allclose(rows, expected(rig, picture), atol=1e-6)


def test_a_batch_ends_where_the_configuration_says(rig: Rig) -> None:
    """The accelerator has room for so many; a message is not torn apart as long as it fits."""
    rig.hand(0, [0, 2], [0, 2])
    rig.hand(1, [0, 2], [0, 2])
    rig.embedder.step()
    assert rig.model.batches == [4, 4]
    assert [message.frame for message, _, _ in rig.sent()] == [0, 1]


def test_a_message_larger_than_a_batch_is_embedded_in_parts(rig: Rig) -> None:
    """A binder page has nine cards, 18 readings: more than a small accelerator takes at once."""
    pictures = rig.hand(0, *[[0]] * 9)
    rig.embedder.step()
    ((_, rows, _),) = rig.sent()
    assert rig.model.batches == [6, 3]
    assert np.allclose(rows, expected(rig, *pictures), atol=1e-6)


def test_a_timeout_is_published_as_a_failure(rig: Rig) -> None:
    """Zeros would match something; silence would make the smoother wait."""
    rig.model.failures = [EmbedTimeout("no answer within 1 s")]
    rig.hand(0, [0, 2], [0])
    rig.embedder.step()
    ((message, rows, hashes),) = rig.sent()
    assert (len(rows), len(hashes)) == (0, 0)
    assert [item.error for item in message.items] == ["no answer within 1 s"] * 2
    assert rig.bus.drops == {"embed_failed": 3}
    assert rig.bus.counts["embeddings"] == 0


def test_a_timeout_is_enough_for_one_round(rig: Rig) -> None:
    """Two in a row, or one and the temperature of a device that does not answer, and the watchdog would end it."""
    rig.model.temperatures = [41.0]
    rig.model.failures = [EmbedTimeout("slow"), EmbedTimeout("slow")]
    for frame in range(2):
        rig.hand(frame, [0, 2], [0, 2])
    assert rig.embedder.step() == 0.0, "it comes back at once, after a heartbeat"
    assert len(rig.sent()) == 1
    rig.embedder.step()
    assert len(rig.sent()) == 1
    assert rig.model.temperatures == [41.0], "not asked for yet"
    rig.embedder.step()
    assert rig.model.temperatures == []


def test_a_round_may_take_as_long_as_an_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives a slow engine five seconds does not want it to be ended after two."""
    for timeout_ms, said in ((5000.0, 5.0), (200.0, ROUND_S)):
        bus = FakeBus()
        monkeypatch.setattr(module, "open_backend", lambda _: PixelEmbedder())
        Embedder(bus, updated(Config(), "embedder", timeout_ms=timeout_ms)).start()
        assert bus.announced == [said]


def test_what_waits_at_the_end_is_embedded_whatever_timed_out(rig: Rig) -> None:
    """One timeout on the way out, and the frames behind it would never be answered."""
    rig.model.failures = [EmbedTimeout("slow")]
    for frame in range(2):
        rig.hand(frame, [0, 2], [0, 2])
    rig.embedder.finish()
    assert len(rig.sent()) == 2


def test_three_timeouts_in_a_row_end_the_process(rig: Rig) -> None:
    """A wedged accelerator needs a new process. It started well, so it is no refusal: all three are answered first."""
    for frame in range(2):
        rig.model.failures = [EmbedTimeout("slow")]
        rig.hand(frame, [0])
        rig.embedder.step()
    rig.model.failures = [EmbedTimeout("slow")]
    rig.hand(2, [0])
    with pytest.raises(EmbedderStuck, match="needs a reset"):
        rig.embedder.step()
    assert [message.items[0].error for message, _, _ in rig.sent()] == ["slow"] * 3


def test_timeouts_now_and_then_are_no_reason_to_die(rig: Rig) -> None:
    """A machine that is busy for a moment recovers by itself."""
    for frame in range(8):
        rig.model.failures = [EmbedTimeout("slow")] if frame % 3 else []
        rig.hand(frame, [0])
        rig.embedder.step()
    assert sum(message.items[0].error is not None for message, _, _ in rig.sent()) == 5


def test_a_slow_first_inference_is_no_refusal(rig: Rig) -> None:
    """The first one allocates and uploads: on a cold machine it takes longer than any later one may."""
    rig.model.failures = [EmbedTimeout("slow")]
    rig.embedder.start()
    rig.hand(0, [0])
    rig.embedder.step()
    assert rig.sent()[0][0].items[0].error is None


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0], ids=["nan", "infinite", "no direction"])
def test_a_vector_that_is_of_no_use_is_a_failure(rig: Rig, value: float) -> None:
    """NaN compares as neither near nor far, and zeros as equally far from all: both would come out as some card."""
    rig.model.spoilt = {0: value}
    rig.hand(0, [0])
    rig.embedder.step()
    ((message, rows, hashes),) = rig.sent()
    assert (len(rows), len(hashes)) == (0, 0)
    assert message.items[0].error == "an embedding is not finite or has no direction"
    assert rig.bus.drops == {"embed_failed": 1}
    assert rig.bus.counts["embeddings"] == 0


def test_one_bad_vector_costs_the_others_nothing(rig: Rig) -> None:
    """A single picture that the model cannot bear would leave every card of the frame, and of the next, nameless."""
    first, _, third = rig.hand(0, [0, 2], [0, 2], [0])
    (alone,) = rig.hand(1, [2])
    rig.model.spoilt = {3: np.nan}
    rig.embedder.step()
    (message, rows, hashes), (other, its_row, _) = rig.sent()
    assert rig.model.batches == [6]
    assert [item.error for item in message.items] == [None, "an embedding is not finite or has no direction", None]
    readings = [first, half_turn(first), third]
    assert np.allclose(rows, expected(rig, *readings), atol=1e-6)
    assert np.array_equal(hashes, perceptual_hashes(np.stack(readings)))
    assert other.items[0].error is None
    assert np.allclose(its_row, expected(rig, half_turn(alone)), atol=1e-6)
    assert rig.bus.drops == {"embed_failed": 2}
    assert rig.bus.counts["embeddings"] == 4


def test_a_bad_vector_is_no_timeout(rig: Rig) -> None:
    """An engine that answers needs no reset, whatever it answers."""
    rig.model.spoilt = {0: np.nan}
    for frame in range(5):
        rig.hand(frame, [0])
        rig.embedder.step()
    assert len(rig.sent()) == 5


@pytest.mark.parametrize(
    ("width", "height", "crops", "blobs", "error"),
    [
        (256, 358, 1, [], "1 crops came with 0 blobs"),
        (256, 358, 1, [b"short"], "a crop has 274944 bytes, not 5"),
        (256, 358, 2, [bytes(256 * 358 * 3)], "2 crops came with 1 blobs"),
        (0, 358, 1, [b""], "crops are 256 x 358 px, not 0 x 358"),
        (0, 0, 1, [b""], "crops are 256 x 358 px, not 0 x 0"),
        (-256, -358, 1, [bytes(256 * 358 * 3)], "crops are 256 x 358 px, not -256 x -358"),
        (128, 179, 1, [bytes(128 * 179 * 3)], "crops are 256 x 358 px, not 128 x 179"),
    ],
    ids=["no blob", "short", "a blob too few", "no width", "no size", "negative", "other size"],
)
def test_malformed_crops_are_answered_as_failures(
    rig: Rig, width: int, height: int, crops: int, blobs: list[bytes], error: str
) -> None:
    """Without an answer the smoother would hold the frame back, and the selector would take the crop for on its way."""
    message = Crops(stream="s1", frame=0, t_ns=0, width=width, height=height, crops=[Crop(7, 0, [0])] * crops)
    rig.embedder.receive(CROPS, message, [memoryview(blob) for blob in blobs])
    rig.embedder.step()
    ((answer, rows, hashes),) = rig.sent()
    assert (answer.stream, answer.frame, len(rows), len(hashes)) == ("s1", 0, 0, 0)
    assert [(item.track, item.frame, item.error) for item in answer.items] == [(7, 0, error)] * crops
    assert rig.bus.drops == {"malformed": crops}
    assert rig.model.batches == []


@pytest.mark.parametrize("turns", [[], [1], [0, 7]])
def test_readings_that_do_not_exist_are_answered_as_failures(rig: Rig, turns: list[int]) -> None:
    """A quarter turn would need another shape of crop."""
    rig.hand(0, turns)
    rig.embedder.step()
    ((answer, rows, _),) = rig.sent()
    assert (answer.items[0].error, len(rows)) == (f"the readings of a crop are 0 and 2, not {turns}", 0)
    assert rig.bus.drops == {"malformed": 1}


def test_a_malformed_crop_costs_the_others_nothing(rig: Rig) -> None:
    """A damaged or foreign message ends neither the process nor the batch that it came with."""
    rig.hand(0, [0], [1], [2])
    rig.hand(1, [0])
    rig.embedder.step()
    (message, rows, _), (other, _, _) = rig.sent()
    assert rig.model.batches == [3]
    assert [item.error is None for item in message.items] == [True, False, True]
    assert len(rows) == 2
    assert [item.error for item in other.items] == [None]
    assert rig.bus.drops == {"malformed": 1}


def test_a_message_without_crops_is_answered_without_any(rig: Rig) -> None:
    """Nothing to stack is no reason to end the process."""
    message = Crops(stream="s1", frame=0, t_ns=0, width=CROP_WIDTH, height=CROP_HEIGHT, crops=[])
    rig.embedder.receive(CROPS, message, [])
    rig.embedder.step()
    ((answer, _, _),) = rig.sent()
    assert answer.items == []
    assert rig.bus.drops == {"malformed": 1}


def test_the_end_embeds_what_waits(rig: Rig) -> None:
    """The last card of a stream is a card, too."""
    rig.hand(0, [0])
    rig.embedder.finish()
    assert len(rig.sent()) == 1


def test_an_engine_that_is_broken_ends_the_process(rig: Rig) -> None:
    """Only a new process gets a failed device back; what was asked of this one is answered first."""
    rig.model.failures = [EngineError("the device needs a reset")]
    rig.hand(0, [0, 2])
    with pytest.raises(EngineError, match="needs a reset"):
        rig.embedder.step()
    ((message, rows, _),) = rig.sent()
    assert (message.items[0].error, len(rows)) == ("the device needs a reset", 0)
    assert rig.bus.drops == {"embed_failed": 2}


def test_the_temperature_is_asked_for_now_and_then(rig: Rig) -> None:
    """Each question takes the device's time; and one that did not answer is left alone for a minute."""
    rig.model.temperatures = [48.5, 52.0, None, 60.0]
    seen = []
    for _ in range(80):
        rig.embedder.step()
        seen.append(rig.embedder.temperature_c)
        rig.bus.clock.advance(1000)
    assert [seen.index(48.5), seen.index(52.0), seen.index(None), seen.index(60.0)] == [0, 5, 10, 70]


def test_the_device_is_given_back(rig: Rig) -> None:
    """The next process needs it."""
    rig.embedder.close()
    assert rig.model.closed


def test_a_process_that_never_opened_its_engine_can_be_closed() -> None:
    """The loop closes what failed to start, and its error is the one to be seen."""
    Embedder(FakeBus(), Config()).close()
