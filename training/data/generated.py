"""Generated cards as pictures to learn from: any number of distinct ones, without anybody's images."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from synth.cards import deck, draw
from training.data.pictures import Pictures


def generated(count: int, size: tuple[int, int], seed: int = 0) -> Pictures:
    """`count` cards of several sets at `size` (h, w); a reprint is of its original's class."""
    cards = deck(count, seed)
    faces = [cv2.resize(draw(card), (size[1], size[0]), interpolation=cv2.INTER_AREA) for card in cards]
    originals = [card.seed if card.reprint_of is None else card.reprint_of for card in cards]
    classes = np.unique(originals, return_inverse=True)[1]
    return Pictures(
        torch.from_numpy(np.stack(faces).transpose(0, 3, 1, 2).copy()),
        torch.from_numpy(classes.astype(np.int64)),
        tuple(f"generated-{card.id}" for card in cards),
        tuple(f"generated-{card.set_id}" for card in cards),
    )
