"""The picture of docs/augmentation.md: `python -m training.augment --out FILE`, every effect on generated cards."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.cards import card, draw
from training.augment.geometry import Geometry, warp
from training.augment.pipeline import EFFECTS, Augmentation

CARDS, WIDTH, HEIGHT, LABEL = 6, 118, 165, 118


def main() -> None:
    """Draw a row for the clean cards, one for each effect, one for the geometry and three for everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    faces = [cv2.resize(draw(card(seed)), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for seed in range(CARDS)]
    cards = torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2).float() / 255
    generator = torch.Generator().manual_seed(0)
    rows = [("clean", cards)]
    rows += [(name, effect(cards, generator)) for name, effect in EFFECTS.items()]
    rows += [("geometry", warp(cards, generator, Geometry(p_turn=1, p_perspective=1, p_margin=0.5)))]
    rows += [("all, by chance", Augmentation()(cards, generator)) for _ in range(3)]
    half = -(-len(rows) // 2)
    columns = [np.vstack([_row(*row) for row in part]) for part in (rows[:half], rows[half:])]
    tall = max(len(column) for column in columns)
    sheet = np.hstack([np.pad(one, ((0, tall - len(one)), (0, 0), (0, 0)), constant_values=255) for one in columns])
    if not cv2.imwrite(str(out), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82]):
        raise OSError(f"cannot write {out}")


def _row(name: str, cards: Tensor) -> NDArray[np.uint8]:
    label = np.full((HEIGHT + 4, LABEL, 3), 255, np.uint8)
    cv2.putText(label, name, (4, HEIGHT // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (40, 40, 40), 1, cv2.LINE_AA)
    shown = (cards.clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)
    framed = [np.pad(one, ((2, 2), (2, 2), (0, 0)), constant_values=255) for one in shown]
    return np.hstack([label, *framed])


if __name__ == "__main__":
    main()
