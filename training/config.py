"""A run's settings: from a TOML file, with single keys set anew, and as they are kept beside the run."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

Settings = TypeVar("Settings", bound=msgspec.Struct)

KEPT = "settings.json"


class ConfigError(ValueError):
    """Settings that cannot be used; the message names the file and the key."""


def load(path: Path, kind: type[Settings], overrides: Sequence[str] = ()) -> Settings:
    """The settings in a TOML file, after `overrides` such as `plan.steps=100`. ConfigError names the wrong key."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    for override in overrides:
        _override(content, override)
    try:
        return msgspec.convert(content, kind, dec_hook=_decoded)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error


def keep(recipe: str, settings: msgspec.Struct, folder: Path) -> None:
    """Write which recipe a run follows and its settings into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    content = msgspec.json.encode({"recipe": recipe, "settings": settings}, enc_hook=str)
    (folder / KEPT).write_bytes(msgspec.json.format(content))


def kept(folder: Path, recipe: str, kind: type[Settings]) -> Settings:
    """The settings of a run in `folder`. ConfigError where no run of this recipe is."""
    found, settings = kept_recipe(folder)
    if found != recipe:
        raise ConfigError(f"{folder} is a run of {found!r}, and one of {recipe!r} is needed")
    try:
        return msgspec.convert(settings, kind, dec_hook=_decoded)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{folder / KEPT}: {error}") from error


def kept_recipe(folder: Path) -> tuple[str, Any]:
    """Which recipe a run in `folder` follows, and its settings as they were written."""
    try:
        content = msgspec.json.decode((folder / KEPT).read_bytes())
        return content["recipe"], content["settings"]
    except (OSError, msgspec.MsgspecError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{folder} holds no run ({KEPT}: {error}): give the folder that a run was written to"
        ) from error


def _override(content: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise ConfigError(f"{override!r} sets nothing: write key=value, such as plan.steps=100")
    *path, last = key.split(".")
    table = content
    for name in path:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{override!r}: {name} is no table")
    try:
        table[last] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        table[last] = value


def _decoded(kind: type[Any], value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise TypeError(f"no setting is read as {kind.__name__}: only paths need a hook of ours")
