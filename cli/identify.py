"""The identify command: names for the cards in photos, one or thousands."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.numbers import counted

if TYPE_CHECKING:
    from actors.photos.job import Job, Looker, Workers
    from actors.photos.journal import Journal

_FEW = 8
"""Fewer pictures are named sooner than processes for them have started."""


def identify(arguments: argparse.Namespace) -> int:
    """Every picture in turn; one that cannot be read is said so and makes the exit code 1."""
    from actors.photos.job import Job, Looker
    from actors.run import single_threaded

    single_threaded()
    files = _files(arguments.images)
    drawings = _drawings(arguments.annotate, files)
    job = Job(
        catalog=str(arguments.catalog),
        model=str(arguments.model or ""),
        cropped=arguments.cropped,
        top=arguments.top,
        annotate=arguments.annotate is not None,
    )
    looker = Looker(job)
    journal = None
    if arguments.out is not None:
        from actors.photos.journal import Journal

        journal = Journal(arguments.out, looker.asked)
    done = [file for file in files if journal is not None and journal.answered(file)]
    if done:
        print(f"{len(done)} of {len(files)} pictures are in {arguments.out} already", file=sys.stderr)
    rest = sorted(set(files) - set(done), key=files.index) if done else files
    workers = _workers(arguments, job, looker, len(rest))
    try:
        answers = _answered(workers, rest, drawings, arguments.json, journal)
    except KeyboardInterrupt:
        if journal is not None:
            print(f"sleevesight: stopped; the same command goes on from {arguments.out}", file=sys.stderr)
        raise
    finally:
        workers.close()
        if journal is not None:
            journal.close()
    known = [journal.done[str(file)] for file in files] if journal is not None else answers
    if arguments.csv is not None:
        from actors.photos.table import write_csv

        write_csv(arguments.csv, [answer for answer in known if "error" not in answer])
    if len(files) > 1 and not arguments.json:
        print(_summary(known))
    return 1 if any("error" in answer for answer in known) else 0


def _files(named: Sequence[Path]) -> list[Path]:
    """The pictures that are named, and those in the folders that are."""
    from catalog.picture import SUFFIXES

    files: list[Path] = []
    for path in named:
        if not path.is_dir() or path.suffix.lower() in SUFFIXES:
            files.append(path)
            continue
        found = sorted(one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES and one.is_file())
        if not found:
            raise ValueError(f"{path} holds no pictures ({', '.join(sorted(SUFFIXES))})")
        files += found
    return files


def _workers(arguments: argparse.Namespace, job: Job, looker: Looker, count: int) -> Workers:
    from actors.photos.job import Here

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = arguments.jobs or (cores if count >= _FEW else 1)
    if arguments.ray is None and (jobs == 1 or looker.alone):
        return Here(looker)
    looker.close()  # it has shown that catalogue and model fit
    if arguments.ray is not None:
        from actors.photos.cluster import Cluster

        return Cluster(job, arguments.ray, arguments.jobs)
    from actors.photos.processes import Processes

    return Processes(job, min(jobs, count))


def _answered(
    workers: Workers, files: Sequence[Path], drawings: dict[Path, Path], as_json: bool, journal: Journal | None
) -> list[dict[str, Any]]:
    """The answer to each file, which is printed, written down and drawn as it comes."""
    from cli.progress import progress

    found = []
    with progress("identifying") as report:
        for file, answer in zip(files, workers.answers(files), strict=True):
            _print(answer.found, as_json)
            if answer.drawn is not None:
                _draw(drawings[file], answer.drawn)
            if journal is not None:
                journal.add(file, answer.found)
            found.append(answer.found)
            if report is not None and len(files) > 1:
                report(len(found), len(files))
    return found


def _print(answer: dict[str, Any], as_json: bool) -> None:
    if "error" in answer:
        print(f"sleevesight: {answer['error']}", file=sys.stderr)
    if as_json or "error" not in answer:
        print(json.dumps(answer, ensure_ascii=False) if as_json else _text(answer), flush=True)


def _drawings(folder: Path | None, files: Sequence[Path]) -> dict[Path, Path]:
    """Where each picture's drawing goes: below the folder as the pictures lie below what holds them all."""
    if folder is None:
        return {}
    root = Path(os.path.commonpath([file.resolve().parent for file in files]))
    originals, places = {file.resolve() for file in files}, {}
    for file in files:
        name = file.name if file.suffix == ".jpg" else f"{file.name}.jpg"
        places[file] = folder / file.resolve().relative_to(root).with_name(name)
        if places[file].resolve() in originals:
            raise ValueError(f"--annotate {folder} would write over {file}: name another folder")
    return places


def _draw(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".{place.name}.part")
    part.write_bytes(content)
    part.replace(place)


def _summary(answers: Sequence[dict[str, Any]]) -> str:
    cards = Counter(card["status"] for answer in answers for card in answer.get("cards", ()))
    failed = sum("error" in answer for answer in answers)
    words = [f"{cards[status]} {status}" for status in ("confirmed", "uncertain", "unknown") if cards[status]]
    return (
        f"{len(answers)} pictures, {cards.total()} cards"
        + (f": {', '.join(words)}" if words else "")
        + (f"; {failed} pictures could not be read" if failed else "")
    )


def _text(answer: dict[str, Any]) -> str:
    lines = [f"{answer['file']}: {counted(len(answer['cards']), 'card')}"]
    for card in answer["cards"]:
        nearest = card["matches"][0] if card["matches"] else None
        what = {
            "confirmed": f"{card['name']} ({card['card_id']})",
            "uncertain": f"{card['name']} ({card['card_id']})?",
            "unknown": "not in the catalogue" + (f", nearest {nearest['name']}" if nearest else ""),
        }[card["status"]]
        lines.append(f"  {card['status']:<10} {what}  distance {card['distance']:.3f} gap {card['gap']:.3f}")
    return "\n".join(lines)
