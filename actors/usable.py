"""Whether a configuration can be used: what it names is there, and fits.

Each function says what was found in a line, empty if nothing is named, or raises ValueError with what is wrong and the
remedy.
"""

from __future__ import annotations

from pathlib import Path

from actors.backends import model_path
from actors.config import Config
from actors.provenance import model_hash
from actors.sinks.base import find
from actors.sources.base import parse
from catalog.model_card import read_card
from catalog.store import check_built_by, read_manifest


def source(config: Config) -> str:
    """The source has a kind that exists, and its file is there."""
    scheme, argument = parse(config.capture.source)
    return f"{scheme}:{argument}"


def catalogue(config: Config) -> str:
    """The catalogue is one, and was built with this very model. What is inside is for `catalog verify`."""
    if not config.matcher.catalog:
        return ""
    path = Path(config.matcher.catalog).expanduser()
    manifest = read_manifest(path)
    if built_with := model_hash(config):
        check_built_by(path, manifest, built_with)
    return f"{path}: {manifest.cards} cards, built with {manifest.model.name} ({manifest.model.hash[:12]})"


def model(config: Config) -> str:
    """The model's file is there, and its card can be read."""
    path = model_path(config.embedder)
    if not path.is_file():
        raise ValueError(f"{path} is no file: give the path of an .onnx file, or nothing for the one that ships")
    card = read_card(path)
    return f"{card.name if card else path.name} ({model_hash(config)[:12]})"


def sinks(config: Config) -> str:
    """The sinks are installed."""
    for name in config.sinks.enabled:
        find(name)
    return ", ".join(config.sinks.enabled)


THINGS = {
    "[capture] source": source,
    "[matcher] catalog": catalogue,
    "[embedder] model": model,
    "[sinks] enabled": sinks,
}
"""By the keys of the configuration that name them."""
