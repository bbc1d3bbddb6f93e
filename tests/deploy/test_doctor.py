"""The doctor's checks on machines made of files: what is well, what is wrong with which remedy, what does not apply."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from doctor_machine import Fake, laptop, pi

from actors.config import Config, parse
from bus.lock import FileLock
from deploy.doctor import board, camera, hailo, setup, software
from deploy.doctor.examine import CHECKS, Check, examine
from deploy.doctor.finding import Finding
from deploy.doctor.machine import Machine, run_command
from deploy.doctor.modules import look

Look = Callable[[Machine, Config], Finding]


@pytest.fixture
def healthy(tmp_path: Path) -> Fake:
    return pi(tmp_path / "root")


@pytest.fixture
def portable(tmp_path: Path) -> Fake:
    return laptop(tmp_path / "root")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return parse(f'[bus]\nrun_dir = "{tmp_path / "run"}"\n')


def wants(config: Config, **tables: dict[str, str]) -> Config:
    """A configuration for devices of which another part of the program knows."""
    from msgspec.structs import replace

    for table, values in tables.items():
        config = replace(config, **{table: replace(getattr(config, table), **values)})
    return config


def test_a_pi_on_which_all_is_well(healthy: Fake, config: Config) -> None:
    """A doctor who cries wolf is not asked again."""
    found = {line.name: line.finding for line in examine(healthy.machine, config)}
    assert {name for name, finding in found.items() if finding.state == "problem"} == {"catalogue"}
    assert found["device"].text == "/dev/hailo0, held by embedder (process 77)"
    assert found["versions"].text == "driver 4.23.0, library 4.23.0, binding 4.23.0"
    assert found["temperature"].text == "48 °C, never slowed down since it was started"


def test_a_laptop_on_which_all_is_well(portable: Fake, config: Config) -> None:
    """Nothing of the Pi is missed there, and every line says so in a word."""
    found = {line.name: line.finding for line in examine(portable.machine, config)}
    assert {name for name, finding in found.items() if finding.state == "problem"} == {"catalogue"}
    assert found["webcams"].text == "/dev/video0 HD Webcam"
    assert {found[name].state for name in ("numpy", "AI camera", "firmware", "device", "versions", "chip", "HEF")} == {
        "absent"
    }


def test_every_problem_says_what_to_do(tmp_path: Path) -> None:
    """On a machine that has nothing at all, with a configuration that wants everything."""
    config = wants(parse('[bus]\nhost = "10.0.0.1"\n'), capture={"source": "imx500"}, embedder={"backend": "hailo"})
    (tmp_path / "root").mkdir()
    found = list(examine(Fake(tmp_path / "root").machine, config))
    assert [line.name for line in found] == [check.name for check in CHECKS]
    assert all("\n" not in line.finding.text + line.finding.remedy for line in found)
    assert all(bool(line.finding.remedy) == (line.finding.state == "problem") for line in found)
    assert {line.name for line in found if line.finding.state == "problem"} >= {
        "AI camera",
        "device",
        "versions",
        "HEF",
    }


def test_a_check_that_fails_is_a_problem_and_not_the_end(healthy: Fake, config: Config) -> None:
    """A traceback says nothing of the other checks."""

    def faint(_machine: Machine, _config: Config) -> Finding:
        raise KeyError("x")

    first, second = examine(healthy.machine, config, (Check("a", "b", faint), CHECKS[0]))
    assert (first.finding.state, second.finding.state) == ("problem", "ok")
    assert first.finding.text == "cannot be checked: KeyError: 'x'"


def damage(fake: Fake, what: str) -> None:
    """One thing that goes wrong on a Pi."""
    root = fake.root
    match what:
        case "memory":
            fake.write("/proc/meminfo", "MemAvailable: 200000 kB\n")
        case "room":
            fake.free = 0
        case "supply":
            fake.commands["vcgencmd get_throttled"] = "throttled=0x50005\n"
        case "heat":
            fake.commands["vcgencmd measure_temp"] = "temp=84.0'C\n"
        case "clock":
            fake.commands["timedatectl show --property=NTPSynchronized --value"] = "no\n"
        case "library":
            fake.modules["cv2"] = {"error": "ImportError: libGL.so.1: cannot open shared object file"}
        case "died":
            fake.died = signal.SIGSEGV
        case "pip's numpy":
            fake.modules["numpy"] = {"version": "2.4.6", "file": "/opt/sleevesight/lib/python3.11/numpy/__init__.py"}
        case "abi":
            fake.modules["picamera2"] = {"error": "ValueError: numpy.dtype size changed, may indicate\nincompatibility"}
        case "no camera":
            (root / "dev/video0").unlink()
        case "camera held":
            fake.process(9, "ffmpeg", holds="/dev/video0")
        case "driver":
            (root / "dev/hailo0").unlink()
        case "closed":
            fake.closed = {"/dev/hailo0", "/dev/media0"}
        case "rival":
            fake.process(8, "frigate", holds="/dev/hailo0")
        case "versions differ":
            fake.write("/sys/module/hailo_pci/version", "4.20.0\n")
        case "no binding":
            del fake.modules["hailo_platform"]
        case "broken binding":
            fake.modules["hailo_platform"] = {"error": "MissingPyHRTLib: _pyhailort"}
        case "5.x":
            fake.write("/sys/module/hailo_pci/version", "5.0.0\n")
            fake.commands["hailortcli --version"] = "HailoRT-CLI version 5.0.0"
            fake.modules["hailo_platform"] = {"version": "5.0.0"}
        case "groups":
            fake.write("/etc/group", "video:x:44:pi\nrender:x:105:sleevesight\n")


@pytest.mark.parametrize(
    ("what", "check", "text", "remedy"),
    [
        ("memory", board.memory, "MB free, 328 MB wanted", "[capture] ring_mb"),
        ("room", board.disk, "500 MB wanted", "make room"),
        ("room", board.shared_memory, "is full", "remove"),
        ("supply", board.temperature, "the supply's voltage is too low, slowed down, the supply's", "27 W supply"),
        ("heat", board.temperature, "84 °C", "cooler"),
        ("clock", board.clock, "never set by a time server", "timedatectl"),
        ("library", software.libraries, "cv2: ImportError: libGL.so.1", "install.sh"),
        ("died", software.libraries, "the interpreter died of SIGSEGV", "install.sh"),
        ("pip's numpy", software.numpy_abi, "/python3.11/numpy hides apt's", "pip uninstall numpy"),
        ("abi", software.numpy_abi, "fails: ValueError: numpy.dtype size changed, may indicate inc", "uninstall numpy"),
        ("no camera", camera.webcams, "there is no /dev/video0", "camera:1"),
        ("camera held", camera.webcams, "/dev/video0 is held by ffmpeg (process 9)", "end that program"),
        ("driver", hailo.device, "its driver is not loaded", "apt install dkms hailo-all"),
        ("closed", hailo.device, "/dev/hailo0 may not be opened", "reinstall"),
        ("closed", setup.permissions, "closed to this user: /dev/hailo0, /dev/media0", "usermod -aG video,render"),
        ("rival", hailo.device, "held by frigate (process 8)", "one process owns"),
        ("versions differ", hailo.versions, "driver 4.20.0, library 4.23.0, binding 4.23.0: they differ", "restart"),
        ("no binding", hailo.versions, "binding missing", "hailo-all"),
        ("broken binding", hailo.versions, "MissingPyHRTLib", "hailo-all"),
        ("5.x", hailo.versions, "the Hailo-8 needs 4.x", "hold"),
        ("groups", setup.service_user, "sleevesight is not in video", "usermod"),
    ],
)
def test_what_goes_wrong_on_a_pi(healthy: Fake, config: Config, what: str, check: Look, text: str, remedy: str) -> None:
    """Each of these has cost somebody an evening."""
    assert check(healthy.machine, config).state == "ok"
    damage(healthy, what)
    found = check(healthy.machine, config)
    assert found.state == "problem"
    assert text in found.text
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/lib/firmware/imx500_loader.fpk", "imx500_loader"),
        ("/usr/share/imx500-models/imx500_network_ssd.rpk", "*.rpk"),
    ],
)
def test_missing_firmware_matters_to_whoever_uses_the_camera(
    healthy: Fake, config: Config, path: str, text: str
) -> None:
    """A Pi with a webcam needs none."""
    assert camera.firmware(healthy.machine, config).state == "ok"
    (healthy.root / path.lstrip("/")).unlink()
    assert camera.firmware(healthy.machine, config).state == "absent"
    found = camera.firmware(healthy.machine, wants(config, capture={"source": "imx500"}))
    assert (found.state, found.remedy) == ("problem", "`sudo apt install imx500-all`, then restart the machine")
    assert text in found.text


def test_the_network_is_packed_once(healthy: Fake, config: Config) -> None:
    """It ships as an archive that the camera does not take: without the packing, capture ends at every start."""
    assert camera.network(healthy.machine, config).state == "absent"
    for source, rpk, text in (
        ("imx500", "", "no network is named"),
        ("imx500", "/no/cards.rpk", "/no/cards.rpk: no such network"),
        ("imx500:/no/cards.rpk", "", "/no/cards.rpk: no such network"),
    ):
        found = camera.network(healthy.machine, wants(config, capture={"source": source}, imx500={"rpk": rpk}))
        assert (found.state, found.text) == ("problem", text)
        assert "imx500-package -i" in found.remedy
        assert "imx500.zip" in found.remedy
    healthy.write("/var/lib/network.rpk")
    named = wants(config, capture={"source": "imx500"}, imx500={"rpk": "/var/lib/network.rpk"})
    assert camera.network(healthy.machine, named).state == "ok"


def test_the_accelerator_is_never_opened_while_somebody_has_it(healthy: Fake, config: Config) -> None:
    """`identify` on a busy device has been seen to end the owner's inference."""
    found = hailo.chip(healthy.machine, config)
    assert (found.state, healthy.asked) == ("absent", [])
    assert "embedder (process 77)" in found.text


