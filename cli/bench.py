"""Measurements."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from cli.streams import absolute, configuration, stop_request

if TYPE_CHECKING:
    from actors.config import Config
    from bench.budgets import Profile


def replay(arguments: argparse.Namespace) -> int:
    """Measure a stream, or all the standard ones; 1 if a run is invalid or a budget broken."""
    config, profile = _run_of(arguments)
    stop = stop_request()
    if arguments.stream != "standard":
        return _replay_one(config, profile, arguments, stop)
    if arguments.json or arguments.html or arguments.repeat > 1:
        raise ValueError("standard prints a line for each stream: leave out --json, --html and --repeat")
    return _replay_standard(config, profile, stop)


def _run_of(arguments: argparse.Namespace) -> tuple[Config, Profile]:
    """The configuration and the budgets that the command line asks for; nothing is heard of it but the report."""
    from actors.config import updated
    from actors.log import configure
    from bench.budgets import profile

    config = configuration(arguments)
    source = arguments.stream if arguments.stream != "standard" else "scene:demo"
    config = updated(config, "capture", source=absolute(source), pace=arguments.mode)
    if arguments.config is None:
        config = updated(config, "log", level="warning")
    if arguments.config is None and arguments.sink is None:
        config = updated(config, "sinks", enabled=["jsonl"], jsonl=os.devnull)
    configure(config.log)
    return config, profile(arguments.profile)


def _replay_one(config: Config, profile: Profile, arguments: argparse.Namespace, stop: Callable[[], bool]) -> int:
    from actors.run import REFUSED
    from bench.measure import measure
    from bench.page import page
    from bench.replay import ActorRefused
    from bench.report import encode
    from bench.table import show
    from catalog.whole import write_whole

    for out in (arguments.json, arguments.html):
        if out is not None and not out.parent.is_dir():
            raise ValueError(f"{out}: there is no folder {out.parent}: make it first")
    try:
        found = measure(config, profile, stop, arguments.repeat)
    except ActorRefused:
        return REFUSED
    if arguments.json:
        write_whole(arguments.json, encode(found))
    if arguments.html:
        write_whole(arguments.html, page(found).encode())
    show(found)
    return 0 if found.good else 1


def _replay_standard(config: Config, profile: Profile, stop: Callable[[], bool]) -> int:
    from actors.run import REFUSED
    from bench.replay import ActorRefused
    from bench.standard import replay_all, together
    from bench.table import line, sum_line

    found = []
    try:
        for one in replay_all(config, profile, stop):
            found.append(one)
            print(line(one), flush=True)
    except ActorRefused:
        return REFUSED
    saved = together(found, profile)
    print(sum_line(found, saved))
    return 0 if all(one.good for one in found) and (saved is None or saved.verdict != "broken") else 1


def compare(arguments: argparse.Namespace) -> int:
    """Print how two runs of the same stream differ."""
    from bench.compare import compare as compared
    from bench.compare import lines
    from bench.report import read

    first, second = read(arguments.first), read(arguments.second)
    print("\n".join(lines(first, second, compared(first, second))))
    return 0


def soak(arguments: argparse.Namespace) -> int:
    """A long run; 1 if anything does not hold."""
    import shutil

    import msgspec

    from actors.config import load, updated
    from bench.faults import FAULTS
    from bench.soak import Plan
    from bench.soak import soak as run_soak
    from catalog.whole import write_whole

    if arguments.json and not arguments.json.absolute().parent.is_dir():  # said now, and not after the soak
        raise ValueError(f"--json {arguments.json}: its folder does not exist")
    config = updated(load(arguments.config), "capture", source=arguments.source)
    if arguments.catalog is not None:
        config = updated(config, "matcher", catalog=str(arguments.catalog.absolute()))
    faults = list(FAULTS) if arguments.faults else []
    plan = Plan(60 * arguments.minutes, faults, arguments.every, arguments.seed)
    report, folder = run_soak(config, plan, stop_request(), lambda line: print(line, file=sys.stderr, flush=True))
    problems = report.problems()
    print("\n".join(report.lines(problems)))
    if arguments.json:
        write_whole(arguments.json, msgspec.json.format(msgspec.json.encode(report.as_json(problems))))
    if problems:
        print(f"what the processes said is in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def micro(arguments: argparse.Namespace) -> int:
    """Measure components; print each table when it is there, and write it where it is wanted."""
    import msgspec

    from bench.marked import require
    from bench.micro.options import Options
    from bench.micro.run import chosen, facts, mark, measured, write_page
    from bench.micro.table import text
    from catalog.whole import write_whole

    names = chosen(arguments.names)
    if arguments.markdown:
        require(arguments.markdown, map(mark, names))
    reports = []
    options = Options(quick=arguments.quick, dim=arguments.dim, rows=arguments.rows, cache=arguments.cache)
    for report in measured(names, options):
        reports.append(report)
        lines = [line for table in report.tables for line in text(table)]
        print("\n".join([f"== {report.component} ==", *lines, facts(report), ""]), flush=True)
        if arguments.json:
            write_whole(arguments.json, msgspec.json.format(msgspec.json.encode(reports)) + b"\n")
        if arguments.markdown:
            write_page([report], arguments.markdown)
    return 0


def actor(arguments: argparse.Namespace) -> int:
    """Play one actor from a recording; 1 if it does not say what was recorded."""
    import msgspec

    from actors.config import load
    from actors.log import configure
    from actors.run import single_threaded
    from cli.streams import with_files

    single_threaded()
    from bench.actor import lines, recorded_config, replay_actor

    config = load(arguments.config) if arguments.config is not None else recorded_config(arguments.recording)
    config = with_files(config, arguments)
    configure(config.log)
    report = replay_actor(arguments.actor, arguments.recording, config, arguments.tolerance)
    print("\n".join(lines(report)))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    return 1 if report["different"] else 0
