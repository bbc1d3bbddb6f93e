"""For the Hailo compiler: normalised once, on the chip; calibrated with what a camera shows; no bad step believed."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from actors.backends import MODELS
from training.augment.pipeline import Augmentation
from training.config import ConfigError
from training.data.generated import generated
from training.distil.student import Plain, Student
from training.encoder import IMAGENET, Encoder, normalised
from training.export import ExportError, FromBytes, embedder_form, picture_size, write
from training.hailo import prepare as module
from training.hailo.compile import FATAL, HEF, STEPS, CompileError, compile_hef
from training.hailo.prepare import CALIBRATION, FEWEST, NETWORK, SCRIPT, cards_below, crops, prepare, script, split
from training.metric.network import CardEncoder

SIZE = (64, 48)


@pytest.fixture(scope="module")
def network() -> CardEncoder:
    torch.manual_seed(0)
    made = CardEncoder(SIZE, (8, 8), (1, 1), 12)
    made(torch.rand(16, 3, *SIZE))  # normalisations that have seen something
    return made.eval()


@pytest.fixture(scope="module")
def shown() -> np.ndarray:
    return crops(generated(20, SIZE).images, Augmentation(), FEWEST)


@pytest.fixture(scope="module")
def folder(network: Encoder, shown: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hailo")
    prepare(exported(network, out / "model.onnx"), shown, out)
    return out


def exported(network: Encoder, file: Path, *, half: bool = False) -> Path:
    write(FromBytes(network), embedder_form(SIZE, half=half), file, half=half)
    return file


def said_of(file: Path, image: torch.Tensor) -> np.ndarray:
    session = ort.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"image": image.numpy()})[0])


def test_the_graph_takes_one_normalised_picture(folder: Path, network: Encoder) -> None:
    """With the normalisation in the graph and on the chip it would be done twice, which no shape shows."""
    graph = onnx.load(folder / NETWORK).graph
    ports = [[axis.dim_value for axis in port.type.tensor_type.shape.dim] for port in (graph.input[0], graph.output[0])]
    assert ports == [[1, 3, *SIZE], [1, 12]]
    kinds = {node.op_type for node in graph.node}
    assert kinds <= {"Conv", "Relu", "Add", "AveragePool", "Flatten", "Gemm"}  # all of which the chip has
    image = torch.rand(1, 3, *SIZE)
    given = said_of(folder / NETWORK, (image - 0.45) / 0.25)
    assert np.abs(given - network(image).detach().numpy()).max() < 1e-4


def test_weights_of_16_bits_are_given_with_32(network: Encoder, shown: np.ndarray, tmp_path: Path) -> None:
    """What ships is stored with 16 bits; the compiler's parser knows no casts, and quantises by itself."""
    prepare(exported(network, tmp_path / "half.onnx", half=True), shown, tmp_path)
    graph = onnx.load(tmp_path / NETWORK).graph
    assert "Cast" not in {node.op_type for node in graph.node}
    assert {weight.data_type for weight in graph.initializer} <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}
    image = torch.rand(1, 3, *SIZE)
    given, wanted = said_of(tmp_path / NETWORK, (image - 0.45) / 0.25), network(image).detach().numpy()
    assert np.abs(given - wanted).max() / np.linalg.norm(wanted) < 1e-2


@pytest.mark.parametrize("backbone", ["resnet10t", "convnext_atto"])
def test_a_student_is_split_where_its_first_convolution_is(backbone: str) -> None:
    """Its normalisation is another one, and its graph is the exporter's of a library."""
    torch.manual_seed(0)
    student = Plain(Student(backbone, dim=8)).eval()
    buffer = io.BytesIO()
    shape = torch.zeros(1, *SIZE, 3, dtype=torch.uint8)
    torch.onnx.export(FromBytes(student).eval(), (shape,), buffer, dynamo=False, opset_version=17)
    parted, normalisation = split(onnx.load_from_string(buffer.getvalue()), SIZE)
    assert np.allclose(normalisation, IMAGENET, atol=1e-5)
    image = torch.rand(1, 3, *SIZE)
    session = ort.InferenceSession(parted.SerializeToString(), providers=["CPUExecutionProvider"])
    given = session.run(None, {"image": normalised(image, IMAGENET).numpy()})[0]
    assert np.abs(given - student(image).detach().numpy()).max() < 1e-4


def test_calibration_shows_raw_camera_like_crops(folder: Path) -> None:
    """Clean or normalised pictures would give the chip ranges that no camera keeps to."""
    shown = np.load(folder / CALIBRATION)
    assert shown.shape == (FEWEST, *SIZE, 3)
    assert shown.dtype == np.uint8
    assert shown.max() > 200
    assert 40 < shown.mean() < 215
    assert len(np.unique(shown.reshape(len(shown), -1), axis=0)) == FEWEST


def test_calibration_can_be_made_again() -> None:
    """A file that was compiled yesterday can be compiled today."""
    cards = generated(10, SIZE).images
    assert np.array_equal(crops(cards, Augmentation(), 70), crops(cards, Augmentation(), 70))


