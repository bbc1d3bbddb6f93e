"""Commands on catalogues: build, verify, info."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from cli.numbers import counted

if TYPE_CHECKING:
    from actors.backends import Backend


def model_or_default(path: Path | None) -> Path:
    """The model file of the command line, or the one that the engine here would take."""
    from actors.backends import model_path
    from actors.sections import EmbedderConfig

    return path or model_path(EmbedderConfig())


def open_model(path: Path | None) -> Backend:
    """The engine with a model file, or with the one that it would take by itself; close it in the end."""
    from actors.backends import open_model as open_file

    return open_file(model_or_default(path))


def build(arguments: argparse.Namespace) -> int:
    """Build a catalogue; 1 if pictures had to be left out."""
    import json

    import msgspec

    from catalog.build import build as build_catalogue
    from cli.progress import progress

    with closing(open_model(arguments.model)) as model, progress("embedding") as report:
        done = build_catalogue(arguments.images, arguments.metadata, arguments.out, model, report)
    if arguments.json:
        print(json.dumps({"catalog": str(arguments.out), **msgspec.to_builtins(done)}, ensure_ascii=False))
    else:
        for warning in done.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        print(
            f"{arguments.out}: {done.cards} cards ({done.embedded} embedded now), "
            f"{counted(done.groups, 'group')} of reprints ({done.grouped_cards} cards), {done.seconds:.1f} s"
        )
    return 1 if done.unreadable else 0


def verify(arguments: argparse.Namespace) -> int:
    """Check a catalogue; 1 and a list if it has problems."""
    import json

    import msgspec

    from catalog.verify import verify as find_problems

    with closing(open_model(arguments.model)) as model:
        problems = find_problems(arguments.catalog, model)
    if arguments.json:
        print(json.dumps({"catalog": str(arguments.catalog), "problems": msgspec.to_builtins(problems)}))
    else:
        for problem in problems:
            print(problem)
        print(f"{arguments.catalog}: {counted(len(problems), 'problem') if problems else 'in order'}")
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
    print(f"cards     {manifest.cards} ({counted(len(manifest.groups), 'group')} of reprints with {reprints} cards)")
    print(f"model     {manifest.model.name}, {manifest.model.dim} dimensions, {manifest.model.hash[:12]}")
    print(f"sources   {', '.join(manifest.sources)}")
    print(f"created   {manifest.created}")
    print(f"size      {size / 1e6:.1f} MB in {len(manifest.files) + 1} files")
    return 0
