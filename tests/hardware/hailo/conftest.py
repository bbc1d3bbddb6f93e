"""The stand-in for HailoRT, fresh for every test, with its chip and a device node to point at."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import backends
from actors.backends import hailo, hailo_trouble
from actors.backends.hailo import HailoEmbedder

FAKE = Path(__file__).parent


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "hailo_platform"]:
        del sys.modules[name]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for /dev/hailo0; it is there."""
    node = tmp_path / "hailo0"
    node.touch()
    monkeypatch.setattr(backends, "DEVICE", node)
    monkeypatch.setattr(hailo_trouble, "DEVICE", node)
    return node


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's runtime directory; its name is short, as sockets need it."""
    return tmp_path_factory.mktemp("r")


@pytest.fixture
def elsewhere(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock, driver or library of this machine's has a say."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setattr(hailo_trouble, "DRIVER_VERSION", tmp_path / "version")
    monkeypatch.setattr(hailo_trouble, "LIBRARIES", tmp_path / "lib")


@pytest.fixture
def fake(node: Path, elsewhere: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The compiled part of the stand-in: `CHIP` is the world, `write_hef` makes a model."""
    monkeypatch.syspath_prepend(str(FAKE))
    monkeypatch.setenv("HAILORT_LOGGER_PATH", "")
    monkeypatch.delenv("HAILORT_LOGGER_PATH")
    forget()
    yield importlib.import_module("hailo_platform.pyhailort._pyhailort")
    forget()


@pytest.fixture
def chip(fake: Any) -> Any:
    return fake.CHIP


@pytest.fixture
def open_hef(fake: Any, tmp_path: Path) -> Iterator[Callable[..., HailoEmbedder]]:
    """Opens a HEF of that form, and closes it in the end."""
    opened: list[HailoEmbedder] = []

    def open_it(timeout_s: float = 20.0, **form: Any) -> HailoEmbedder:
        path = fake.write_hef(tmp_path / "net.hef", **form)
        opened.append(hailo.HailoEmbedder(path, timeout_s))
        return opened[-1]

    yield open_it
    for one in opened:
        one.close()
