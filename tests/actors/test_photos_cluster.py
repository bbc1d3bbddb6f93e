"""Photos on a Ray cluster: the same answers as at home, also when a worker is killed."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.backends import open_backend
from actors.photos.cluster import Cluster, Worker, _sent
from actors.photos.job import Here, Job, Looker
from actors.sections import EmbedderConfig
from catalog.build import build
from synth.cards import write

ray = pytest.importorskip("ray", reason="Ray is not installed (the extra ray)")
CARDS = 6
pytestmark = pytest.mark.xdist_group("ray")  # two clusters would share the machine's cores


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cards") / "cards"
    write(folder, CARDS)
    return folder


@pytest.fixture(scope="module")
def job(cards: Path) -> Job:
    catalogue = cards.with_name("catalogue")
    build(cards, [cards / "cards.csv"], catalogue, open_backend(EmbedderConfig(timeout_ms=60_000)))
    return Job(catalog=str(catalogue), cropped=True)


@pytest.fixture(scope="module")
def cluster(job: Job) -> Iterator[Cluster]:
    """Two workers on this machine."""
    workers = Cluster(job, "local", 2)
    yield workers
    workers.close()


@pytest.fixture(scope="module")
def files(cards: Path) -> list[Path]:
    return [*sorted(cards.glob("*.jpg")), cards / "missing.jpg"]


@pytest.fixture(scope="module")
def expected(job: Job, files: list[Path]) -> list[dict[str, Any]]:
    return [answer.found for answer in Here(Looker(job)).answers(files)]


def test_a_cluster_answers_as_one_process(cluster: Cluster, files: list[Path], expected: list[dict[str, Any]]) -> None:
    """Catalogue, model and pictures are sent: nothing has to lie on the nodes."""
    assert [answer.found for answer in cluster.answers(files)] == expected
    assert len(expected) == CARDS + 1


def test_a_killed_worker_loses_nothing(cluster: Cluster, files: list[Path], expected: list[dict[str, Any]]) -> None:
    """A node that goes away: Ray starts its worker again elsewhere, and what it had in hand is done again."""
    answers = cluster.answers(files)
    found = [next(answers).found]
    ray.kill(cluster._workers[1], no_restart=False)
    found += [answer.found for answer in answers]
    assert found == expected


def test_all_workers_killed_lose_nothing(cluster: Cluster, files: list[Path], expected: list[dict[str, Any]]) -> None:
    """Pictures were given up that had been sent to workers which were not there again yet."""
    answers = cluster.answers(files)
    found = [next(answers).found]
    for worker in cluster._workers:
        ray.kill(worker, no_restart=False)
    found += [answer.found for answer in answers]
    assert found == expected


def test_a_worker_leaves_nothing_on_the_disk(
    job: Job, files: list[Path], expected: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers are killed when a job is done: each left its catalogue and its model on every node, 5 MB and more."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    worker = Worker(job, _sent(job))
    assert list(tmp_path.iterdir()) == []
    assert worker.look(str(files[0]), files[0].read_bytes()).found == expected[0]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_no_cluster_is_said_at_once(job: Job, address: str) -> None:
    """Ray itself knocks for many minutes, with a page of warnings."""
    with pytest.raises(ValueError, match="no Ray cluster answers at"):
        Cluster(job, address)
