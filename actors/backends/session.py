"""Sessions of ONNX Runtime: how every model of ours is opened on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime as ort

from catalog.embedding import ModelError


def open_session(path: Path, content: bytes, threads: int, *, as_it_stands: bool = False) -> Any:
    """A model ready to run on `threads` threads of the CPU. ModelError for bytes that are no model.

    `as_it_stands`: node by node, as slow as that is. Nodes of 8 bits that are run as one round elsewhere.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A plan of the memory for every size of batch and frame that has come by takes more than it saves.
    options.enable_mem_pattern = False
    # Idle threads that spin would take the cores from the other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if as_it_stands:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a class of its own for every status
        reason = str(error).strip().splitlines()[0][:200]
        raise ModelError(f"model {path} is no ONNX model that can be run here ({reason}); export it again") from error


def describe(tensors: list[Any]) -> str:
    """Inputs or outputs of a session, for messages."""
    return ", ".join(f"{tensor.name}: {tensor.type} {tensor.shape}" for tensor in tensors) or "nothing"
