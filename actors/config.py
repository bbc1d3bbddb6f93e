"""The configuration: one TOML file, every key with its meaning, unknown keys refused with the nearest valid name."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Meta, field

from actors.sections import (
    BusConfig,
    CaptureConfig,
    CollectionConfig,
    DashboardConfig,
    EmbedderConfig,
    FleetConfig,
    Imx500Config,
    LogConfig,
    MatcherConfig,
    MetricsConfig,
    MqttConfig,
    RecorderConfig,
    SceneConfig,
    Section,
    SelectorConfig,
    SinksConfig,
    SmootherConfig,
    WebhookConfig,
)
from bus.sockets import Address, default_run_dir


class ConfigError(ValueError):
    """A configuration that cannot be used: names the key and what would be right."""


class Config(Section, frozen=True):
    """Everything that can be set."""

    bus: BusConfig = field(default_factory=BusConfig)
    capture: CaptureConfig = field(default_factory=CaptureConfig)
    imx500: Imx500Config = field(default_factory=Imx500Config)
    scene: SceneConfig = field(default_factory=SceneConfig)
    selector: SelectorConfig = field(default_factory=SelectorConfig)
    embedder: EmbedderConfig = field(default_factory=EmbedderConfig)
    matcher: MatcherConfig = field(default_factory=MatcherConfig)
    smoother: SmootherConfig = field(default_factory=SmootherConfig)
    sinks: SinksConfig = field(default_factory=SinksConfig)
    recorder: RecorderConfig = field(default_factory=RecorderConfig)
    fleet: FleetConfig = field(default_factory=FleetConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    webhook: WebhookConfig = field(default_factory=WebhookConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    collection: CollectionConfig = field(default_factory=CollectionConfig)
    dashboard: DashboardConfig = field(default_factory=DashboardConfig)
    log: LogConfig = field(default_factory=LogConfig)

    @property
    def address(self) -> Address:
        """Where the bus of this configuration is."""
        run_dir = Path(self.bus.run_dir).expanduser() if self.bus.run_dir else default_run_dir()
        return Address(run_dir, self.bus.host, self.bus.port)

    @property
    def launched(self) -> Path:
        """The file in which the launcher writes down how the system was really started."""
        return self.address.run_dir / "config.toml"

    @property
    def lossless(self) -> bool:
        """Whether every frame of a stored source is to be answered, however long it takes."""
        return self.capture.pace != "paced"


def load(path: Path | None) -> Config:
    """The configuration of a file, or the defaults for None. ConfigError names file, key and remedy."""
    if path is None:
        return Config()
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: no valid TOML: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse(text: str) -> Config:
    """The configuration of a TOML text."""
    try:
        return msgspec.convert(tomllib.loads(text), Config)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"no valid TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), [])) from None


def updated(config: Config, section: str, **values: Any) -> Config:
    """The configuration with some keys of a table replaced, checked like a file."""
    table = {**msgspec.to_builtins(getattr(config, section)), **values}
    try:
        checked = msgspec.convert(table, type(getattr(config, section)))
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), [section])) from None
    return msgspec.structs.replace(config, **{section: checked})


def _explain(message: str, place: list[str]) -> str:
    """What msgspec says of a value at `place`, with the place as [table] key and the nearest valid name."""
    problem, _, path = message.partition(" - at `$")
    place = [*place, *(part for part in path.strip("`").split(".") if part)]
    kind = get_type_hints(Config)[place[0]] if place else Config
    if unknown := re.search(r"unknown field `(.+)`", problem):
        where = f" in [{place[0]}]" if place else ""
        return f"unknown key {unknown[1]!r}{where}: {nearest(unknown[1], kind.__struct_fields__, 'valid are ')}"
    if (value := re.fullmatch("Invalid enum value '(.*)'", problem)) and len(place) == 2:
        valid = get_args(get_type_hints(kind)[place[1]])
        return f"[{place[0]}] {place[1]}: there is no {value[1]!r}: {nearest(value[1], valid, 'choose from ')}"
    where = f"[{place[0]}] {'.'.join(place[1:])}".strip() if place else "the file"
    return f"{where}: {problem[:1].lower()}{problem[1:]}"


def nearest(name: str, valid: Sequence[str], introduction: str) -> str:
    """What a wrong name may have meant, or the names there are."""
    near = difflib.get_close_matches(name, valid, 1, 0.4)
    return f"did you mean {near[0]!r}?" if near else f"{introduction}{', '.join(valid)}"


def dump(config: Config, comments: bool = True) -> str:
    """The configuration as TOML; with comments, every key is explained."""
    lines = []
    for section in config.__struct_fields__:
        value = getattr(config, section)
        if comments:
            lines.append(f"# {(type(value).__doc__ or '').strip()}")
        lines.append(f"[{section}]")
        hints = get_type_hints(type(value), include_extras=True)
        for key in value.__struct_fields__:
            if comments:
                meta = next(part for part in get_args(hints[key]) if isinstance(part, Meta))
                lines.append(f"# {meta.description}")
            # A JSON value is a TOML value, but for one character.
            text = json.dumps(getattr(value, key), ensure_ascii=False).replace("\x7f", "\\u007f")
            lines.append(f"{key} = {text}")
        lines.append("")
    return "\n".join(lines)
