"""`sleevesight catalog sync`: progress on a terminal, a line for each set in a pipe, and what is missing at the end."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from cli.catalog import open_model
from cli.progress import progress

if TYPE_CHECKING:
    from rich.progress import Progress

    from catalog.sync.checksums import Checksums
    from catalog.sync.folder import Folder
    from catalog.sync.report import Missing, SetDone, SyncReport, Watcher

KEY_VARIABLE = "POKEMONTCG_IO_API_KEY"
_LISTED = 10


def sync(arguments: argparse.Namespace) -> int:
    """Bring a folder up to date and build its catalogue; 1 if something is missing."""
    from catalog.sync.folder import Folder

    folder = Folder(arguments.out)
    again = "what was fetched stays, and so does the catalogue; the same command goes on from there"
    try:
        report = _run(arguments, folder)
    except KeyboardInterrupt:
        print(f"sleevesight: interrupted; {again}", file=sys.stderr)
        raise
    except OSError as error:
        print(f"sleevesight: {error.filename or arguments.out}: {error.strerror or error}; {again}", file=sys.stderr)
        return 1
    if arguments.json:
        _print_json(report, folder)
    else:
        _print(report, folder)
    return 1 if report.missing or report.built is None or report.built.unreadable else 0


def _run(arguments: argparse.Namespace, folder: Folder) -> SyncReport:
    from catalog.sync.addresses import Addresses
    from catalog.sync.fetch import Fetcher, open_client
    from catalog.sync.run import Sync, finish
    from catalog.sync.sources import open_source
    from catalog.sync.supply import Offline, Online

    origin = folder.origin(source=arguments.source, language=arguments.language, images=arguments.images)
    source = open_source(origin.source, origin.language, arguments.base_url)
    addresses = Addresses(source.base_url, source.picture_hosts)
    wanted, key = _wanted(arguments.sets), _key(arguments.api_key_file, origin.source)
    model = open_model(arguments.model)

    async def run(sums: Checksums) -> tuple[list[SetDone], list[Missing]]:
        with _watcher(sys.stderr if arguments.json else sys.stdout) as watcher:
            if arguments.offline:
                return await Sync(folder, sums, Offline(folder), origin.images, watcher).run(wanted)
            folder.write_origin(origin)
            async with open_client(source.base_url) as client:
                fetcher = Fetcher(client, addresses, requests_per_s=source.requests_per_s, key=key)
                online = Online(folder, source, fetcher, origin.images)
                return await Sync(folder, sums, online, origin.images, watcher).run(wanted)

    with folder.held() as sums:
        done, missing = asyncio.run(run(sums))
        with progress("embedding") as report:
            return finish(folder, done, missing, model, report)


def _wanted(text: str) -> list[str] | None:
    wanted = [one.strip() for one in text.split(",") if one.strip()]
    if not wanted:
        raise ValueError("--sets: give ids of sets, separated by commas, or all")
    return None if wanted == ["all"] else wanted


def _key(file: Path | None, source: str) -> str:
    """The key of pokemontcg.io; never part of a message."""
    if file is None and source != "pokemontcg":
        return ""
    try:
        key = (file.read_text(encoding="utf-8") if file else os.environ.get(KEY_VARIABLE, "")).strip()
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(f"the key in {file or KEY_VARIABLE} is none: one line of letters and digits is expected")
    if file and not key:
        raise ValueError(f"{file} holds no key")
    return key


@contextmanager
def _watcher(lines: TextIO) -> Iterator[Watcher]:
    if not sys.stderr.isatty():
        yield _Lines(lines)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield _Bar(bar)


class _Lines:
    """A line for each set."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def expect(self, cards: int) -> None:
        pass

    def settled(self, cards: int) -> None:
        pass

    def set_done(self, done: SetDone) -> None:
        print(
            f"{done.id}  {done.name}  {done.cards} cards, {done.pictures} pictures ({done.fetched} fetched)",
            file=self._out,
            flush=True,
        )


class _Bar:
    """A bar over all cards, with the rate and the time that is left."""

    def __init__(self, bar: Progress) -> None:
        self._bar, self._task = bar, bar.add_task("cards", total=None, rate="")

    def expect(self, cards: int) -> None:
        self._bar.update(self._task, total=cards or None)

    def settled(self, cards: int) -> None:
        self._bar.advance(self._task, cards)
        speed = self._bar.tasks[0].speed
        self._bar.update(self._task, rate=f"{speed:.1f}/s" if speed else "")

    def set_done(self, done: SetDone) -> None:
        self._bar.update(self._task, description=f"{done.id} {done.name}")


def _print_json(report: SyncReport, folder: Folder) -> None:
    import json

    import msgspec

    print(json.dumps({"catalog": str(folder.catalogue), **msgspec.to_builtins(report)}, ensure_ascii=False))


def _print(report: SyncReport, folder: Folder) -> None:
    from catalog.sync.run import LEFT_OUT

    for warning in report.built.warnings if report.built else ():
        print(f"warning: {warning}", file=sys.stderr)
    for one in report.missing[:_LISTED]:
        print(f"missing: {one}", file=sys.stderr)
    if len(report.missing) > _LISTED:
        print(f"missing: {len(report.missing) - _LISTED} more, all in {folder.root / LEFT_OUT}", file=sys.stderr)
    if report.built is None:
        print(f"{folder.pictures}: no picture, so no catalogue was built")
        return
    built = report.built
    print(f"{folder.catalogue}: {built.cards} cards, {built.embedded} embedded now, {len(report.missing)} missing")
