"""What a detector says: a quad and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

from vision.quad import Quad


@dataclass(frozen=True, slots=True)
class Detection:
    """One card in a frame: its quad in frame pixels and a score from 0 to 1 (0.7 and up is worth showing)."""

    quad: Quad
    score: float
