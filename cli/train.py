"""Training, for those who installed it."""

from __future__ import annotations

import argparse
import importlib
import importlib.util


def train(arguments: argparse.Namespace) -> int:
    """Hand the rest of the command line to `python -m training`. ValueError where PyTorch is not installed.

    By name: what runs has no PyTorch, and nothing of it may import training.
    """
    if importlib.util.find_spec("torch") is None:
        raise ValueError("training needs PyTorch: pip install 'sleevesight[train]' (in a checkout: make develop)")
    code: int = importlib.import_module("training.__main__").main(arguments.arguments)
    return code
