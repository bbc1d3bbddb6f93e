"""What runs the embedding model: one file per engine."""

from __future__ import annotations

import os
from pathlib import Path

from actors.config import EmbedderConfig
from catalog.embedding import Embedder

# ONNX Runtime 1.29 and later reports home unless this is set before it is loaded (onnxruntime#27379).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

MODELS = Path(__file__).resolve().parents[2] / "models"
DEFAULT_MODEL = MODELS / "embedder.onnx"


def model_path(config: EmbedderConfig) -> Path:
    """The model file of the configuration, or the one that ships."""
    return Path(config.model).expanduser() if config.model else DEFAULT_MODEL


def open_backend(config: EmbedderConfig) -> Embedder:
    """The engine of `[embedder] backend` with its model. ModelError for a file that is none.

    `auto` takes ONNX Runtime: the accelerator of the Pi is a backend of its own that does not exist yet.
    """
    from actors.backends.onnx import OnnxEmbedder

    return OnnxEmbedder(model_path(config), config.threads, config.timeout_ms / 1e3)