def test_a_folder_of_pictures_is_spread_over(tmp_path: Path) -> None:
    """The first 1,024 of 17,592 pictures are of three sets."""
    for name, grey in (("a", 10), ("b/c", 90), ("d", 200)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((30, 20, 3), grey, np.uint8))
    assert cards_below(tmp_path, (8, 6), 2)[:, 0, 0, 0].tolist() == [10, 200]
    assert cards_below(tmp_path, (8, 6), 9).shape == (3, 3, 8, 6)
    assert cards_below(None, (8, 6), 2).shape == (2, 3, 8, 6)


def test_the_script_normalises_in_grey_levels(folder: Path) -> None:
    """The chip is given 0 to 255; our networks count from 0 to 1."""
    assert (
        "normalization1 = normalization([114.75, 114.75, 114.75], [63.75, 63.75, 63.75])"
        in (folder / SCRIPT).read_text().splitlines()
    )
    assert "normalization([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])" in script(IMAGENET, False)
    assert "a16_w16" in script(IMAGENET, True)
    assert "a16_w16" not in script(IMAGENET, False)


def test_too_few_crops_are_refused(network: Encoder, shown: np.ndarray, tmp_path: Path) -> None:
    """With fewer the compiler quietly lowers its optimisation level."""
    with pytest.raises(ConfigError, match="1024 crops or more, not 64"):
        prepare(exported(network, tmp_path / "model.onnx"), shown[:64], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_kind_of_file_is_refused(shown: np.ndarray, tmp_path: Path) -> None:
    """The models that ship for CPUs have 8 bits of their own, which the chip cannot take."""
    with pytest.raises(ConfigError, match="has 8 bits already"):
        prepare(MODELS / "embedder.onnx", shown, tmp_path / "out")
    with pytest.raises(ExportError, match="does not take uint8 pictures"):
        picture_size(MODELS / "finder.onnx")
    (tmp_path / "no.onnx").write_bytes(b"no model at all")
    with pytest.raises(ExportError, match=r"no\.onnx is no ONNX file"):
        picture_size(tmp_path / "no.onnx")
    with pytest.raises(ExportError, match=r"nowhere\.onnx is no ONNX file"):
        picture_size(tmp_path / "nowhere.onnx")


def test_a_graph_that_says_something_else_is_not_written(
    network: Encoder, shown: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut in the wrong place, it would compile, and name cards by chance."""
    file = exported(network, tmp_path / "model.onnx")
    monkeypatch.setattr(module, "split", lambda whole, size: (split(whole, size)[0], IMAGENET))
    with pytest.raises(ExportError, match="without its normalisation differs by"):
        prepare(file, shown, tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Compiler:
    """The vendor's command: every step ends well and the last one writes a HEF, but for what a test says."""

    def __init__(self, **said: tuple[int, str]) -> None:
        self.said, self.commands = said, []  # type: ignore[var-annotated]

    def __call__(self, words: Sequence[str], folder: Path) -> tuple[int, str]:
        self.commands.append(list(words))
        step = words[1]
        if step == "compiler":
            (folder / HEF).write_bytes(b"\x01HEF")
        return self.said.get(step.replace("-", "_"), (0, "[info] all well\n"))


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    for name in (NETWORK, CALIBRATION, SCRIPT):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_the_steps_are_the_vendors(prepared: Path) -> None:
    """The option is --calib-set-path with a file; --calib-set with a folder does not exist."""
    compiler = Compiler()
    assert compile_hef(prepared, compiler) == prepared / HEF
    assert [words[:2] for words in compiler.commands] == [["hailo", step] for step in STEPS]
    optimize = compiler.commands[1]
    assert optimize[optimize.index("--calib-set-path") + 1] == CALIBRATION
    assert optimize[optimize.index("--model-script") + 1] == SCRIPT
    assert (prepared / "optimize.log").read_text() == "[info] all well\n"


@pytest.mark.parametrize("line", FATAL)
def test_a_step_that_says_it_went_wrong_is_believed(prepared: Path, line: str) -> None:
    """It exits with 0 after it has left the optimisation out, and the file is worthless."""
    (prepared / HEF).write_bytes(b"yesterday's")
    with pytest.raises(CompileError, match=r"hailo optimize failed .*optimize\.log"):
        compile_hef(prepared, Compiler(optimize=(0, f"[warning] hm\n {line}, sorry\n")))
    assert not (prepared / HEF).exists()


@pytest.mark.parametrize(
    ("compiler", "said"),
    [
        (lambda: Compiler(parser=(1, "no such layer")), r"hailo parser failed \(exit code 1\)"),
        (lambda: Compiler(compiler=(0, "[error] out of memory")), r"hailo compiler failed \(\[error\] out of memory\)"),
    ],
)
def test_a_step_that_fails_ends_the_build(prepared: Path, compiler: Callable[[], Compiler], said: str) -> None:
    """A HEF of a build that failed must not be there to be shipped."""
    with pytest.raises(CompileError, match=said):
        compile_hef(prepared, compiler())
    assert not (prepared / HEF).exists()


def test_what_is_missing_is_named(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files come from one command, the compiler from the vendor."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CompileError, match=r"Dataflow Compiler 3\.33"):
        compile_hef(prepared)
    (prepared / CALIBRATION).unlink()
    with pytest.raises(CompileError, match=r"calibration\.npy is not there: sleevesight train hailo"):
        compile_hef(prepared)
