"""ONNX Runtime as an embedding engine."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from backend_contract import BackendContract, crops
from onnx import TensorProto, helper, numpy_helper

from actors.backends.onnx import OnnxEmbedder
from catalog.embedding import EmbedTimeout, ModelError

MODELS = Path(__file__).parents[2] / "models"
PLACEHOLDER = Path(__file__).parents[3] / "shared" / "models" / "placeholder.onnx"
SHIPPED = MODELS / "embedder.onnx"


def save(path, nodes, image, embedding, constants=()):
    """A model file with the given nodes between `image` and `embedding` (type, shape)."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", *image)],
        [helper.make_tensor_value_info("embedding", *embedding)],
        initializer=[numpy_helper.from_array(np.asarray(value), name) for name, value in dict(constants).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def mean_colour(path, image=(TensorProto.UINT8, ["n", 16, 12, 3]), embedding=(TensorProto.FLOAT, ["n", 3])):
    """A model whose embedding is the mean of each channel."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["embedding"], axes=[1, 2], keepdims=0),
    ]
    return save(path, nodes, image, embedding)


def endless_for_white(path):
    """A model that counts to 10^12 when the picture is white, and answers at once otherwise."""
    step = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["sum", "one"], ["sum_next"]),
        ],
        "step",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n", 3]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum_next", TensorProto.FLOAT, ["n", 3]),
        ],
    )
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMin", ["float"], ["least"], keepdims=0),
        helper.make_node("Equal", ["least", "white"], ["is_white"]),
        helper.make_node("Where", ["is_white", "many", "none"], ["count"]),
        helper.make_node("Loop", ["count", "", "mean"], ["embedding"], body=step),
    ]
    constants = {
        "one": np.float32(1),
        "white": np.float32(255),
        "many": np.int64(10**12),
        "none": np.int64(0),
    }
    return save(path, nodes, (TensorProto.UINT8, ["n", 16, 12, 3]), (TensorProto.FLOAT, ["n", 3]), constants)


class TestThumbnail(BackendContract):
    """The model that ships."""

    @pytest.fixture
    def backend(self):
        return OnnxEmbedder(SHIPPED)


class TestWithTimeout(BackendContract):
    """The same model, watched over by a timeout."""

    @pytest.fixture
    def backend(self):
        embedder = OnnxEmbedder(SHIPPED, timeout_s=60)
        yield embedder
        embedder.close()


@pytest.mark.shared
@pytest.mark.skipif(not PLACEHOLDER.is_file(), reason="the shared model is not here")
class TestTrained(BackendContract):
    """A trained network."""

    @pytest.fixture
    def backend(self):
        return OnnxEmbedder(PLACEHOLDER)


def test_channels_arrive_in_the_order_red_green_blue(tmp_path):
    """Prevents that red and blue are exchanged, or height and width, between references and model."""
    embedder = OnnxEmbedder(mean_colour(tmp_path / "m.onnx"))
    card = np.empty((1, 358, 256, 3), np.uint8)
    card[:] = (200, 100, 50)
    assert np.allclose(embedder.embed(card), [[200, 100, 50]])
    assert (embedder.height, embedder.width, embedder.dim) == (16, 12, 3)


def test_a_model_larger_than_a_crop_gets_an_interpolated_picture(tmp_path):
    """Prevents blocks of repeated pixels where a model takes 448 x 448."""
    embedder = OnnxEmbedder(mean_colour(tmp_path / "m.onnx", (TensorProto.UINT8, ["n", 448, 448, 3])))
    assert np.allclose(embedder.embed(crops(2)), crops(2).mean(axis=(1, 2)), atol=2)


def test_the_hash_is_that_of_the_file():
    """Prevents that two files with one name are taken for the same model."""
    assert OnnxEmbedder(SHIPPED).model_hash == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()


def test_a_timeout_raises_and_the_engine_serves_the_next_call(tmp_path):
    """Prevents zeros for a failure, and an inference that runs on for ever and blocks all later ones."""
    embedder = OnnxEmbedder(endless_for_white(tmp_path / "m.onnx"), timeout_s=0.05)
    with pytest.raises(EmbedTimeout, match=r"m\.onnx: no answer within 0\.05 s"):
        embedder.embed(np.full((1, 358, 256, 3), 255, np.uint8))
    embedder._timeout_s = 60  # a busy machine must not fail the second call
    assert np.allclose(embedder.embed(np.full((1, 358, 256, 3), 7, np.uint8)), 7)
    embedder.close()


def test_a_large_batch_takes_no_more_memory_than_a_small_one(tmp_path):
    """ONNX Runtime keeps what its largest run took: after a restart, when many crops wait, that was 40 MB for good."""
    embedder = OnnxEmbedder(mean_colour(tmp_path / "m.onnx"))
    session, sizes = embedder._session, []

    class Watched:
        def run(self, names, feed):
            sizes.extend(len(images) for images in feed.values())
            return session.run(names, feed)

    embedder._session = Watched()
    many = crops(11)
    assert np.array_equal(embedder.embed(many), np.concatenate([embedder.embed(many[[row]]) for row in range(11)]))
    assert max(sizes) <= 4


@pytest.mark.parametrize(
    ("image", "embedding", "word"),
    [
        ((TensorProto.FLOAT, ["n", 16, 12, 3]), (TensorProto.FLOAT, ["n", 3]), r"takes image: tensor\(float\)"),
        ((TensorProto.UINT8, [1, 16, 12, 3]), (TensorProto.FLOAT, [1, 3]), "n dynamic"),
        ((TensorProto.UINT8, ["n", "h", "w", 3]), (TensorProto.FLOAT, ["n", 3]), "height"),
        ((TensorProto.UINT8, ["n", 16, 12, 4]), (TensorProto.FLOAT, ["n", 4]), "RGB"),
    ],
)
def test_a_model_of_another_form_is_refused(tmp_path, image, embedding, word):
    """Prevents that a model with normalisation outside, another layout or a fixed batch is fed all the same."""
    with pytest.raises(ModelError, match=word) as caught:
        OnnxEmbedder(mean_colour(tmp_path / "m.onnx", image, embedding))
    assert "m.onnx" in str(caught.value)


def test_an_output_of_another_rank_is_refused(tmp_path):
    """Prevents that a feature map is taken for an embedding."""
    nodes = [helper.make_node("Cast", ["image"], ["embedding"], to=TensorProto.FLOAT)]
    shape = ["n", 16, 12, 3]
    path = save(tmp_path / "m.onnx", nodes, (TensorProto.UINT8, shape), (TensorProto.FLOAT, shape))
    with pytest.raises(ModelError, match=r"the contract is one output, float32 \[n, dim\]"):
        OnnxEmbedder(path)


def test_a_model_that_ignores_the_batch_is_found_out(tmp_path):
    """Prevents that the first crop's embedding is given to every card of a frame."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=[0, 1, 2], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "zero"], ["embedding"]),
    ]
    image, embedding = (TensorProto.UINT8, ["n", 16, 12, 3]), (TensorProto.FLOAT, ["m", 3])
    embedder = OnnxEmbedder(save(tmp_path / "m.onnx", nodes, image, embedding, {"zero": np.array([0])}))
    with pytest.raises(ModelError, match=r"2 crops gave an output \[1, 3\]"):
        embedder.embed(crops(2))


