"""Reprint groups."""

import csv
import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from catalog.build import read_crop
from catalog.embedding import normalise
from catalog.groups import reprint_groups
from vision.phash import perceptual_hashes


def flip(row, begin, end):
    """The hash with the bits from begin to end negated."""
    out = np.unpackbits(row)
    out[begin:end] ^= 1
    return np.packbits(out)


def unrelated(count):
    return np.random.default_rng(0).integers(0, 256, (count, 64), dtype=np.uint8)


def test_pairs_within_the_limit_are_chained_and_others_are_not():
    """Prevents that three printings of one picture fall into two groups, or strangers into one."""
    hashes = unrelated(6)
    hashes[3] = flip(hashes[1], 0, 16)
    hashes[5] = flip(hashes[3], 16, 32)  # 32 bits from row 1, reached by way of row 3
    hashes[4] = flip(hashes[0], 0, 17)
    assert reprint_groups(hashes, np.ones((6, 1), np.float32)) == [[1, 3, 5]]


def test_pairs_are_found_across_blocks():
    """Prevents that reprints of a large catalogue are missed because they lie far apart in it."""
    hashes = unrelated(3000)
    hashes[2999] = hashes[2]
    hashes[1500] = flip(hashes[1023], 100, 110)
    assert reprint_groups(hashes, np.ones((3000, 1), np.float32)) == [[2, 2999], [1023, 1500]]


def test_a_recoloured_card_is_no_reprint(picture, embedder):
    """Prevents that cards that differ in colour alone, which the hash does not see, are reported as one."""
    red = np.full((358, 256, 3), (200, 60, 60), np.uint8)
    red[100:200, 50:150] = 20
    blue = red.copy()
    blue[red[..., 0] == 200] = (60, 90, 200)
    crops = np.stack([red, blue, red])
    hashes = perceptual_hashes(crops)
    assert np.array_equal(hashes[0], hashes[1])
    assert reprint_groups(hashes, normalise(embedder.embed(crops))) == [[0, 2]]


@pytest.mark.shared
def test_groups_of_real_cards_agree_with_the_list_beside_them():
    """Prevents a change of hash or limit that merges different cards or splits reprints."""
    cards = Path(__file__).parents[2].parent / "shared" / "cards"
    if not cards.is_dir():
        pytest.skip("the shared pictures are not here")
    with (cards / "cards.csv").open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["file"].startswith(("pocket/A1-", "pocket/A4b-"))]
    sizes = Counter(line["group"] for line in lines)
    lines = [line for place, line in enumerate(lines) if sizes[line["group"]] > 1 or place % 5 == 0]
    hashes = perceptual_hashes(np.stack([read_crop(cards / line["file"]) for line in lines]))
    listed = {}
    for row, line in enumerate(lines):
        listed.setdefault(line["group"], []).append(row)
    expected = {pair for group in listed.values() for pair in itertools.combinations(group, 2)}
    found = reprint_groups(hashes, np.ones((len(lines), 1), np.float32))
    assert {pair for group in found for pair in itertools.combinations(group, 2)} == expected
    assert len(expected) == 43
