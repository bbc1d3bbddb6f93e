"""What is learnt from: every picture under its class, nothing that is held out, every batch can be made again."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from synth.cards import card, draw
from training.data.generated import generated
from training.data.pictures import DataError, Pictures, joined, parted, read_pictures
from training.data.sampling import draw_batch
from training.data.source import Source, digest
from training.data.virtual import LEAST, virtual

SIZE = (56, 40)


def folder(path: Path, lines: list[str], pictures: int = 3, header: str = "file,id,set,group") -> Path:
    for number in range(pictures):
        cv2.imwrite(str(path / f"{number}.png"), draw(card(number)))
    labels = path / "cards.csv"
    labels.write_text("\n".join([header, *lines]) + "\n")
    return labels


def test_printings_of_one_picture_are_one_class(tmp_path: Path) -> None:
    """Two classes for one picture contradict each other, and the network learns neither."""
    labels = folder(tmp_path, ["0.png,a,x,a", "1.png,b,y,a", "2.png,c,y,"])
    pictures = read_pictures(tmp_path, labels, SIZE)
    assert pictures.images.shape == (3, 3, *SIZE)
    assert pictures.images.dtype == torch.uint8
    first, second, third = pictures.classes.tolist()
    assert first == second != third


def test_without_groups_every_card_is_its_own_class(tmp_path: Path) -> None:
    """A catalogue from elsewhere has no column for groups."""
    labels = folder(tmp_path, ["0.png,a,x", "1.png,b,x", "2.png,c,x"], header="file,id,set")
    assert sorted(read_pictures(tmp_path, labels, SIZE).classes.tolist()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("lines", "header", "said"),
    [
        (["0.png,a,x,a", "1.png,a,x,b"], "file,id,set,group", "line 3: the id 'a' was there before"),
        (["0.png,a,x,a", "9.png,b,x,b"], "file,id,set,group", "9.png"),
        ([], "file,id,set,group", "list no picture"),
        (["0.png,a"], "file,id", "no column set"),
    ],
)
def test_wrong_labels_are_refused_by_name(tmp_path: Path, lines: list[str], header: str, said: str) -> None:
    """A label without its picture, or two pictures under one id, would only show in the scores."""
    with pytest.raises(DataError, match=said):
        read_pictures(tmp_path, folder(tmp_path, lines, header=header), SIZE)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A cut-off download in a folder of thousands is not found by its number."""
    labels = folder(tmp_path, ["0.png,a,x,a", "1.png,b,x,b"])
    (tmp_path / "1.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(DataError, match=r"1\.png"):
        read_pictures(tmp_path, labels, SIZE)


def test_labels_that_are_not_there_are_named(tmp_path: Path) -> None:
    """The default is a file that a folder may lack."""
    with pytest.raises(DataError, match=r"cards\.csv"):
        read_pictures(tmp_path, tmp_path / "cards.csv", SIZE)


def some(classes: list[int], sets: list[str]) -> Pictures:
    images = torch.arange(len(classes), dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4).clone()
    return Pictures(images, torch.tensor(classes), tuple(f"id{n}" for n in range(len(classes))), tuple(sets))


def test_nothing_of_a_held_out_set_is_learnt_from() -> None:
    """A reprint of a held-out card in another set is the held-out card."""
    learnt, held_out = parted(some([5, 5, 7, 8], ["old", "new", "old", "new"]), ["new"])
    assert learnt.ids == ("id2",)
    assert held_out.ids == ("id1", "id3")
    assert learnt.classes.tolist() == [0]
    assert held_out.classes.tolist() == [0, 1]


def test_a_held_out_set_that_is_not_there_is_refused() -> None:
    """A typing error would let the network learn what it is measured on."""
    with pytest.raises(DataError, match=r"'sv9'.*new, old"):
        parted(some([0, 1], ["old", "new"]), ["sv9"])
    with pytest.raises(DataError, match="nothing is left"):
        parted(some([0, 1], ["old", "old"]), ["old"])


def test_joined_pictures_keep_their_classes_apart() -> None:
    """Classes count from 0 in both: without a shift, each card would have a twin that it does not look like."""
    both = joined(some([0, 1], ["a", "a"]), some([0, 1, 1], ["b", "b", "b"]))
    assert both.classes.tolist() == [0, 1, 2, 3, 3]
    assert both.count == 4


def test_generated_cards_follow_from_their_seed() -> None:
    """A run that goes on must learn from the same cards, and the held-out deck must not be the learnt one."""
    first, again, other = generated(30, SIZE, 0), generated(30, SIZE, 0), generated(30, SIZE, 1)
    assert digest(first) == digest(again) != digest(other)
    assert first.count <= 30
    assert first.images.float().std() > 20


def test_without_a_folder_everything_is_generated() -> None:
    """Everything must train and be tested without anybody's pictures."""
    learnt, held_out = Source(generated=40).read(SIZE)
    assert len(learnt) == 40
    assert len(held_out) == 60
    assert not torch.equal(learnt.images[:40], held_out.images[:40])


def test_virtual_cards_are_twins_and_no_copies() -> None:
    """A virtual card that equals its original teaches that two classes are one."""
    cards = generated(12, SIZE).images.float() / 255
    made = virtual(cards, torch.Generator().manual_seed(0))
    changed = (made != cards).any(dim=1).float().mean(dim=(1, 2))
    assert changed.min() > LEAST / 3
    assert changed.max() < 0.95
    assert torch.equal(made, virtual(cards, torch.Generator().manual_seed(0)))
    with pytest.raises(ValueError, match="two cards"):
        virtual(cards[:1], torch.Generator())


def test_no_class_is_in_a_batch_twice() -> None:
    """A second picture of a card would be a negative of the first."""
    classes = torch.arange(20).repeat(3)
    for seed in range(20):
        rows = draw_batch(classes, None, 16, 0.5, torch.Generator().manual_seed(seed))
        assert len(set(classes[rows].tolist())) == 16


def test_look_alikes_sit_together() -> None:
    """Cards at random are told apart by their colour: without twins in the batch nothing finer is learnt."""
    classes = torch.arange(100)
    partner = (classes ^ 1)[:, None]
    rows = draw_batch(classes, partner, 20, 0.5, torch.Generator().manual_seed(0))
    chosen = set(classes[rows].tolist())
    assert len(chosen) == 20
    assert sum(one ^ 1 in chosen for one in chosen) >= 18


def test_unknown_neighbours_leave_the_batch_full() -> None:
    """Before anything is remembered there are no look-alikes, and the batch is as large as any."""
    nobody = torch.full((30, 8), -1)
    assert len(draw_batch(torch.arange(30), nobody, 10, 0.5, torch.Generator().manual_seed(0))) == 10


def test_too_few_cards_for_a_batch_are_refused() -> None:
    """A loop that waits for more classes than there are never ends."""
    with pytest.raises(ValueError, match=r"batch of 9 .* there are 4"):
        draw_batch(torch.arange(4), None, 9, 0.0, torch.Generator())


def test_a_draw_depends_on_its_generator_alone() -> None:
    """A run that goes on makes its batches again."""
    classes, near = torch.arange(50), torch.randint(50, (50, 8), generator=torch.Generator().manual_seed(3))
    np.random.seed(1)
    first = draw_batch(classes, near, 20, 0.4, torch.Generator().manual_seed(7))
    torch.manual_seed(99)
    assert torch.equal(first, draw_batch(classes, near, 20, 0.4, torch.Generator().manual_seed(7)))