@pytest.mark.parametrize("content", [None, b"", b"<html>not found</html>", SHIPPED.read_bytes()[:4000]])
def test_a_file_that_is_no_model_is_one_clear_error(tmp_path, content):
    """Prevents a protobuf message without a file name for a failed download."""
    path = tmp_path / "broken.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.onnx") as caught:
        OnnxEmbedder(path)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_model(tmp_path):
    """Prevents an IsADirectoryError without the remedy."""
    with pytest.raises(ModelError, match=r"give the path of an \.onnx file"):
        OnnxEmbedder(tmp_path)


def test_the_card_beside_the_model_is_read(tmp_path):
    """Prevents that calibrated thresholds are left unused."""
    path = mean_colour(tmp_path / "m.onnx")
    assert OnnxEmbedder(path).card is None
    assert OnnxEmbedder(path).name == "m"
    card = {"name": "mean", "dim": 3, "licence": "MIT", "thresholds": {"gap_confirmed": 0.4}, "metrics": {"x": 1}}
    (tmp_path / "m.json").write_text(json.dumps(card))
    embedder = OnnxEmbedder(path)
    assert (embedder.name, embedder.card.thresholds.gap_confirmed) == ("mean", 0.4)


@pytest.mark.parametrize(
    ("card", "word"),
    [
        ("{", "m.json"),
        ('{"name": "x", "dim": 4, "licence": "MIT"}', "4 dimensions"),
        ('{"name": "x", "dim": 3, "licence": "MIT", "thresholds": {"gap": 1}}', "gap"),
        ('{"name": "x", "dim": 3, "licence": "MIT", "thresholds": {"fair": 0.01}}', "thresholds"),
    ],
)
def test_a_card_that_is_wrong_is_named(tmp_path, card, word):
    """Prevents that the card of another model sets the limits."""
    path = mean_colour(tmp_path / "m.onnx")
    (tmp_path / "m.json").write_text(card)
    with pytest.raises(ModelError, match=word):
        OnnxEmbedder(path)


@pytest.mark.parametrize("options", [{"threads": 0}, {"timeout_s": 0}])
def test_options_out_of_range_are_named(options):
    """Prevents that 0 threads mean all cores, as ONNX Runtime reads it."""
    with pytest.raises(ValueError, match=next(iter(options))):
        OnnxEmbedder(SHIPPED, **options)


def test_warming_up_changes_nothing():
    """Prevents that the first inference, which is another, leaves a state behind."""
    cold, warm = OnnxEmbedder(SHIPPED), OnnxEmbedder(SHIPPED)
    warm.warm_up()
    assert np.array_equal(cold.embed(crops(2)), warm.embed(crops(2)))
