"""Pictures on a Ray cluster, for those who outgrow one machine.

Every node needs Sleevesight of the same version and nothing else: catalogue, model and pictures are sent to it.
"""

from __future__ import annotations

import itertools
import socket
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from actors.backends import model_path
from actors.photos.job import Answer, Job, Looker
from actors.photos.processes import died
from actors.sections import EmbedderConfig
from catalog.picture import PictureError, read_bytes

_AHEAD = 3
_TRIES = 3
"""How often a picture is given to a worker: one may have died of it, or of another that it had in hand."""
_AWAKE_S = 120.0
"""For a worker that died to be there again: it is started on some node, and loads the networks."""
_PAUSE_S = 0.2
_KNOCK_S = 5.0
Files = dict[str, bytes]


class Cluster:
    """A worker on each core of a Ray cluster; see `job.Workers`.

    `address`: of a running cluster (`ray://head:10001`, `auto`), or `local` for one on this machine's cores.
    Raises ValueError where Ray is not installed, or nobody answers there.
    """

    def __init__(self, job: Job, address: str, count: int | None = None) -> None:
        self._ray = _connected(address, count)
        count = count or max(1, round(self._ray.cluster_resources().get("CPU", 1)))
        # Ray's own retries count against a picture also what it tried while the worker was not there yet.
        kind = self._ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=0)(Worker)
        self._content = self._ray.put(_sent(job))  # held: a worker that is started again is given it again
        self._workers: list[Any] = [kind.remote(job, self._content) for _ in range(count)]
        self._turns = itertools.cycle(self._workers)
        self._check()

    def answers(self, files: Iterable[Path]) -> Iterator[Answer]:
        """See `job.Workers`."""
        rest = iter(files)
        flying: deque[tuple[Path, Any]] = deque()
        while True:
            for file in itertools.islice(rest, len(self._workers) * _AHEAD - len(flying)):
                flying.append((file, self._given(file, next(self._turns))))
            if not flying:
                return
            yield self._answer(*flying.popleft())

    def close(self) -> None:
        """Give the cluster its cores back."""
        self._ray.shutdown()

    def _given(self, file: Path, worker: Any) -> Any:
        try:
            return worker.look.remote(str(file), read_bytes(file))
        except PictureError as error:
            return Answer({"file": str(file), "error": str(error)})

    def _answer(self, file: Path, given: Any) -> Answer:
        """What the worker says; where it died, what another one says."""
        for _ in range(_TRIES - 1):
            answer = self._got(given)
            if answer is not None:
                return answer
            given = self._given(file, self._awake())
        return self._got(given) or died(file)

    def _got(self, given: Any) -> Answer | None:
        """The answer, or None if the worker is no more."""
        if isinstance(given, Answer):
            return given
        try:
            answer: Answer = self._ray.get(given)
        except self._ray.exceptions.RayTaskError:  # of our own code: no other worker would do better
            raise
        except self._ray.exceptions.RayError:
            return None
        return answer

    def _awake(self) -> Any:
        """A worker that answers; the last one asked if none does in time."""
        until = time.monotonic() + _AWAKE_S
        while True:
            worker = next(self._turns)
            try:
                self._ray.get(worker.version.remote())
            except self._ray.exceptions.RayError:
                if time.monotonic() > until:
                    return worker
                time.sleep(_PAUSE_S)
            else:
                return worker

    def _check(self) -> None:
        """Answers of two versions could not be told apart afterwards."""
        ours = version("sleevesight")
        theirs = set(self._ray.get([worker.version.remote() for worker in self._workers]))
        if theirs != {ours}:
            found = ", ".join(sorted(theirs - {ours}))
            raise ValueError(
                f"the cluster has Sleevesight {found} and this machine {ours}: install {ours} on every node"
            )


class Worker:
    """One core's share, wherever it is: the files of a job, and a looker on them."""

    def __init__(self, job: Job, files: Files) -> None:
        model = next(name for name in files if name.startswith("model/") and not name.endswith(".json"))
        with tempfile.TemporaryDirectory(prefix="sleevesight-") as folder:  # gone when all is open: we may be killed
            root = Path(folder)
            for name, content in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(content)
            self._looker = Looker(msgspec.structs.replace(job, catalog=str(root / "catalog"), model=str(root / model)))

    def version(self) -> str:
        """What is installed here."""
        return version("sleevesight")

    def look(self, name: str, content: bytes) -> Answer:
        """The answer to a file of this name and content."""
        return self._looker.look(name, content)


def _connected(address: str, count: int | None) -> Any:
    try:
        import ray  # noqa: PLC0415 - an extra, and a large one
    except ImportError:
        raise ValueError("--ray needs Ray: pip install 'sleevesight[ray]'") from None
    options: dict[str, Any] = {"num_cpus": count} if address == "local" else {}
    try:
        _knock(address)
        ray.init(address, logging_level="error", log_to_driver=False, include_dashboard=False, **options)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"no Ray cluster answers at {address} ({reason}); start one with `ray start --head`") from None
    return ray


def _knock(address: str) -> None:
    """Ray tries an address where nobody answers for many minutes: OSError says so at once."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_S).close()


def _sent(job: Job) -> Files:
    """The catalogue and the model, by their paths in a worker's folder."""
    catalog = Path(job.catalog)
    files = {f"catalog/{path.relative_to(catalog)}": path.read_bytes() for path in catalog.rglob("*") if path.is_file()}
    model = model_path(EmbedderConfig(model=job.model))
    for path in (model, model.with_suffix(".json")):
        if path.is_file():
            files[f"model/{path.name}"] = path.read_bytes()
    return files
