"""Look a catalogue over: is it whole, is it the model's own, does it hold pictures that will attract errors?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from catalog.embedding import Embedder
from catalog.index import exact_search
from catalog.placeholder import flat_rows, shared_groups
from catalog.store import CONTENT, PICTURES, Catalogue, CatalogueError, check_model, file_ref, read_manifest
from catalog.swap import leftovers

_SAMPLE = 256
_UNIT_TOLERANCE = 1e-3
_COSINE_TOLERANCE = 2e-3
"""The graph keeps f16: rows that are nearer to each other than this may swap places."""
_COLLAPSE = 0.8


class Problem(msgspec.Struct, frozen=True):
    """One finding. With an error the catalogue must not be used, a warning is for a person to judge."""

    level: Literal["error", "warning"]
    text: str

    def __str__(self) -> str:
        return f"{self.level}: {self.text}"


def verify(path: Path, embedder: Embedder | None = None) -> list[Problem]:
    """All problems of a catalogue folder, errors first; with an embedder also whether it was built by that model.

    Reads files and compares numbers; unpickles nothing, and parses the index only when its checksum is right.
    """
    try:
        problems = [*_interrupted(path), *_checksums(path)]
    except CatalogueError as error:
        return [Problem("error", str(error))]
    if not any(problem.level == "error" for problem in problems):
        try:
            problems += _content(Catalogue.load(path), embedder)
        except CatalogueError as error:
            problems.append(Problem("error", str(error)))
    return sorted(problems, key=lambda problem: problem.level)


def _interrupted(path: Path) -> Iterator[Problem]:
    for folder in leftovers(path):
        yield Problem("warning", f"{folder} is left over from an interrupted build; remove it")


def _checksums(path: Path) -> Iterator[Problem]:
    files = read_manifest(path).files
    for name in (*CONTENT, *([PICTURES] if PICTURES in files else [])):
        try:
            intact = file_ref(path / name) == files.get(name)
        except OSError:
            yield Problem("error", f"{name} is missing; rebuild the catalogue")
            continue
        if not intact:
            yield Problem("error", f"{name} is not the file that the manifest lists; rebuild the catalogue")


def _content(catalogue: Catalogue, embedder: Embedder | None) -> Iterator[Problem]:
    if embedder is not None:
        yield from _model(catalogue, embedder)
    vectors = list(_vectors(catalogue))
    yield from vectors
    if not any(problem.level == "error" for problem in vectors):
        yield from _index(catalogue)
    yield from _repeated(catalogue)
    yield from _placeholders(catalogue)


def _model(catalogue: Catalogue, embedder: Embedder) -> Iterator[Problem]:
    try:
        check_model(catalogue, embedder.model_hash)
    except CatalogueError as error:
        yield Problem("error", str(error))


def _vectors(catalogue: Catalogue) -> Iterator[Problem]:
    vectors = np.asarray(catalogue.embeddings)
    lengths = np.linalg.norm(vectors, axis=1)
    # A comparison with NaN is false, so what is not finite is caught as well.
    bad = np.flatnonzero(~(np.abs(lengths - 1) < _UNIT_TOLERANCE))
    if len(bad):
        yield Problem("error", f"{_named(catalogue, bad)}: embeddings are not finite or not of unit length; rebuild")
        return
    rows = len(vectors)
    total = vectors.sum(axis=0, dtype=np.float64)
    mean = (float(total @ total) - rows) / max(rows * (rows - 1), 1)
    if mean > _COLLAPSE:
        yield Problem("warning", f"the mean cosine between cards is {mean:.2f}: the model hardly tells cards apart")


def _index(catalogue: Catalogue) -> Iterator[Problem]:
    rows = np.unique(np.linspace(0, len(catalogue.ids) - 1, _SAMPLE).astype(int))
    queries = np.ascontiguousarray(catalogue.embeddings[rows])
    found = catalogue.index.search(queries, 1)[0][:, 0]
    best = exact_search(catalogue.embeddings, queries, 1)[:, 0]
    loss = np.einsum("ij,ij->i", queries, catalogue.embeddings[best] - catalogue.embeddings[found])
    wrong = rows[loss > _COSINE_TOLERANCE]
    if len(wrong):
        share = len(wrong) / len(rows)
        yield Problem("error", f"the index misses the nearest card in {share:.1%} of {len(rows)} searches; rebuild")


def _repeated(catalogue: Catalogue) -> Iterator[Problem]:
    for what, table in (("hash", catalogue.hashes), ("embedding", catalogue.embeddings)):
        same: dict[bytes, list[int]] = defaultdict(list)
        for row in range(len(table)):
            same[table[row].tobytes()].append(row)
        for rows in same.values():
            if len(set(catalogue.groups[rows].tolist())) > 1:
                yield Problem("warning", f"{_named(catalogue, rows)}: the same {what}, but no reprint group")


def _placeholders(catalogue: Catalogue) -> Iterator[Problem]:
    groups = catalogue.manifest.groups
    name_of = {card_id: catalogue.cards[card_id].name for group in groups for card_id in group}
    for group in shared_groups(groups, name_of):
        names = {name_of[card_id] for card_id in group}
        text = f"one picture for {len(group)} cards of {len(names)} names ({_some(sorted(names))})"
        yield Problem("warning", f"{text}: a card back, a placeholder or a mix-up? {_some(group)}")
    if flat := flat_rows(catalogue.hashes):
        yield Problem("warning", f"{_named(catalogue, flat)}: the picture is flat or empty")


def _named(catalogue: Catalogue, rows: np.ndarray | list[int]) -> str:
    return _some([catalogue.ids[row] for row in rows])


def _some(names: Sequence[str], most: int = 4) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
