"""Which engine and which file: the same answer in every process, and never another model in silence."""

from pathlib import Path

import pytest

from actors import backends
from actors.backends import DEFAULT_MODEL, choose, open_backend
from actors.sections import EmbedderConfig
from catalog.embedding import EngineError, ModelError


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    models = tmp_path / "models"
    models.mkdir()
    monkeypatch.setattr(backends, "MODELS", models)
    return models


def test_auto_takes_the_hailo_when_device_and_hef_are_there(models: Path, node: Path) -> None:
    """Prevents a chip that idles beside a busy CPU."""
    (models / "embedder_hailo.hef").touch()
    choice = choose(EmbedderConfig())
    assert choice.path == models / "embedder_hailo.hef"
    assert not choice.lacking
    assert choice.why == f"{node} and a HEF are there"


@pytest.mark.parametrize(
    ("device", "hef", "why", "lacking"),
    [
        (True, False, "there is no .hef file in {models}", True),
        (False, True, "there is no {node}", True),
        (False, False, "there is no {node} and no .hef file in {models}", False),
    ],
)
def test_auto_takes_onnx_otherwise_and_says_why(
    models: Path, node: Path, device: bool, hef: bool, why: str, lacking: bool
) -> None:
    """Prevents that half a Hailo is overlooked: then it is a warning. A laptop has none, and is not warned."""
    if not device:
        node.unlink()
    if hef:
        (models / "embedder_hailo.hef").touch()
    choice = choose(EmbedderConfig())
    assert choice.path == DEFAULT_MODEL
    assert choice.why == why.format(node=node, models=models)
    assert choice.lacking is lacking


def test_a_device_that_is_there_and_cannot_be_used_is_no_reason_for_another_model(
    models: Path, node: Path, elsewhere: None
) -> None:
    """Prevents that a catalogue which the HEF built is asked with the CPU's model, which knows none of its cards."""
    (models / "embedder_hailo.hef").touch()
    with pytest.raises(EngineError, match="hailo_platform is not there"):
        open_backend(EmbedderConfig())


def test_the_one_hef_is_taken_when_asked_for(models: Path, node: Path) -> None:
    """Prevents that the file must be named where there is one; without the device the engine itself says so."""
    node.unlink()
    (models / "embedder_hailo.hef").touch()
    assert choose(EmbedderConfig(backend="hailo")).path == models / "embedder_hailo.hef"


@pytest.mark.parametrize(
    ("names", "words"),
    [([], r"there is no \.hef file in .*models"), (["a.hef", "b.hef"], r"models has a\.hef, b\.hef")],
)
def test_no_hef_or_several_are_no_guess(models: Path, node: Path, names: list[str], words: str) -> None:
    """Prevents that the alphabet decides which model a catalogue needs."""
    for name in names:
        (models / name).touch()
    with pytest.raises(ModelError, match=f"{words}: name the one to use in .embedder. model"):
        choose(EmbedderConfig(backend="hailo"))


@pytest.mark.parametrize(
    ("backend", "model", "words"),
    [("onnx", "x.hef", "name an .onnx file"), ("hailo", "x.onnx", "name a .hef file")],
)
def test_a_file_for_the_other_engine_is_named(backend: str, model: str, words: str) -> None:
    """Prevents that ONNX Runtime is given a HEF and calls it a damaged model."""
    with pytest.raises(ModelError, match=rf"backend = '{backend}' cannot run model {model}: {words}"):
        choose(EmbedderConfig(backend=backend, model=model))  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", ["auto", "hailo"])
def test_a_hef_that_is_named_is_the_model(backend: str, node: Path) -> None:
    """Prevents that a named HEF is passed over where its device is not there: that is an error, not another model."""
    node.unlink()
    assert choose(EmbedderConfig(backend=backend, model="x.hef")).path == Path("x.hef")  # type: ignore[arg-type]
