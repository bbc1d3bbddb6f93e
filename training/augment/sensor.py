"""The sensor and what follows it: exposure and colour, noise, JPEG, no colour at all."""

from __future__ import annotations

import functools

import torch
from torch import Generator, Tensor
from torch.nn import functional

from training.augment.draws import per_image, uniform

BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.5, 0.4, 0.3, 0.1


def colour(images: Tensor, generator: Generator) -> Tensor:
    """Brightness, contrast, saturation and hue, each up to its share; hue as a turn around grey, in turns."""
    count = len(images)
    images = images * per_image(uniform(count, 1 - BRIGHTNESS, 1 + BRIGHTNESS, generator))
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images = (images - mean) * per_image(uniform(count, 1 - CONTRAST, 1 + CONTRAST, generator)) + mean
    grey = images.mean(dim=1, keepdim=True)
    images = (images - grey) * per_image(uniform(count, 1 - SATURATION, 1 + SATURATION, generator)) + grey
    return torch.einsum("nij,njhw->nihw", _around_grey(uniform(count, -HUE, HUE, generator)), images).clamp(0, 1)


def _around_grey(turns: Tensor) -> Tensor:
    """Rotations of RGB around the grey axis (Rodrigues), [n, 3, 3]."""
    cos, sin = (2 * torch.pi * turns).cos()[:, None, None], (2 * torch.pi * turns).sin()[:, None, None]
    third, root = 1 / 3, 3**-0.5
    same = torch.eye(3, device=turns.device)
    cross = torch.tensor([[0, -root, root], [root, 0, -root], [-root, root, 0]], device=turns.device)
    return cos * same + (1 - cos) * third + sin * cross


def white_balance(images: Tensor, generator: Generator) -> Tensor:
    """A cast of warm or cold light, and gamma."""
    count = len(images)
    warm = uniform(count, -0.25, 0.25, generator)
    gains = torch.stack([1 + warm, 1 + 0.3 * warm * uniform(count, -1, 1, generator), 1 - warm], dim=1)[..., None, None]
    gamma = per_image(uniform(count, -0.35, 0.35, generator).exp())
    return ((images * gains).clamp(1e-4, 1)) ** gamma


def grayscale(images: Tensor, generator: Generator) -> Tensor:
    """No colour, as an infrared or a dim camera sees."""
    del generator
    weights = torch.tensor([0.299, 0.587, 0.114], device=images.device)
    return torch.einsum("c,nchw->nhw", weights, images)[:, None].expand_as(images)


def noise(images: Tensor, generator: Generator) -> Tensor:
    """Sensor noise, stronger in dim light: sigma up to 6 % of white."""
    sigma = per_image(uniform(len(images), 0.005, 0.06, generator))
    return (images + sigma * torch.randn(images.shape, generator=generator, device=images.device)).clamp(0, 1)


def jpeg(images: Tensor, generator: Generator) -> Tensor:
    """JPEG at a quality of 25 to 90, one for the batch: 8 x 8 DCT, quantised, colour at half the size."""
    quality = float(uniform(1, 25, 90, generator))
    factor = (50 / quality if quality < 50 else 2 - quality / 50) / 255
    height, width = images.shape[2:]
    padded = functional.pad(images, (0, -width % 16, 0, -height % 16), mode="replicate")
    planes = torch.einsum("ij,njhw->nihw", _ycc(images.device), padded)
    luma = _quantised(planes[:, :1], _tables(images.device)[0] * factor)
    half = functional.avg_pool2d(planes[:, 1:], 2)
    chroma = functional.interpolate(_quantised(half, _tables(images.device)[1] * factor), scale_factor=2.0)
    back = torch.einsum("ij,njhw->nihw", torch.linalg.inv(_ycc(images.device)), torch.cat([luma, chroma], dim=1))
    return back[..., :height, :width].clamp(0, 1)


def _quantised(planes: Tensor, table: Tensor) -> Tensor:
    count, channels, height, width = planes.shape
    blocks = planes.reshape(count, channels, height // 8, 8, width // 8, 8).permute(0, 1, 2, 4, 3, 5)
    dct = _dct(planes.device)
    kept = torch.round(dct @ blocks @ dct.T / table) * table
    return (dct.T @ kept @ dct).permute(0, 1, 2, 4, 3, 5).reshape(count, channels, height, width)


@functools.lru_cache(maxsize=2)
def _dct(device: torch.device) -> Tensor:
    k = torch.arange(8, device=device).float()
    matrix = torch.cos((2 * k[None] + 1) * k[:, None] * torch.pi / 16) * 0.5
    matrix[0] *= 2**-0.5
    return matrix


@functools.lru_cache(maxsize=2)
def _ycc(device: torch.device) -> Tensor:
    rows = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
    return torch.tensor(rows, device=device)


@functools.lru_cache(maxsize=2)
def _tables(device: torch.device) -> tuple[Tensor, Tensor]:
    """The quantisation of ITU-T T.81, annex K, to within a step: it grows with the frequency."""
    k = torch.arange(8, device=device).float()
    away = k[:, None] + k[None]
    return 10 + 1.2 * away**1.75, (17 + 14 * away).clamp(max=99)
