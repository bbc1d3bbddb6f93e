"""Pictures on all cores: a pool of processes, one of which may die of a picture and takes no other's work along."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path

from actors.photos.job import Answer, Job, Looker
from actors.run import single_threaded

_AHEAD = 3
"""Pictures under way for each process: enough that none waits, few enough to keep nothing in memory."""
_looker: Looker | None = None
"""The process's own."""


class Processes:
    """`count` processes that work at a job; see `job.Workers`. `look` is what each of them does with a file."""

    def __init__(self, job: Job, count: int, look: Callable[[Path], Answer] | None = None) -> None:
        self._job, self._count, self._look = job, count, look or looked_at
        self._pool = self._start()

    def answers(self, files: Iterable[Path]) -> Iterator[Answer]:
        """See `job.Workers`."""
        rest = iter(files)
        flying: deque[tuple[Path, Future[Answer]]] = deque()
        while True:
            for file in islice(rest, self._count * _AHEAD - len(flying)):
                flying.append((file, self._submit(file)))
            if not flying:
                return
            file, future = flying.popleft()
            try:
                yield future.result()
            except BrokenProcessPool:
                self._renew()
                suspects = [file, *(one for one, _ in flying)]
                flying.clear()
                yield from map(self._alone, suspects)

    def close(self) -> None:
        """End the processes; what they have in hand is left."""
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, file: Path) -> Future[Answer]:
        try:
            return self._pool.submit(self._look, file)
        except BrokenProcessPool as error:
            future: Future[Answer] = Future()
            future.set_exception(error)
            return future

    def _alone(self, file: Path) -> Answer:
        """With nothing else under way: if a process dies now, it is this picture's doing."""
        try:
            return self._pool.submit(self._look, file).result()
        except BrokenProcessPool:
            self._renew()
            return died(file)

    def _renew(self) -> None:
        self._pool.shutdown()
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor:
        # Not forked: threads of ONNX Runtime and OpenCV may hold locks that nobody in the copy would give back.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._count, context, _open, (self._job,))


def died(file: Path) -> Answer:
    """The answer to a picture that its worker did not survive."""
    return Answer(
        {"file": str(file), "error": f"{file}: whoever looked at it died each time; is it too large for the memory?"}
    )


def _open(job: Job) -> None:
    """In each process, before its first picture."""
    global _looker  # noqa: PLW0603 - a pool hands its initialiser's work to its tasks in no other way
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started it, who ends it in order
    single_threaded()
    _looker = Looker(job)


def looked_at(file: Path) -> Answer:
    """The answer to a file, in one of the processes."""
    assert _looker is not None
    return _looker.read(file)