def test_a_free_accelerator_says_what_it_is(healthy: Fake, config: Config) -> None:
    """Firmware and kind; an 8L runs no HEF of ours."""
    (healthy.root / "proc/77/fd/7").unlink()
    assert hailo.device(healthy.machine, config).text == "/dev/hailo0, free"
    assert hailo.chip(healthy.machine, config).text == "HAILO8, firmware 4.23.0"
    healthy.commands["hailortcli fw-control identify"] = "Device Architecture: HAILO8L\n"
    assert "is a HAILO8L" in hailo.chip(healthy.machine, config).text


def test_who_may_not_look_does_not_open_it(healthy: Fake, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rights other users' processes cannot be seen, so the device may be in use."""
    (healthy.root / "proc/77/fd/7").unlink()
    allowed = Path.iterdir

    def closed(path: Path) -> object:
        if path.name == "fd":
            raise PermissionError(13, "Permission denied")
        return allowed(path)

    monkeypatch.setattr(Path, "iterdir", closed)
    assert "only seen with sudo" in hailo.device(healthy.machine, config).text
    assert hailo.chip(healthy.machine, config).state == "absent"
    assert healthy.asked == []


@pytest.mark.parametrize(
    ("content", "said", "state", "text"),
    [
        (b"no HEF", None, "problem", "is no HEF"),
        (b"\x01HEF...", None, "absent", "only hailortcli can tell"),
        (b"\x01HEF...", "Architecture HEF was compiled for: HAILO8\n", "ok", "model.hef is for HAILO8"),
        (b"\x01HEF...", "Architecture HEF was compiled for: HAILO8L\n", "problem", "is for HAILO8L, not for HAILO8"),
    ],
)
def test_what_a_hef_is_for(
    healthy: Fake, config: Config, content: bytes, said: str | None, state: str, text: str
) -> None:
    """It is refused at the start otherwise, minutes later."""
    config = wants(config, embedder={"model": "/m/model.hef"})
    healthy.write("/m/model.hef").write_bytes(content)
    if said:
        healthy.commands["hailortcli parse-hef /m/model.hef"] = said
    found = hailo.hef(healthy.machine, config)
    assert (found.state, text in found.text) == (state, True)


def test_the_hef_that_is_taken_where_none_is_named(healthy: Fake, config: Config) -> None:
    """The one in models/; and one that is named and not there is a problem at once."""
    from actors.backends import MODELS

    assert hailo.hef(healthy.machine, config).state == "absent"
    healthy.write(f"{MODELS}/a.hef", "no HEF")
    assert hailo.hef(healthy.machine, config).text == f"{MODELS}/a.hef is no HEF"
    named = wants(config, embedder={"model": "/m/model.hef"})
    assert hailo.hef(healthy.machine, named).text == "/m/model.hef cannot be read: No such file or directory"


def test_a_broken_numpy_does_not_break_the_doctor() -> None:
    """It is what is broken most often, and half of the house imports it."""
    code = "import sys; import cli.doctor, deploy.doctor.examine; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "cv2"} & set(ran.stdout.split())


def test_cameras_that_are_none(healthy: Fake, config: Config) -> None:
    """A Pi has a dozen video devices without a lens."""
    healthy.write("/sys/class/video4linux/video20/name", "pispbe-input\n")
    healthy.write("/sys/class/video4linux/video1/name", "HD Webcam\n")
    healthy.write("/sys/class/video4linux/video1/index", "1\n")
    assert camera.webcams(healthy.machine, config).text == "/dev/video0 HD Webcam"


def test_our_own_capture_may_hold_the_camera(healthy: Fake, config: Config) -> None:
    """The doctor is asked about running systems, too."""
    healthy.process(78, "python", "-m", "cli.main", "run", "capture", "--config", "x", holds="/dev/video0")
    assert camera.webcams(healthy.machine, config).state == "ok"


def test_an_actor_is_known_by_its_name_as_a_copy_too(healthy: Fake, config: Config) -> None:
    """The service's actors are copies of supervisord and have its command line; taken for a stranger, it is ended."""
    healthy.process(78, "/opt/sleevesight/bin/supervisord", "--nodaemon", holds="/dev/video0")
    healthy.write("/proc/78/comm", "capture\n")
    assert camera.webcams(healthy.machine, config).state == "ok"


def test_the_run_directory(healthy: Fake, config: Config, tmp_path: Path) -> None:
    """Its sockets carry what the camera sees."""
    assert setup.run_dir(healthy.machine, config).text.endswith("made at the start")
    here = healthy.root / str(tmp_path / "run").lstrip("/")
    here.mkdir(parents=True, mode=0o700)
    assert setup.run_dir(healthy.machine, config).state == "ok"
    assert "belongs to user" in setup.run_dir(healthy.user(os.getuid() + 1), config).text
    here.chmod(0o755)
    assert "open to others (mode 755)" in setup.run_dir(healthy.machine, config).text


def test_who_runs_by_the_kernels_own_list(healthy: Fake, config: Config, tmp_path: Path) -> None:
    """A lock file stays behind when its holder dies: its being there says nothing."""
    here = healthy.root / str(tmp_path / "run").lstrip("/")
    here.mkdir(parents=True)
    lock = FileLock(here / "heartbeat.embedder.lock", "embedder")
    assert setup.running(healthy.machine, config).text.startswith("nothing runs in")
    inode = (here / "heartbeat.embedder.lock").stat().st_ino
    healthy.write(
        "/proc/locks", f"1: POSIX  ADVISORY  READ 1 00:1a:7 0 EOF\n2: FLOCK  ADVISORY  WRITE 77 00:1a:{inode} 0 EOF\n"
    )
    assert setup.running(healthy.machine, config).text.endswith(": embedder (77)")
    with pytest.raises(BlockingIOError), (here / "heartbeat.embedder.lock").open() as held:  # the doctor took nothing
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    lock.release()


def test_ports_that_somebody_else_has(healthy: Fake) -> None:
    """Only with [bus] host is there any port at all."""
    assert setup.ports(healthy.machine, Config()).state == "absent"
    config = parse('[bus]\nhost = "0.0.0.0"\nport = 5560\n')
    healthy.write("/proc/net/tcp", "  sl  local_address rem_address   st\n   0: 00000000:15B8 00000000:0000 01 x\n")
    assert setup.ports(healthy.machine, config).text == "5560 to 5565 at 0.0.0.0, free"
    healthy.write("/proc/net/tcp", "  sl  local_address rem_address   st\n   0: 00000000:15B9 00000000:0000 0A x\n")
    found = setup.ports(healthy.machine, config)
    assert (found.state, found.text) == ("problem", "somebody listens at 5561")


def test_modules_are_really_imported_elsewhere() -> None:
    """Importing them here would take the doctor with them when they crash."""
    found = look(Machine(), "json", "no_such_module")
    assert found["json"].file.endswith("json/__init__.py")
    assert found["no_such_module"].missing
    assert "ModuleNotFoundError" in found["no_such_module"].why


def test_commands_that_are_not_there() -> None:
    """Half of the commands exist on a Pi alone."""
    assert run_command(["no-such-command-at-all"]) is None
    ran = run_command(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert ran is not None
    assert (ran.code, ran.out, ran.err) == (3, "out\n", "err\n")


def test_the_guide_explains_every_line() -> None:
    """Whoever reads `problem … numpy` looks there."""
    guide = (Path(__file__).resolve().parents[2] / "docs" / "raspberry-pi.md").read_text()
    table = guide.partition("## What doctor finds")[2]
    explained = {name for row in table.splitlines() for name in row.partition("| ")[2].partition(" |")[0].split(", ")}
    assert {check.name for check in CHECKS} <= explained
