"""The rehearsal of the service: what it reads, and what it asks for. It itself needs root, a network and minutes."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.rehearsal import listening, sockets, spawned

LOG = """\
2026-11-28 19:56:00,390 INFO success: matcher entered RUNNING state, process has stayed up for > than 3 seconds
2026-11-28 19:56:00,598 INFO spawned: 'capture' with pid 834
2026-11-28 19:56:03,811 INFO spawned: 'matcher' with pid 936
2026-11-28 19:56:08,027 INFO spawned: 'matcher' with pid 1069
"""


def refused(*options: str) -> str:
    """The last line of what it says to a command line that it refuses."""
    command = [sys.executable, "-m", "deploy.rehearsal", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    return done.stderr.splitlines()[-1]


def test_the_newest_life_of_an_actor_is_the_last_one_spawned() -> None:
    """The signal would go to a process that is gone, or to another one."""
    assert spawned(LOG, "matcher") == [936, 1069]
    assert spawned(LOG, "match") == []


def test_only_sockets_that_wait_for_somebody_are_ports(tmp_path: Path) -> None:
    """A connection out of the machine is none, nor is what the others have open."""
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    line = "   {}: 0100007F:1F90 00000000:0000 {} 00000000:00000000 00:00000000 00000000  1000 0 {} 1 0 100 0 0 10 0\n"
    (tmp_path / "tcp").write_text(head + line.format(0, "0A", 4711) + line.format(1, "01", 4712))
    (tmp_path / "udp6").write_text(head + line.format(0, "07", 4713))
    assert listening(tmp_path) == {"4711", "4713"}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")
def test_a_port_of_a_process_is_seen() -> None:
    """A check that finds no ports anywhere would find none of the service's."""
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        before = listening() & sockets(os.getpid())
        mine.listen()
        assert len(listening() & sockets(os.getpid())) == len(before) + 1


def test_what_it_lacks_is_said_before_anything_is_made(tmp_path: Path) -> None:
    """Three minutes in, the reader would have forgotten what it was about; and half a root would be left."""
    said = refused("bookworm", "--catalog", str(tmp_path), "--work", str(tmp_path))
    assert "apt-get install" in said or "sudo" in said or "is no catalogue" in said
    assert "invalid choice: 'buster'" in refused("buster")
    assert list(tmp_path.iterdir()) == []
