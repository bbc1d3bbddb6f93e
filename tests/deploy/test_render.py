"""The service's files say what the tables say, and what HARDWARE knows of supervisord and systemd."""

import configparser
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from actors.config import Config, parse, updated
from bus.topics import PIPELINE, TOPICS
from deploy.render import HERE, main, rendered, shipped
from deploy.service import Service
from deploy.supervisord import supervisord_conf
from deploy.systemd import systemd_unit


def conf(service: Service) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True)
    parser.read_string(supervisord_conf(service))
    return parser


def unit(config: Config) -> list[str]:
    return systemd_unit(Service(config)).splitlines()


def programs(service: Service) -> dict[str, dict[str, str]]:
    parser = conf(service)
    return {
        name.removeprefix("program:"): dict(parser[name]) for name in parser.sections() if name.startswith("program:")
    }


@pytest.mark.parametrize("name", rendered(shipped()))
def test_the_files_that_lie_there_are_the_rendered_ones(name: str) -> None:
    """A new actor, or an edit by hand, would make a service that is not what the tables say.

    After a change: `python -m deploy.render --out deploy`.
    """
    assert (HERE / name).read_text() == rendered(shipped())[name]


def test_everybody_is_a_program_of_its_own() -> None:
    """An actor that nobody starts is missing on the Pi alone."""
    service = Service(updated(Config(), "sinks", enabled=["jsonl", "mqtt"]))
    assert set(programs(service)) == {*PIPELINE, "sink.jsonl", "sink.mqtt", "watchdog"}
    for name, program in programs(service).items():
        assert shlex.split(program["command"]) == [
            "/opt/sleevesight/bin/sleevesight", "run", name, "--config", "/etc/sleevesight/config.toml",
        ]  # fmt: skip


def test_readers_are_there_before_those_whom_they_read() -> None:
    """supervisord stops from the highest priority down: a reader that went first would lose what is under way."""
    place = {name: int(program["priority"]) for name, program in programs(Service(Config())).items()}
    for topic in TOPICS.values():
        for reader in topic.readers:
            name = "sink.console" if reader == "sink" else reader
            if topic.publisher in place and name not in ("capture", "selector", topic.publisher):
                assert place[name] < place[topic.publisher], topic.name
    assert place["selector"] < place["capture"] < place["watchdog"]


def test_every_program_is_kept_alive() -> None:
    """The defaults of supervisord give up after three starts, keep logs of 50 MB and count exit 0 as the end."""
    for program in programs(Service(Config())).values():
        said = {key: program[key] for key in ("autorestart", "startsecs", "startretries", "stopsignal", "stopwaitsecs")}
        assert said == {
            "autorestart": "true", "startsecs": "3", "startretries": "10", "stopsignal": "TERM", "stopwaitsecs": "10",
        }  # fmt: skip
        assert program["stopasgroup"] == program["killasgroup"] == program["redirect_stderr"] == "true"
        assert int(program["stdout_logfile_maxbytes"]) * (1 + int(program["stdout_logfile_backups"])) < 10e6


def test_nobody_else_may_command_it() -> None:
    """Whoever reaches supervisord's server runs what he likes: it has one local door, closed to other users."""
    parser = conf(Service(Config()))
    assert "inet_http_server" not in parser
    assert parser["unix_http_server"]["chmod"] == "0700"
    environment = parser["supervisord"]["environment"]
    for value in ('PYTHONUNBUFFERED="1"', 'HAILORT_LOGGER_PATH="NONE"', 'OMP_NUM_THREADS="1"'):
        assert value in environment


def test_places_may_have_strange_names(tmp_path: Path) -> None:
    """supervisord expands percent signs and splits at spaces."""
    service = Service(Config(), file=Path("/etc/100% cards/config.toml"))
    command = programs(service)["capture"]["command"].replace("%%", "%")
    assert shlex.split(command)[-1] == "/etc/100% cards/config.toml"


def test_a_service_without_network_sinks_has_no_network() -> None:
    """What never talks to others needs no sockets to do so; a sink that does must not be cut off."""
    assert "IPAddressDeny=any" in unit(Config())
    assert not any("INET" in line for line in unit(Config()))
    for config in (updated(Config(), "sinks", enabled=["mqtt"]), updated(Config(), "bus", host="127.0.0.1")):
        assert "IPAddressDeny=any" not in unit(config)
        assert any(line.startswith("RestrictAddressFamilies=") and "AF_INET6" in line for line in unit(config))


@pytest.mark.parametrize(
    "line",
    [
        "Restart=always", "RuntimeDirectory=sleevesight", "RuntimeDirectoryMode=0700", "User=sleevesight",
        "ProtectSystem=strict", "ProtectHome=true", "PrivateTmp=true", "NoNewPrivileges=true",
        "StateDirectory=sleevesight", "LogsDirectory=sleevesight", "DevicePolicy=closed", "OOMPolicy=continue",
        "ExecStart=/opt/sleevesight/bin/supervisord --nodaemon --configuration=/etc/sleevesight/supervisord.conf",
    ],
)  # fmt: skip
def test_the_unit_gives_what_is_needed_and_no_more(line: str) -> None:
    """Each of these was decided; a lost one is noticed by nobody until it matters."""
    assert line in unit(Config())


def test_a_run_directory_that_systemd_does_not_make_is_refused() -> None:
    """The service would start, and every actor would fail at its first socket."""
    with pytest.raises(ValueError, match=r"\[bus\] run_dir = /srv/x: .* /run"):
        unit(updated(Config(), "bus", run_dir="/srv/x"))


def test_the_shipped_configuration_is_valid() -> None:
    """The first start of every Pi."""
    config = parse((HERE / "config.toml").read_text())
    assert shipped().config == config
    assert shipped().address.run_dir == Path("/run/sleevesight")


def test_the_command_writes_both_or_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The installer calls it: half of a new service beside half of an old one does not start."""
    assert main(["--out", str(tmp_path), "--prefix", "/opt/elsewhere"]) == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == rendered(
        replace(shipped(), prefix=Path("/opt/elsewhere"))
    )
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[bus]\nrundir = 'x'\n")
    out = tmp_path / "out"
    out.mkdir()
    assert main(["--out", str(out), "--config", str(wrong)]) == 2
    assert "did you mean 'run_dir'?" in capsys.readouterr().err
    assert list(out.iterdir()) == []


def test_it_runs_as_the_installer_calls_it(tmp_path: Path) -> None:
    """A module that prints nothing and writes nothing would look like a success."""
    config = tmp_path / "config.toml"
    config.write_text("[bus]\nrun_dir = '/run/cards'\n")
    subprocess.run([sys.executable, "-m", "deploy.render", "--out", tmp_path, "--config", config], check=True)
    assert f"--configuration={tmp_path / 'supervisord.conf'}" in (tmp_path / "sleevesight.service").read_text()
    assert f"--config {config}" in (tmp_path / "supervisord.conf").read_text()
