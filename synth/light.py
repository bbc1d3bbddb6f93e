"""Light and camera: an uneven lamp over the table, a wandering streak of glare, drifting exposure, sensor noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.pose import Pose
from vision.quad import Quad

Image = NDArray[np.uint8]

_NOISE_PAD = 61
_GLARE_STEP = 8


@dataclass(frozen=True, slots=True)
class Light:
    """How a scene is lit and seen.

    `slope`: gain from left to right and from top to bottom; `warmth`: -1 blue to 1 yellow; `vignette`: loss in the
    corners. `glare_level`: the streak's brightness in grey levels; `glare_keys`: (seconds, where it stands, 0..1 from
    one side of the picture to the other), empty for none; `glare_angle`: the way it wanders, in degrees. `drift`: swing
    of the exposure; `sensor_noise`: sigma in grey levels.
    """

    slope: tuple[float, float] = (0.1, -0.08)
    warmth: float = 0.1
    vignette: float = 0.12
    glare_level: float = 0.0
    glare_keys: tuple[tuple[float, float], ...] = ()
    glare_angle: float = 25.0
    drift: float = 0.03
    sensor_noise: float = 2.5

    def _tint(self) -> NDArray[np.float32]:
        return np.array([1 + 0.06 * self.warmth, 1.0, 1 - 0.1 * self.warmth], np.float32)

    def _gain(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Gain at places given as shares of the picture, -0.5..0.5 from its centre."""
        return np.asarray(1 + self.slope[0] * x + self.slope[1] * y - self.vignette * 2 * (x**2 + y**2), np.float32)

    def on_table(self, image: Image) -> Image:
        """The table as the lamp lights it."""
        height, width = image.shape[:2]
        x, y = np.meshgrid(np.linspace(-0.5, 0.5, 32, dtype=np.float32), np.linspace(-0.5, 0.5, 32, dtype=np.float32))
        gain = self._gain(x, y)[..., None] * self._tint()
        return np.asarray(cv2.multiply(image, cv2.resize(gain, (width, height)), dtype=cv2.CV_8U), np.uint8)

    def on_card(self, patch: Image, corners: NDArray[np.float32], width: int, height: int, pose: Pose) -> Image:
        """A card's RGBA patch as the lamp lights it where its corners lie; a tilted card catches more light or less."""
        places = corners / (width, height) - 0.5
        gain = self._gain(np.clip(places[:, 0], -0.6, 0.6), np.clip(places[:, 1], -0.6, 0.6))
        gain = gain * (1 + 0.25 * np.sin(np.radians(pose.tilt_x)) - 0.2 * np.sin(np.radians(pose.tilt_y)))
        grid = np.ones((2, 2, 4), np.float32)
        grid[..., :3] = gain[[[0, 1], [3, 2]]][..., None] * self._tint()
        rows, columns = patch.shape[:2]
        return np.asarray(cv2.multiply(patch, cv2.resize(grid, (columns, rows)), dtype=cv2.CV_8U), np.uint8)

    def glare(self, image: Image, cards: Sequence[tuple[Quad, float]], time: float) -> None:
        """Adds the streak to the cards (quad and shine, lowest first), in place."""
        if not self.glare_keys or not self.glare_keys[0][0] <= time <= self.glare_keys[-1][0]:
            return
        height, width = image.shape[:2]
        times, places = zip(*self.glare_keys, strict=True)
        angle = np.radians(self.glare_angle)
        across = np.array([np.cos(angle), np.sin(angle)], np.float32)
        centre = float(np.interp(time, times, places)) * float(np.abs(across) @ (width, height))
        core = 0.035 * min(width, height)
        for number, (quad, shine) in enumerate(cards):
            low = np.floor(quad.min(axis=0)).clip(0).astype(int)
            high = np.minimum(np.ceil(quad.max(axis=0)).astype(int) + 1, (width, height))
            if (high - low <= 0).any():
                continue
            xs = np.arange(low[0], high[0] + _GLARE_STEP, _GLARE_STEP, dtype=np.float32) * across[0]
            ys = np.arange(low[1], high[1] + _GLARE_STEP, _GLARE_STEP, dtype=np.float32) * across[1]
            away = (xs[None] + ys[:, None] - centre) / core
            level = self.glare_level * shine * (0.75 * np.exp(-(away**2)) + 0.25 * np.exp(-((away / 4) ** 2)))
            if float(level.max()) < 2:
                continue
            self._add(image, level, low, high, [quad, *(above for above, _ in cards[number + 1 :])])

    def _add(
        self, image: Image, level: NDArray[np.float32], low: NDArray[np.int_], high: NDArray[np.int_], quads: list[Quad]
    ) -> None:
        columns, rows = (int(v) for v in high - low)
        grid = (level.shape[1] * _GLARE_STEP, level.shape[0] * _GLARE_STEP)
        streak = cv2.resize(np.clip(level, 0, 255).astype(np.uint8), grid, interpolation=cv2.INTER_LINEAR)
        mask = np.zeros((rows, columns), np.uint8)
        for quad, value in zip(quads, (255, *([0] * (len(quads) - 1))), strict=True):
            cv2.fillConvexPoly(mask, np.round((quad - low) * 16).astype(np.int32), value, cv2.LINE_AA, 4)
        streak = cv2.bitwise_and(streak[:rows, :columns], mask)
        part = image[low[1] : high[1], low[0] : high[0]]
        cv2.add(part, cv2.cvtColor(streak, cv2.COLOR_GRAY2RGB), dst=part)

    def noise(self, height: int, width: int, seed: int) -> Image:
        """A sheet of sensor noise around its mean, larger than the picture: each frame looks at another part of it."""
        rng = np.random.default_rng((seed, 51))
        sheet = rng.normal(0, self.sensor_noise, (256, 257, 3)) + _noise_mean(self.sensor_noise)
        rows, columns = height + _NOISE_PAD, width + _NOISE_PAD
        repeated = np.tile(np.clip(np.round(sheet), 0, 255).astype(np.uint8), (rows // 256 + 1, columns // 257 + 1, 1))
        return np.ascontiguousarray(repeated[:rows, :columns])

    def exposed(self, image: Image, noise: Image, index: int, time: float, seed: int) -> Image:
        """What the sensor makes of a frame: exposure and noise."""
        rng = np.random.default_rng((seed, index, 61))
        x, y = (int(v) for v in rng.integers(0, _NOISE_PAD, 2))
        height, width = image.shape[:2]
        gain = 1 + self.drift * (0.7 * np.sin(time * 0.9 + seed) + 0.3 * np.sin(time * 2.3))
        sheet = noise[y : y + height, x : x + width]
        return np.asarray(
            cv2.addWeighted(image, float(gain), sheet, 1.0, -float(_noise_mean(self.sensor_noise))), np.uint8
        )


def _noise_mean(sigma: float) -> int:
    return round(sigma * 3)
