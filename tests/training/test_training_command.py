"""`sleevesight train`: wrong input is one line with the key or file, and nothing is half written."""

import json
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import nn

from actors.backends.onnx import OnnxEmbedder
from cli.main import main as sleevesight
from training.__main__ import main
from training.config import ConfigError, keep, kept, load
from training.export import ExportError, FromBytes, embedder_form, write
from training.metric.train import MetricConfig, Network
from training.recipes import CONFIGS, RECIPES
from training.run import BEST, Plan
from training.sagemaker import arguments, job


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_file_of_settings_is_one(file: Path) -> None:
    """A key that was renamed in the code would only be missed on the day of the long run."""
    kinds = [one.settings for name, one in RECIPES.items() if file.stem == name or name in file.stem.split("_")]
    assert len(kinds) == 1
    load(file, kinds[0])


@pytest.mark.parametrize(
    ("content", "override", "said"),
    [
        ("out = 'x'\nplan = {steps = 5}\nfoo = 1", None, "unknown field `foo`"),
        ("out = 'x'\nplan = {steps = 'many'}", None, r"\$\.plan\.steps"),
        ("out = 'x'", None, "required field `plan`"),
        ("out = ", None, "Invalid value"),
        ("out = 'x'\nplan = {steps = 5}", "plan.rate", "sets nothing"),
        ("out = 'x'\nplan = {steps = 5}", "out.rate=3", "out is no table"),
        ("out = 'x'\nplan = {steps = 5}", "plan.precision=half", r"Invalid enum value 'half' - at `\$\.plan"),
    ],
)
def test_wrong_settings_name_their_key(tmp_path: Path, content: str, override: str | None, said: str) -> None:
    """Training by a default in place of a misspelt key costs hours."""
    file = tmp_path / "run.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=said):
        load(file, MetricConfig, [override] if override else [])


def test_single_settings_are_set_anew(tmp_path: Path) -> None:
    """Numbers as numbers, words without quotes, tables that are not there yet."""
    file = tmp_path / "run.toml"
    file.write_text("out = 'x'\nplan = {steps = 5}")
    made = load(
        file, MetricConfig, ["plan.steps=9", "out=/somewhere/else", "data.held_out=['a']", "recipe.loss=arcface"]
    )
    assert (made.plan.steps, made.out, made.data.held_out, made.recipe.loss) == (
        9,
        Path("/somewhere/else"),
        ("a",),
        "arcface",
    )


def test_settings_are_kept_as_they_were(tmp_path: Path) -> None:
    """A model is exported by the settings that it was trained with, not by today's file."""
    config = load(CONFIGS / "metric.toml", MetricConfig)
    keep("metric", config, tmp_path)
    assert kept(tmp_path, "metric", MetricConfig) == config
    with pytest.raises(ConfigError, match="is a run of 'metric'"):
        kept(tmp_path, "student", MetricConfig)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["metric", "--config", "nowhere.toml"], "nowhere.toml: No such file"),
        (["export", "nowhere", "--out", "x.onnx"], "nowhere holds no run"),
        (["student", "--set", "out={tmp}/s", "--set", "teacher={tmp}/nobody"], "nobody holds no run"),
        (
            [
                "teacher",
                "--set",
                "out={tmp}/t",
                "--set",
                "backbone.weights={tmp}/none",
                "--set",
                "data={{generated=8}}",
            ],
            "holds no config.json",
        ),
        (["metric", "--set", "out={tmp}/m", "--set", "data={{cards='{tmp}/none'}}"], "none/cards.csv"),
        (["hailo", "{tmp}/none.onnx", "--out", "{tmp}/out"], "none.onnx is no ONNX file"),
        (["hailo", "models/embedder_hailo.onnx", "--out", "{tmp}/out", "--images", "{tmp}/x"], "does not exist"),
        (["cloud", "metric", "--role", "r", "--bucket", "b", "--cards", "s3://c"], "--bucket must be an address"),
    ],
)
def test_bad_input_is_one_line_and_a_code(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stack of calls says neither which file nor what to do."""
    code = sleevesight(["train", *(word.format(tmp=tmp_path) for word in words)])
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("sleevesight train:")]
    assert code == 2
    assert len(lines) == 1
    assert said in lines[0]
    assert not list(tmp_path.iterdir())  # no folder and no run in MLflow that the next try would go on with


SMALL = Network(height=32, width=24, widths=(8, 8), depths=(1, 1), dim=12)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A run whose best state is a network with random weights."""
    folder = tmp_path / "run"
    keep("metric", MetricConfig(out=folder, plan=Plan(steps=1), network=SMALL), folder)
    torch.manual_seed(1)
    encoder = SMALL.encoder()
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.running_mean.uniform_(-0.5, 0.5)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
    state = {f"module.encoder.{name}": value for name, value in encoder.state_dict().items()}
    torch.save({"network": {**state, "n_averaged": torch.tensor(1)}, "step": 1, "score": 1.0}, folder / BEST)
    return folder


def test_a_run_may_be_moved(finished: Path, tmp_path: Path) -> None:
    """Trained on one machine, exported on another."""
    moved = finished.rename(tmp_path / "elsewhere")
    assert main(["export", str(moved), "--out", str(tmp_path / "model.onnx")]) == 0


def test_what_is_exported_is_what_was_trained(finished: Path, tmp_path: Path) -> None:
    """As a model file of the contract, with a card, and the same vectors as PyTorch gives."""
    out = tmp_path / "model.onnx"
    assert main(["export", str(finished), "--out", str(out), "--name", "small"]) == 0
    embedder = OnnxEmbedder(out)
    assert (embedder.name, embedder.dim, embedder.height, embedder.width) == ("small", 12, 32, 24)
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["training"]["recipe"] == "metric"
    assert str(tmp_path) not in out.with_suffix(".json").read_text()
    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 24, 3), np.uint8)
    session = ort.InferenceSession(out.read_bytes(), providers=["CPUExecutionProvider"])
    given = session.run(None, {"image": crops})[0]
    weights = torch.load(finished / BEST, weights_only=True)["network"]
    encoder = SMALL.encoder().eval()
    encoder.load_state_dict({k.removeprefix("module.encoder."): v for k, v in weights.items() if k != "n_averaged"})
    wanted = encoder(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255).detach().numpy()
    assert np.abs(given - wanted).max() < 1e-4


