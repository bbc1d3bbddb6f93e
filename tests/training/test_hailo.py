"""For the Hailo compiler: normalised once, on the chip; calibrated with what a camera shows; no bad step believed."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from training.augment.pipeline import Augmentation
from training.config import ConfigError
from training.data.generated import generated
from training.distil.student import Plain, Student
from training.encoder import IMAGENET, Encoder
from training.hailo import prepare as prepare_module
from training.hailo.compile import FATAL, HEF, STEPS, CompileError, compile_hef
from training.hailo.prepare import CALIBRATION, FEWEST, NETWORK, SCRIPT, crops, prepare
from training.metric.network import CardEncoder

SIZE = (64, 48)


@pytest.fixture(scope="module")
def network() -> CardEncoder:
    torch.manual_seed(0)
    return CardEncoder(SIZE, (8, 8), (1, 1), 12).eval()


@pytest.fixture(scope="module")
def folder(network: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hailo")
    prepare(network, SIZE, generated(20, SIZE), Augmentation(), out)
    return out


def test_the_graph_takes_one_normalised_picture(folder: Path, network: Encoder) -> None:
    """With the normalisation in the graph and on the chip it would be done twice, which no shape shows."""
    graph = onnx.load(folder / NETWORK).graph
    shape = [axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim]
    assert shape == [1, 3, *SIZE]
    assert not {"Sub", "Div", "Cast", "Transpose"} & {node.op_type for node in graph.node}
    image = torch.rand(1, 3, *SIZE)
    session = ort.InferenceSession((folder / NETWORK).read_bytes(), providers=["CPUExecutionProvider"])
    given = session.run(None, {"image": ((image - 0.45) / 0.25).numpy()})[0]
    assert np.abs(given - network(image).detach().numpy()).max() < 1e-4


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
    cards = generated(10, SIZE)
    assert np.array_equal(crops(cards, Augmentation(), 70), crops(cards, Augmentation(), 70))


def test_the_script_normalises_in_grey_levels(folder: Path, network: Encoder) -> None:
    """The chip is given 0 to 255; our networks count from 0 to 1."""
    assert (
        "normalization1 = normalization([114.75, 114.75, 114.75], [63.75, 63.75, 63.75])"
        in (folder / SCRIPT).read_text().splitlines()
    )
    student = Plain(Student("resnet10t", dim=8))
    assert student.normalisation == IMAGENET
    assert "normalization([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])" in prepare_module.script(student, False)
    assert "a16_w16" in prepare_module.script(network, True)
    assert "a16_w16" not in prepare_module.script(network, False)


def test_too_few_crops_are_refused(network: Encoder, tmp_path: Path) -> None:
    """With fewer the compiler quietly lowers its optimisation level."""
    with pytest.raises(ConfigError, match="1024 crops or more, not 64"):
        prepare(network, SIZE, generated(4, SIZE), Augmentation(), tmp_path / "out", count=64)
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
