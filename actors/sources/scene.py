"""A rendered table with moving cards: for demos, tests and measurements, without a camera."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors.sections import SceneConfig
from actors.sources.base import Finds, Pixels, SourceError, SourceFrame
from catalog.picture import SUFFIXES, PictureError, read_picture
from synth.cards import deck, draw
from synth.scene import Scene, scenario

_MOST_CARDS = 60
"""No scenario shows more different cards than this."""


def open_scene(name: str, config: SceneConfig) -> Scene:
    """The scene that the configuration describes; SourceError if there is none of that name."""
    cards = _pictures(Path(config.cards)) if config.cards else _Generated(config.count)
    try:
        return scenario(name, cards, config.seed, (config.width, config.height))
    except ValueError as error:
        raise SourceError(str(error)) from None


class SceneSource:
    """The frames of a scenario of `synth.scene`; nothing but the pixels is taken from it."""

    live = False
    finds: Finds = "nothing"

    def __init__(self, name: str, config: SceneConfig) -> None:
        self._scene = open_scene(name, config)
        self._index = 0
        self._loop = config.loop
        self.title = f"scene {name}, {self._scene.frames} frames of {config.width}x{config.height}"

    def read(self) -> SourceFrame | None:
        """Render the next frame. Looped, time goes on and frame n shows what frame n modulo the scene's length does."""
        if self._index >= self._scene.frames and not self._loop:
            return None
        image = self._scene.image(self._index % self._scene.frames)
        t_ns = round(self._index / self._scene.fps * 1e9)
        self._index += 1
        return SourceFrame(image, t_ns)

    def close(self) -> None:
        """Nothing is held."""


class _Generated(Sequence[tuple[str, Pixels]]):
    """Generated cards, each drawn when a scene takes it: most show ten, and drawing all takes longer than a restart."""

    def __init__(self, count: int) -> None:
        self._specs = deck(count)[:_MOST_CARDS]

    def __len__(self) -> int:
        return len(self._specs)

    def __getitem__(self, index: Any) -> Any:
        spec = self._specs[index]
        return spec.id, draw(spec)


def _pictures(folder: Path) -> list[tuple[str, Pixels]]:
    files = sorted(path for path in folder.glob("**/*") if path.suffix.lower() in SUFFIXES)[:_MOST_CARDS]
    if not files:
        raise SourceError(f"[scene] cards = {folder} holds no card pictures")
    try:
        return [(path.stem, read_picture(path)) for path in files]
    except PictureError as error:
        raise SourceError(str(error)) from None
