"""Whatever is wrong with the device, the driver or the file is said in one line, with what to do."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.backends import hailo_trouble
from actors.backends.hailo import HailoEmbedder
from bus.lock import FileLock
from catalog.embedding import EngineError, ModelError

Open = Callable[..., HailoEmbedder]


def refusal(open_hef: Open, kind: type[Exception] = EngineError, **form: Any) -> str:
    """What opening says; one line."""
    with pytest.raises(kind) as caught:
        open_hef(**form)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_absent(open_hef: Open, chip: Any) -> None:
    """Prevents "not enough physical devices" (74), which is also what a busy one gives."""
    chip.devices = []
    assert refusal(open_hef).startswith("there is no Hailo-8: see lspci | grep -i hailo, seat the board")


def test_absent_when_the_scan_fails_too(open_hef: Open, chip: Any, node: Path) -> None:
    """Prevents that the bare status of a scan without a driver, which HailoRT does not wrap, ends in a traceback."""
    chip.devices, chip.scan_status = [], 64
    node.unlink()
    assert refusal(open_hef).startswith("there is no Hailo-8")


def test_busy_names_the_process(open_hef: Open, chip: Any, node: Path) -> None:
    """Prevents a search for the program that was left running."""
    chip.owner = object()
    with node.open() as file:
        holder = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[file.fileno()])
    try:
        expected = f"the Hailo-8 is in use by process {holder.pid} (python"
        assert refusal(open_hef).startswith(expected)
        chip.scan_status = 36
        assert refusal(open_hef).startswith(expected)
    finally:
        holder.communicate(b"\n", 10)


def test_busy_by_somebody_unseen(open_hef: Open, chip: Any) -> None:
    """Prevents an empty name where the holder is another user's process."""
    chip.owner = object()
    assert "a process that this user may not see (sudo fuser -v" in refusal(open_hef)


def test_our_own_lock_names_the_process(open_hef: Open, runtime: Path) -> None:
    """Prevents that two of our own systems find out by a status of HailoRT's."""
    (runtime / "sleevesight").mkdir(mode=0o700)
    lock = FileLock(runtime / "sleevesight" / "hailo.lock", "x")
    assert refusal(open_hef).startswith(f"the Hailo-8 is in use by process {os.getpid()} (")
    lock.release()


@pytest.mark.parametrize("compatibility", [26, 93], ids=["4.20", "4.21"])
def test_another_chip(open_hef: Open, chip: Any, compatibility: int) -> None:
    """Prevents "invalid HEF" for a good file that is for a Hailo-8L, under either name of the exception."""
    chip.compatibility = compatibility
    said = refusal(open_hef, ModelError, architecture="hailo8l")
    assert "net.hef was compiled for another chip" in said
    assert "--hw-arch hailo8" in said


def test_no_hef(fake: Any, tmp_path: Path) -> None:
    """Prevents that a failed download is taken for one that was compiled for another chip."""
    path = tmp_path / "page.hef"
    path.write_text("<html>not found</html>")
    with pytest.raises(ModelError, match=r"page\.hef is no HEF that this HailoRT reads"):
        HailoEmbedder(path)
    with pytest.raises(ModelError, match=r"none\.hef cannot be read .*or of a \.hef"):
        HailoEmbedder(tmp_path / "none.hef")
    assert fake.CHIP.owner is None


@pytest.mark.parametrize("status", [16, 76, 78, 85, 86])
def test_versions_differ(open_hef: Open, chip: Any, status: int) -> None:
    """Prevents a bare number for what an upgrade of half the packages leaves behind."""
    hailo_trouble.DRIVER_VERSION.write_text("4.20.0\n")
    (hailo_trouble.LIBRARIES / "aarch64-linux-gnu").mkdir(parents=True)
    (hailo_trouble.LIBRARIES / "aarch64-linux-gnu" / "libhailort.so.4.23.0").touch()
    chip.open_status = status
    said = refusal(open_hef)
    assert "driver 4.20.0, library 4.23.0, bindings 4.23.0" in said
    assert said.endswith("sudo apt install dkms hailo-all, then reboot")


def test_versions_that_differ_explain_any_failure_to_open(open_hef: Open, chip: Any) -> None:
    """Prevents "driver failure" where the versions on the machine say it all."""
    hailo_trouble.DRIVER_VERSION.write_text("4.19.0")
    chip.open_status = 36
    assert "driver 4.19.0, bindings 4.23.0" in refusal(open_hef)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (64, "driver is not loaded: sudo apt install dkms hailo-all, then reboot"),
        (87, "needs a reset: switch the power off and on again"),
        (4, "did not answer in time (open): start again"),
        (36, "failed (open: Failure in hailort driver ioctl.): see dmesg | grep -i hailo"),
        (82, "failed (open: libhailort failed with error: 82 (HAILO_QUEUE_IS_FULL))"),
    ],
)
def test_every_other_status(open_hef: Open, chip: Any, status: int, words: str) -> None:
    """Prevents a status without a remedy."""
    chip.open_status = status
    assert words in refusal(open_hef)


def test_a_node_that_may_not_be_opened(open_hef: Open, chip: Any, node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents "driver failure" where a udev rule is missing."""
    monkeypatch.setattr(hailo_trouble.os, "access", lambda _path, _mode: False)
    chip.open_status = 36
    assert f"{node} may not be opened by user {os.getuid()}" in refusal(open_hef)


def test_no_package(elsewhere: None, node: Path, tmp_path: Path) -> None:
    """Prevents a traceback on a machine that has the board and not the packages; nothing stands in for them here."""
    path = tmp_path / "net.hef"
    path.write_bytes(b"x")
    with pytest.raises(EngineError, match=r"hailo_platform is not there: .*hailo-all.*--system-site-packages"):
        HailoEmbedder(path)


def test_a_package_without_its_library(open_hef: Open, chip: Any) -> None:
    """Prevents that MissingPyHRTLib, which is no ImportError, passes through."""
    chip.library_missing = True
    del sys.modules["hailo_platform"]
    assert "cannot be imported (MissingPyHRTLib: " in refusal(open_hef)


def test_a_package_of_two_versions(open_hef: Open, fake: Any) -> None:
    """Prevents that half of an upgrade is said as HailoRT says it: without what to do."""
    fake.__version__ = "4.20.0"
    del sys.modules["hailo_platform"]
    assert "versions of HailoRT's parts differ (_pyhailort version (4.20.0) does not match" in refusal(open_hef)


def test_a_library_of_another_version() -> None:
    """Prevents an install hint where half of an upgrade is what is missing."""
    said = hailo_trouble.cannot_import(ImportError("libhailort.so.4.20.0: cannot open shared object file"))
    assert said.startswith("the versions of HailoRT's parts differ (libhailort.so.4.20.0")
