"""The finder as the AI camera's chip takes it: the same network, from bytes alone."""

import numpy as np
import torch

from training.detector.network import CardNet
from training.imx500.network import HEIGHT, LEVELS, WIDTH, ChipNet
from vision.detector.heads import cells


def trained() -> CardNet:
    """A network whose normalisations have seen something."""
    torch.manual_seed(0)
    network = CardNet()
    with torch.no_grad():
        network(torch.randint(0, 256, (4, 128, 128, 3)))
    return network.eval()


def grey_rimmed() -> np.ndarray:
    """A picture [384, 512, 3] with a black rim, which is what either network sees around any picture."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[64:-64, 64:-64] = np.random.default_rng(0).integers(0, 256, (HEIGHT - 128, WIDTH - 128, 3))
    return picture


@torch.no_grad()
def test_the_chip_needs_no_normalisation() -> None:
    """Done twice or never, it shows in no shape: the first convolution and what follows it do it, once."""
    network = trained()
    pixels = torch.from_numpy(grey_rimmed())[None]
    normalised = (pixels.permute(0, 3, 1, 2).float() - 114) / 58
    wanted = network.stem[0](normalised)
    got = ChipNet(network).finder.stem[0](pixels.permute(0, 3, 1, 2) / LEVELS)
    assert torch.allclose(got[..., 1:-1, 1:-1], wanted[..., 1:-1, 1:-1], atol=1e-4)


@torch.no_grad()
def test_the_finder_itself_is_left_alone() -> None:
    """The state that is trained on would be normalised twice."""
    network = trained()
    before = [one.clone() for one in network.state_dict().values()]
    ChipNet(network)
    assert all(torch.equal(a, b) for a, b in zip(before, network.state_dict().values(), strict=True))


@torch.no_grad()
def test_what_is_put_together_off_the_chip_is_what_the_finder_says() -> None:
    """Exponential and scales are ours there; another unit or order would move every corner."""
    network = trained()
    pixels = torch.from_numpy(grey_rimmed())[None]
    heads = network.heads((pixels.permute(0, 3, 1, 2).float() - 114) / 58)
    wanted = torch.cat(tuple(network(pixels)), dim=1)[0].numpy()
    assert np.allclose(cells(*(one[0].numpy() for one in heads)), wanted, atol=1e-4)
