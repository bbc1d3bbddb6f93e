"""What runs the embedding model: one file per engine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from actors.sections import EmbedderConfig
from catalog.embedding import Embedder, ModelError

# ONNX Runtime 1.29 and later reports home unless this is set before it is loaded (onnxruntime#27379).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

MODELS = Path(__file__).resolve().parents[2] / "models"
DEFAULT_MODEL = MODELS / "embedder.onnx"
HEF = ".hef"
DEVICE = Path("/dev/hailo0")
"""What the Hailo-8's driver makes of it. Seen without HailoRT, so that every process comes to the same conclusion."""
_PATIENCE_S = 60.0


class Backend(Embedder, Protocol):
    """An engine as the processes use it. Every one of its calls may raise EngineError."""

    def temperature(self) -> float | None:
        """Of the accelerator, °C; None where there is none, or it does not say. May take as long as an inference."""

    def close(self) -> None:
        """Let go of the device; closing twice is harmless."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A model file, and why it and its engine were taken. `lacking`: half of what a Hailo-8 needs is there."""

    path: Path
    why: str
    lacking: bool = False


def choose(config: EmbedderConfig) -> Choice:
    """The model of the configuration or, where it names none, the one for the engine that is there.

    The file's ending says which engine runs it: `.hef` the Hailo-8, everything else ONNX Runtime.
    Raises ModelError where `backend` asks for the other one, or for a HEF and there is not exactly one in models/.
    """
    if config.model:
        path = Path(config.model).expanduser()
        if config.backend != "auto" and (path.suffix == HEF) != (config.backend == "hailo"):
            raise ModelError(
                f"[embedder] backend = {config.backend!r} cannot run model {path}: name "
                f"{'a .hef' if config.backend == 'hailo' else 'an .onnx'} file, or set backend = 'auto'"
            )
        return Choice(path, f"[embedder] model is {path}")
    if config.backend == "onnx":
        return Choice(DEFAULT_MODEL, "[embedder] backend is onnx")
    hefs, device = sorted(MODELS.glob(f"*{HEF}")), DEVICE.exists()
    if config.backend == "hailo" or (hefs and device):
        return Choice(_only(hefs), f"{DEVICE} and a HEF are there" if device else "[embedder] backend is hailo")
    missing = [f"no {DEVICE}"] * (not device) + [f"no {HEF} file in {MODELS}"] * (not hefs)
    return Choice(DEFAULT_MODEL, f"there is {' and '.join(missing)}", lacking=device or bool(hefs))


def _only(hefs: list[Path]) -> Path:
    if len(hefs) == 1:
        return hefs[0]
    found = f"{MODELS} has {', '.join(path.name for path in hefs)}" if hefs else f"there is no {HEF} file in {MODELS}"
    raise ModelError(f"{found}: name the one to use in [embedder] model (docs/hailo.md says how one is built)")


def model_path(config: EmbedderConfig) -> Path:
    """The model file that the configuration comes down to. ModelError: see `choose`."""
    return choose(config).path


def open_backend(config: EmbedderConfig) -> Backend:
    """The engine and model of the configuration. ModelError, EngineError: see `open_model`."""
    return open_model(model_path(config), config.threads, config.timeout_ms / 1e3)


def open_model(path: Path, threads: int = 1, timeout_s: float = _PATIENCE_S) -> Backend:
    """A model file on the engine that its ending asks for. `threads` are ONNX Runtime's.

    Raises ModelError for a file that is no model for that engine, EngineError where the engine cannot be had.
    """
    if path.suffix == HEF:
        from actors.backends.hailo import HailoEmbedder

        return HailoEmbedder(path, timeout_s)
    from actors.backends.onnx import OnnxEmbedder

    return OnnxEmbedder(path, threads, timeout_s)
