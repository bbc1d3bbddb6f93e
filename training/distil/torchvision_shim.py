"""Lets timm and transformers be imported beside a PyTorch without CUDA.

torchvision's wheel declares its operators in a C extension that only loads beside the PyTorch it was built with; its
Python part then asks for the schema of `torchvision::nms` and fails ("operator torchvision::nms does not exist"). We
need neither operator, only the import.
"""

from __future__ import annotations

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []
"""Kept alive: a library takes its operators with it when it goes."""


def make_importable() -> None:
    """Declare what is missing, once, and only where it is missing."""
    if _declared:
        return
    try:
        import torchvision  # noqa: F401, PLC0415
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for schema in _SCHEMAS:
            library.define(schema)  # type: ignore[no-untyped-call]
        _declared.append(library)
