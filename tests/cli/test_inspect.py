"""Commands that look into a configuration or a running system."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
from command import Command, Shop
from samples import SAMPLES

from actors.config import Config, parse
from bus.sockets import Address, Publisher
from bus.topics import HEARTBEAT, TOPICS


def test_config_show_is_a_file_to_begin_with(command: Command) -> None:
    """`sleevesight config show > sleevesight.toml`, with every key explained."""
    ran = command("config", "show")
    assert (ran.code, ran.err) == (0, "")
    assert parse(ran.out) == Config()
    assert "# How often to look for a rebuilt catalogue.\nreload_s = 1.0\n" in ran.out


def test_config_show_shows_what_counts(command: Command, tmp_path: Path) -> None:
    """The file's values in place of the defaults."""
    (tmp_path / "my.toml").write_text("[smoother]\nconfirm = 5\n")
    assert "\nconfirm = 5\n" in command("config", "show", "--config", tmp_path / "my.toml").out


def test_config_check_of_a_good_file(command: Command, shop: Shop, tmp_path: Path) -> None:
    """Exit code 0, so that a deployment can rely on it."""
    (tmp_path / "my.toml").write_text(f'[matcher]\ncatalog = "{shop.catalogue}"\n[capture]\nsource = "{shop.photo}"\n')
    ran = command("config", "check", "--config", tmp_path / "my.toml")
    assert (ran.code, ran.out, ran.err) == (0, "the configuration is good\n", "")


def test_config_check_names_everything_at_once(command: Command, tmp_path: Path) -> None:
    """Five mistakes should not need five runs."""
    (tmp_path / "my.toml").write_text(
        '[capture]\nsource = "vidoe:x.mp4"\n[matcher]\ncatalog = "none"\n[embedder]\nmodel = "none.onnx"\n'
        '[sinks]\nenabled = ["consol", "jsonl"]\n'
    )
    ran = command("config", "check", "--config", tmp_path / "my.toml")
    assert (ran.code, ran.out) == (1, "4 problems\n")
    source, catalog, model, sinks = ran.err.splitlines()
    assert source.startswith("[capture] source: there is no source 'vidoe' (did you mean 'video'?)")
    assert catalog.startswith("[matcher] catalog: none is no catalogue")
    assert model.startswith("[embedder] model: none.onnx is no file: give the path")
    assert sinks == "[sinks] enabled: there is no sink 'consol': did you mean 'console'?"


@pytest.mark.parametrize("which", ["show", "check"])
def test_a_config_that_is_wrong_is_refused(command: Command, tmp_path: Path, which: str) -> None:
    """One line with file, table, key and the nearest valid name."""
    path = tmp_path / "my.toml"
    path.write_text("[smoother]\nconfrim = 5\n")
    assert command("config", which, "--config", path).refusal() == (
        f"{path}: unknown key 'confrim' in [smoother]: did you mean 'confirm'?"
    )
    assert command("config", which, "--config", tmp_path / "none.toml").refusal() == (
        f"{tmp_path / 'none.toml'} cannot be read: No such file or directory"
    )


def test_topics_lists_the_whole_table(command: Command, tmp_path: Path) -> None:
    """Whoever writes a sink begins here."""
    (tmp_path / "my.toml").write_text(f'[bus]\nrun_dir = "{tmp_path}"\n')
    ran = command("topics", "--config", tmp_path / "my.toml")
    title, *lines = ran.out.splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert title.split() == ["topic", "from", "to", "Hz", "policy", "endpoint"]
    assert [line.split()[0] for line in lines] == list(TOPICS)
    assert f"ipc://{tmp_path}/results" in ran.out
    (tmp_path / "my.toml").write_text('[bus]\nhost = "10.0.0.7"\nport = 6000\n')
    assert "tcp://10.0.0.7:6000" in command("topics", "--config", tmp_path / "my.toml").out


def test_sinks_lists_what_is_installed(command: Command) -> None:
    """Names as they go into `[sinks] enabled`."""
    ran = command("sinks")
    assert (ran.code, ran.err) == (0, "")
    assert {line.split()[0] for line in ran.out.splitlines()} >= {"console", "jsonl"}


def test_tail_of_a_topic_that_does_not_exist(command: Command) -> None:
    """It would wait for ever."""
    assert command("tail", "result").refusal().startswith("there is no topic 'result'; the topics are frame, tracks")


@contextmanager
def on_air(run_dir: Path, name: str) -> Iterator[Path]:
    """A selector that says a sample message again and again, and the configuration of its system."""
    topic, message = SAMPLES[name]
    context: zmq.Context[Any] = zmq.Context()
    over = threading.Event()
    publishers = {one: Publisher(context, Address(run_dir), one, "selector", "s") for one in {topic, HEARTBEAT}}

    def say() -> None:
        while not over.wait(0.01):
            publishers[topic].send(msgspec.structs.replace(message), [b"x" * 12] if name == "crops" else [])

    thread = threading.Thread(target=say)
    thread.start()
    try:
        (run_dir / "my.toml").write_text(f'[bus]\nrun_dir = "{run_dir}"\n')
        yield run_dir / "my.toml"
    finally:
        over.set()
        thread.join()
        context.destroy(linger=0)


@pytest.mark.parametrize("topic", ["crops", "heartbeat"])
def test_tail_prints_what_is_said(command: Command, tmp_path: Path, topic: str) -> None:
    """One JSON object a line for `jq`; pictures as their sizes, and an end after so many."""
    with on_air(tmp_path, topic) as config:
        ran = command("tail", topic, "--config", config, "--count", 3)
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.code, ran.err, len(lines)) == (0, "", 3)
    assert {line["type"] for line in lines} == {topic}
    assert lines[1]["seq"] == lines[0]["seq"] + 1
    assert [line.get("blobs") for line in lines] == [[12] if topic == "crops" else None] * 3


def test_tail_where_nothing_runs(command: Command, tmp_path: Path) -> None:
    """It would wait for ever, too; and looking must not make the folder."""
    (tmp_path / "my.toml").write_text(f'[bus]\nrun_dir = "{tmp_path / "run"}"\n')
    line = command("tail", "results", "--config", tmp_path / "my.toml").refusal()
    assert line.startswith(f"nothing has run in {tmp_path / 'run'}: start `sleevesight up`")
    assert not (tmp_path / "run").exists()
