"""Copies of a process: what they must not take over from whoever they are copies of."""

import signal
import subprocess
import sys

import pytest

HASTY = """
import os, signal, sys
from actors.process import fork

number = signal.Signals(int(sys.argv[1]))
for kind in (signal.SIGTERM, signal.SIGINT):
    signal.signal(kind, lambda *_: None)
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), number))
pid = fork()
if pid == 0:
    os._exit(0)
os.kill(os.getpid(), number)  # its own handler is still there, and no signal is held back
ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(0 if ended == -number else 1)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_copy_is_itself_ends_it(number: signal.Signals) -> None:
    """The handler of its parent took it for itself: a stop right after a start killed the copy after five seconds."""
    hasty = subprocess.run([sys.executable, "-c", HASTY, str(int(number))], capture_output=True, text=True, timeout=60)
    assert hasty.returncode == 0, hasty.stderr


def test_a_copy_holds_no_signal_back() -> None:
    """A mask outlives `exec`: a program started in a copy could not be stopped."""
    program = """
import os, signal
from actors.process import fork

pid = fork()
if pid == 0:
    os._exit(len(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
