"""Pictures on a Ray cluster, for those who outgrow one machine.

Every node needs Sleevesight of the same version and nothing else: catalogue, model and pictures are sent to it.
"""

from __future__ import annotations

import socket
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from actors.backends import model_path
from actors.photos.job import Answer, Job, Looker
from actors.photos.processes import died
from actors.sections import EmbedderConfig
from catalog.picture import PictureError, read_bytes

if TYPE_CHECKING:
    pass

_AHEAD = 3
_TRIES = 3
"""How often a picture is given to a worker, and Ray gives it to another one when that dies."""
_KNOCK_S = 5.0
Files = dict[str, bytes]


class Cluster:
    """A worker on each core of a Ray cluster; see `job.Workers`.

    `address`: of a running cluster (`ray://head:10001`, `auto`), or `local` for one on this machine's cores.
    Raises ValueError where Ray is not installed, or nobody answers there.
    """

    def __init__(self, job: Job, address: str, count: int | None = None) -> None:
        self._ray = _connected(address, count)
        self._files = _sent(job)
        count = count or max(1, round(self._ray.cluster_resources().get("CPU", 1)))
        kind = self._ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=_TRIES - 1)(Worker)
        content = self._ray.put(self._files)
        self._workers: list[Any] = [kind.remote(job, content) for _ in range(count)]
        self._check()

    def answers(self, files: Iterable[Path]) -> Iterator[Answer]:
        """See `job.Workers`."""
        rest, turn = iter(files), 0
        flying: deque[tuple[Path, Any]] = deque()
        while True:
            for file in islice(rest, len(self._workers) * _AHEAD - len(flying)):
                flying.append((file, self._given(file, self._workers[turn % len(self._workers)])))
                turn += 1
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
        if isinstance(given, Answer):
            return given
        try:
            answer: Answer = self._ray.get(given)
        except self._ray.exceptions.RayError:
            return died(file)
        return answer

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
        self._folder = tempfile.TemporaryDirectory(prefix="sleevesight-")
        root = Path(self._folder.name)
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        model = next(name for name in files if name.startswith("model/") and not name.endswith(".json"))
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
