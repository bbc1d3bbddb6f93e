"""How good a model is: `sleevesight bench accuracy`, `calibrate` and `gate`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def accuracy(arguments: argparse.Namespace) -> int:
    """Grade a model and its rivals; print the table, and write what is asked for."""
    import msgspec

    from bench.accuracy.page import write_page
    from bench.accuracy.run import accuracy as grade
    from bench.accuracy.run import text
    from catalog.store import Catalogue

    report = grade(
        Catalogue.load(arguments.catalog),
        arguments.images,
        _labels(arguments),
        _model(arguments),
        sets=tuple(arguments.sets.split(",")),
        every=arguments.every,
        orb=not arguments.no_orb,
        weight=arguments.weight,
        progress=lambda condition: print(condition, file=sys.stderr, flush=True),
    )
    print(text(report))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    if arguments.markdown:
        write_page(report, arguments.markdown)
    return 0


def calibrate(arguments: argparse.Namespace) -> int:
    """Measure thresholds on the cards that `accuracy` leaves out, and write them into the model's card."""
    from bench.accuracy.calibrate import measured, write
    from catalog.store import Catalogue

    model = _model(arguments)
    found = measured(
        Catalogue.load(arguments.catalog),
        arguments.images,
        _labels(arguments),
        model,
        sets=tuple(arguments.sets.split(",")),
        every=arguments.every,
    )
    print(found.text())
    if not arguments.dry_run:
        write(model, found)
    return 0


def gate(arguments: argparse.Namespace) -> int:
    """Grade a candidate; 1 if it is refused."""
    from contextlib import closing

    from actors.backends import open_model
    from bench.accuracy.gate import grade

    with closing(open_model(_model(arguments), 2)) as model, closing(open_model(arguments.candidate, 2)) as candidate:
        found = grade(model, candidate, arguments.images, every=arguments.every, points=arguments.points)
    print(found.text())
    return 1 if found.problems else 0


def _labels(arguments: argparse.Namespace) -> Path:
    labels: Path = arguments.labels or arguments.images / "cards.csv"
    return labels


def _model(arguments: argparse.Namespace) -> Path:
    from actors.backends import DEFAULT_MODEL

    model: Path = arguments.model or DEFAULT_MODEL
    return model
