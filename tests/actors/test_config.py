"""The configuration: what is written is read, and every mistake is named with its place and the remedy."""

import tomllib
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.config import Config, ConfigError, dump, load, parse, updated
from bus.sockets import default_run_dir

TABLES = {name: type(getattr(Config(), name)) for name in Config.__struct_fields__}
KEYS = [(table, key) for table, kind in TABLES.items() for key in kind.__struct_fields__]


@pytest.mark.parametrize("comments", [True, False])
def test_what_is_shown_can_be_used(comments: bool) -> None:
    """`config show > sleevesight.toml` is how everybody begins; the launcher hands the file to its actors."""
    assert parse(dump(Config(), comments)) == Config()


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    names=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3),
    number=st.floats(min_value=1e-3, max_value=1e12),
)
def test_every_value_comes_back(text: str, names: list[str], number: float) -> None:
    """Paths hold quotes, backslashes, emoji and worse; the actors must see the same one as the command line."""
    config = updated(Config(), "capture", source=text, hold_ms=number)
    config = updated(config, "sinks", enabled=[*names, "\x7f"])
    assert parse(dump(config, comments=False)) == config


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_every_key_is_explained(table: str, key: str) -> None:
    """A key without a sentence is a key that nobody sets right."""
    hint = get_type_hints(TABLES[table], include_extras=True)[key]
    (meta,) = [part for part in get_args(hint) if isinstance(part, msgspec.Meta)]
    assert meta.description
    assert meta.description.endswith(".")
    assert f"# {meta.description}\n{key} = " in dump(Config())


def test_every_table_is_explained() -> None:
    """The same for tables."""
    for table, kind in TABLES.items():
        assert f"# {kind.__doc__}\n[{table}]\n" in dump(Config())


def test_an_empty_file_is_the_defaults() -> None:
    """Nobody has to write down what is right already."""
    assert parse("") == Config()
    assert load(None) == Config()
    assert parse("[capture]\nfps = 15") == updated(Config(), "capture", fps=15.0)


def test_the_defaults_are_those_of_the_plan() -> None:
    """The numbers that the documentation argues for: changing one is a decision, not an accident."""
    config = Config()
    assert (config.capture.source, config.capture.pace) == ("camera:0", "paced")
    assert (config.selector.cache_iou, config.selector.cache_frames, config.selector.settle) == (0.7, 30, 3)
    assert config.selector.patience_frames == 5
    assert config.smoother.confirm == 3
    assert config.matcher.top == 5
    assert config.sinks.enabled == ["console"]
    assert not config.selector.enhance
    assert config.bus.host == "", "nothing is reachable from other machines unless somebody says so"
    assert config.address.run_dir == default_run_dir()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[captur]", "unknown key 'captur': did you mean 'capture'?"),
        ("[quux]", "unknown key 'quux': valid are bus, capture, "),
        ("capture = 3", "[capture]: expected `object`, got `int`"),
        ("[capture]\nsorce = 'x'", "unknown key 'sorce' in [capture]: did you mean 'source'?"),
        ("[log]\nzzz = 1", "unknown key 'zzz' in [log]: valid are level, format"),
        ("[capture]\nwidth = 'wide'", "[capture] width: expected `int`, got `str`"),
        ("[capture]\nwidth = 16.5", "[capture] width: expected `int`, got `float`"),
        ("[capture]\nwidth = 16", "[capture] width: expected `int` >= 160"),
        ("[capture]\nfps = 0", "[capture] fps: expected `float` > 0"),
        ("[capture]\nhold_ms = inf", "[capture]: hold_ms must be a finite number, not inf"),
        ("[capture]\nhold_ms = nan", "[capture]"),
        ("[selector]\ncache_iou = 1.5", "[selector] cache_iou: expected `float` <= 1"),
        ("[bus]\nport = 80", "[bus] port: expected `int` >= 1024"),
        ("[matcher]\ntop = 51", "[matcher] top: expected `int` <= 50"),
        ("[sinks]\nenabled = 'console'", "[sinks] enabled: expected `array`, got `str`"),
        ("[sinks]\nenabled = ['console', 7]", "[sinks] enabled[1]: expected `str`, got `int`"),
        ("[selector]\nenhance = 1", "[selector] enhance: expected `bool`, got `int`"),
        (
            "[capture]\npace = 'flatOut'",
            "[capture] pace: there is no 'flatOut': did you mean 'flatout'?",
        ),
        ("[log]\nlevel = 'chatty'", "[log] level: there is no 'chatty': choose from debug, info, warning, error"),
        ("[capture\n", "no valid TOML: "),
        ("[capture]\nwidth = 640\nwidth = 800", "no valid TOML: "),
    ],
)
def test_a_mistake_is_named(text: str, message: str) -> None:
    """Which key, in which table, what is wrong with it, and what would be right."""
    with pytest.raises(ConfigError) as raised:
        parse(text)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_an_option_of_the_command_line_is_checked_like_the_file() -> None:
    """And named like there."""
    with pytest.raises(ConfigError, match=r"^\[capture\] width: expected `int` >= 160"):
        updated(Config(), "capture", width=3)


def test_a_file_is_named_with_its_mistake(tmp_path: Path) -> None:
    """There may be several of them."""
    path = tmp_path / "my.toml"
    path.write_text("[capture]\nsorce = 'x'")
    with pytest.raises(ConfigError, match=r"my.toml: unknown key 'sorce' in \[capture\]: did you mean 'source'"):
        load(path)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """Missing, a folder, or no text at all."""
    with pytest.raises(ConfigError, match=r"none.toml cannot be read: No such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory"):
        load(tmp_path)
    (tmp_path / "picture.toml").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ConfigError, match=r"picture.toml: no valid TOML"):
        load(tmp_path / "picture.toml")


def test_a_file_is_utf8_in_every_locale(tmp_path: Path) -> None:
    """TOML is UTF-8 by definition; a service runs in the C locale."""
    path = tmp_path / "my.toml"
    path.write_bytes('[matcher]\ncatalog = "Pokémon"'.encode())
    assert load(path).matcher.catalog == "Pokémon"


def test_stored_sources_lose_nothing_unless_paced() -> None:
    """What `lossless` switches in three actors follows from one key."""
    assert not Config().lossless
    assert updated(Config(), "capture", pace="lockstep").lossless
    assert updated(Config(), "capture", pace="flatout").lossless


def test_the_home_folder_may_be_written_as_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in every shell."""
    monkeypatch.setenv("HOME", "/home/ash")
    assert updated(Config(), "bus", run_dir="~/run").address.run_dir == Path("/home/ash/run")


def test_the_dump_is_toml_for_other_readers() -> None:
    """Everything is one table deep: no reader needs more than a TOML library."""
    tables = tomllib.loads(dump(Config()))
    assert {table: list(values) for table, values in tables.items()} == {
        table: list(kind.__struct_fields__) for table, kind in TABLES.items()
    }