def test_weights_of_16_bits_halve_the_file(finished: Path, tmp_path: Path) -> None:
    """A network of 28 million weights has to stay below what a repository takes."""
    network = msgspec.structs.replace(SMALL, widths=(32, 32))
    keep("metric", MetricConfig(out=finished, plan=Plan(steps=1), network=network), finished)
    state = {f"module.encoder.{name}": value for name, value in network.encoder().state_dict().items()}
    torch.save({"network": {**state, "n_averaged": torch.tensor(1)}, "step": 1, "score": 1.0}, finished / BEST)
    sizes, said = [], []
    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 24, 3), np.uint8)
    for precision in ("float32", "float16"):
        out = tmp_path / f"{precision}.onnx"
        assert main(["export", str(finished), "--out", str(out), "--precision", precision]) == 0
        sizes.append(out.stat().st_size)
        said.append(ort.InferenceSession(out.read_bytes()).run(None, {"image": crops})[0])
        assert json.loads(out.with_suffix(".json").read_text())["precision"] == precision
    assert sizes[1] < 0.6 * sizes[0]
    assert np.abs(said[0] - said[1]).max() < 0.01 * np.abs(said[0]).max()


def test_a_file_that_differs_is_not_written(tmp_path: Path) -> None:
    """An exporter that folds something wrongly would ship another model; the old one stays."""

    class Fickle(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            """Traced with one factor, run with another."""
            torch.manual_seed(0)
            factor = torch.linspace(1, 2, 8) if torch.jit.is_tracing() else torch.linspace(2, 1, 8)
            return images.mean(dim=(1, 2, 3))[:, None] * factor

    out = tmp_path / "model.onnx"
    out.write_bytes(b"the old one")
    with pytest.raises(ExportError, match="differs from PyTorch by"):
        write(FromBytes(Fickle()), embedder_form((8, 8)), out)
    assert out.read_bytes() == b"the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx"]


def test_a_model_stays_until_the_next_one_is_whole(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Written first and calibrated then, an interrupted export left the float file beside the card of the small one."""
    out = tmp_path / "model.onnx"
    out.write_bytes(b"the old one")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.quantise.quantize_static", full)
    assert main(["export", str(finished), "--out", str(out), "--precision", "int8"]) == 2
    assert "No space left" in capsys.readouterr().err
    assert out.read_bytes() == b"the old one"
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", finished.name}


def test_a_job_for_the_cloud_is_described_and_not_started(capsys: pytest.CaptureFixture[str]) -> None:
    """Eight A100 cost some forty dollars an hour: what will be started can be read before."""
    words = ["cloud", "student", "--role", "arn", "--bucket", "s3://b/x/", "--cards", "s3://c", "--teacher", "s3://t"]
    assert main([*words, "--set", "batch=256", "--set", "backbone=repvit_m0_9", "--dry-run"]) == 0
    described = json.loads(capsys.readouterr().out)
    estimator = described["estimator"]
    assert estimator["instance_type"] == "ml.p4d.24xlarge"
    assert estimator["distribution"] == {"torch_distributed": {"enabled": True}}
    assert described["inputs"] == {"cards": "s3://c", "teacher": "s3://t"}
    assert (Path(estimator["source_dir"]) / estimator["entry_point"]).is_file()
    assert estimator["checkpoint_s3_uri"] == "s3://b/x/checkpoints/student"


def test_a_jobs_hyperparameters_are_the_same_command() -> None:
    """What SageMaker hands over as strings must come out as the command that was asked for."""
    described = job(
        "student",
        "training/configs/student.toml",
        ["batch=256", "weights.detail=0.2"],
        role="r",
        bucket="s3://b",
        cards="s3://c",
    )
    handed = described["estimator"]["hyperparameters"]
    command = arguments(handed, {"SM_CHANNEL_CARDS": "/opt/ml/input/data/cards"})
    assert command[:3] == ["student", "--config", "training/configs/student.toml"]
    settings = [word for word in command if "=" in word]
    assert settings == [
        "batch=256",
        "weights.detail=0.2",
        "out=/opt/ml/checkpoints/student",
        "data.cards=/opt/ml/input/data/cards",
    ]
    with pytest.raises(ConfigError, match="may not hold"):
        job("student", "", ["a=1;b=2"], role="r", bucket="s3://b", cards="s3://c")


def test_without_its_sdk_no_job_is_started(capsys: pytest.CaptureFixture[str]) -> None:
    """The SDK is a large package that nobody else needs."""
    assert main(["cloud", "metric", "--role", "r", "--bucket", "s3://b", "--cards", "s3://c"]) == 2
    assert "pip install 'sagemaker<3'" in capsys.readouterr().err
