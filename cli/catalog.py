"""Commands on catalogues: build, verify, info."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.embedding import Embedder


def open_model(path: Path | None) -> Embedder:
    """The engine with a model file, or with the one that ships."""
    from actors.backends import open_backend
    from actors.config import EmbedderConfig

    return open_backend(EmbedderConfig(model=str(path) if path else "", timeout_ms=60_000))


def build(arguments: argparse.Namespace) -> int:
    """Build a catalogue; 1 if pictures had to be left out."""
    import json

    import msgspec

    from catalog.build import build as build_catalogue
    from cli.progress import progress

    with progress("embedding") as report:
        done = build_catalogue(arguments.images, arguments.metadata, arguments.out, open_model(arguments.model), report)
    if arguments.json:
        print(json.dumps({"catalog": str(arguments.out), **msgspec.to_builtins(done)}, ensure_ascii=False))
    else:
        for warning in done.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        print(
            f"{arguments.out}: {done.cards} cards ({done.embedded} embedded now), {done.groups} groups of reprints "
            f"({done.grouped_cards} cards), {done.seconds:.1f} s"
        )
    return 1 if done.unreadable else 0


def verify(arguments: argparse.Namespace) -> int:
    """Check a catalogue; 1 and a list if it has problems."""
    import json

    import msgspec

    from catalog.verify import verify as find_problems

    problems = find_problems(arguments.catalog, open_model(arguments.model))
    if arguments.json:
        print(json.dumps({"catalog": str(arguments.catalog), "problems": msgspec.to_builtins(problems)}))
    else:
        for problem in problems:
            print(problem)
        print(f"{arguments.catalog}: {f'{len(problems)} problem(s)' if problems else 'in order'}")
    return 1 if problems else 0


def info(arguments: argparse.Namespace) -> int:
    """What a catalogue holds."""
    import json

    import msgspec

    from catalog.store import read_manifest

    manifest = read_manifest(arguments.catalog)
    if arguments.json:
        print(json.dumps(msgspec.to_builtins(manifest), ensure_ascii=False))
        return 0
    size = sum(file.bytes for file in manifest.files.values())
    reprints = sum(len(group) for group in manifest.groups)
    print(f"cards     {manifest.cards} ({len(manifest.groups)} groups of reprints with {reprints} cards)")
    print(f"model     {manifest.model.name}, {manifest.model.dim} dimensions, {manifest.model.hash[:12]}")
    print(f"sources   {', '.join(manifest.sources)}")
    print(f"created   {manifest.created}")
    print(f"size      {size / 1e6:.1f} MB in {len(manifest.files) + 1} files")
    return 0
