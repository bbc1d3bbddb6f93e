"""The `sleevesight` command."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from actors import opencv
from cli.numbers import positive

REFUSED = 2
"""Exit code for what will not get better by itself: bad input, a wrong configuration."""
_MODEL = "model, .onnx or .hef (default: the one that ships; on a Pi with a Hailo-8, the .hef in models/)"


def main(argv: list[str] | None = None) -> int:
    """Parse, dispatch, and turn every expected error into one line and an exit code."""
    opencv.settle()
    arguments = build_parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except (ValueError, RuntimeError, OSError) as error:
        print(f"sleevesight: {_one_line(error)}", file=sys.stderr)
        return REFUSED


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'error'}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = argparse.ArgumentParser(
        prog="sleevesight", description="Names every Pokemon card that a camera sees: live, offline, through sleeves."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_catalog(commands)
    _add_identify(commands)
    _add_streams(commands)
    _add_record(commands)
    _add_collection(commands)
    _add_dashboard(commands)
    _add_inspection(commands)
    _add_doctor(commands)
    _add_bench(commands)
    _add_training(commands)
    return parser


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def _add_catalog(commands: Commands) -> None:
    from cli import catalog

    group = commands.add_parser("catalog", help="build, check and describe a catalogue").add_subparsers(
        required=True, metavar="COMMAND"
    )
    build = group.add_parser("build", help="embed card pictures into a catalogue folder")
    build.add_argument("--images", type=Path, required=True, metavar="DIR", help="folder of card pictures")
    build.add_argument(
        "--metadata",
        type=Path,
        action="append",
        default=[],
        metavar="FILE_OR_DIR",
        help="pokemontcg.io JSON (file or folder, .gz too) or CSV with file,id,name,set,number; may be repeated",
    )
    build.add_argument("--out", type=Path, required=True, metavar="CATALOG", help="folder to write")
    build.add_argument("--model", type=Path, help=_MODEL)
    build.add_argument("--json", action="store_true", help="print the report as one JSON object")
    build.set_defaults(run=catalog.build)
    _add_catalog_sync(group)
    verify = group.add_parser("verify", help="check a catalogue's integrity; exit 1 and a list if it has problems")
    verify.add_argument("catalog", type=Path, metavar="CATALOG")
    verify.add_argument("--model", type=Path, help=_MODEL)
    verify.add_argument("--json", action="store_true", help="print the problems as JSON")
    verify.set_defaults(run=catalog.verify)
    info = group.add_parser("info", help="say what a catalogue holds")
    info.add_argument("catalog", type=Path, metavar="CATALOG")
    info.add_argument("--json", action="store_true", help="print it as JSON")
    info.set_defaults(run=catalog.info)


def _add_catalog_sync(group: Commands) -> None:
    from cli import sync

    command = group.add_parser("sync", help="fetch cards and pictures from a public catalogue, and build")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to keep up to date")
    command.add_argument("--sets", default="all", metavar="A,B", help="ids of sets, or all (default)")
    command.add_argument("--source", choices=["pokemontcg", "tcgdex"], help="default: as before, else pokemontcg")
    command.add_argument("--language", metavar="en", help="of the cards (default: as before, else en)")
    command.add_argument("--images", choices=["small", "large"], help="default: as before, else small")
    command.add_argument("--base-url", metavar="URL", help="a mirror, or a copy of the tree of pokemon-tcg-data")
    command.add_argument("--api-key-file", type=Path, metavar="FILE", help=f"default: the variable {sync.KEY_VARIABLE}")
    command.add_argument("--offline", action="store_true", help="ask nobody: build from what is there, list the rest")
    command.add_argument("--model", type=Path, help="ONNX model (default: the one that ships)")
    command.add_argument("--json", action="store_true", help="print the report as one JSON object")
    command.set_defaults(run=sync.sync)


def _add_identify(commands: Commands) -> None:
    from cli import identify

    command = commands.add_parser("identify", help="name the cards in photos, one or thousands")
    command.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="picture, or folder of pictures")
    command.add_argument("--catalog", type=Path, required=True, metavar="CATALOG")
    command.add_argument("--model", type=Path, help=_MODEL)
    command.add_argument("--cropped", action="store_true", help="each image is one card, and nothing else")
    command.add_argument("--top", type=positive, default=5, help="candidates to name for each card (default 5)")
    command.add_argument("--json", action="store_true", help="one JSON object per image (docs/events.md)")
    command.add_argument("--out", type=Path, metavar="FILE.jsonl", help="journal: a run that was cut off goes on there")
    command.add_argument("--csv", type=Path, metavar="FILE", help="write a table with a row for each card")
    command.add_argument("--annotate", type=Path, metavar="DIR", help="write every picture there, its cards drawn in")
    command.add_argument("--jobs", type=positive, metavar="N", help="processes (default: one for each core)")
    command.add_argument("--ray", metavar="ADDRESS", help="work on a Ray cluster: ray://HOST:10001, auto, or local")
    command.set_defaults(run=identify.identify)


def _add_streams(commands: Commands) -> None:
    from cli import streams

    replay = commands.add_parser("replay", help="run a recorded or rendered stream through the real processes")
    replay.add_argument("stream", metavar="STREAM", help="video file, image folder, recording, or scene:NAME")
    _add_system(replay)
    replay.add_argument("--mode", choices=["paced", "lockstep", "flatout"], default="paced")
    replay.add_argument("--events", type=Path, metavar="OUT.jsonl", help="write one JSON object per frame")
    replay.set_defaults(run=streams.replay)
    up = commands.add_parser("up", help="start all processes, until Ctrl-C")
    up.add_argument("--source", help="camera:0, imx500, video:FILE, images:DIR, recording:FILE.mcap, scene:NAME")
    _add_system(up)
    up.set_defaults(run=streams.up)
    run = commands.add_parser("run", help="run one actor in the foreground")
    run.add_argument("actor", metavar="ACTOR", help="capture, selector, embedder, matcher, smoother or sink.NAME")
    run.add_argument("--config", type=Path)
    run.set_defaults(run=streams.run)


def _add_record(commands: Commands) -> None:
    from cli import record

    command = commands.add_parser("record", help="write a running system's stream to a file, until it ends or Ctrl-C")
    command.add_argument("--out", required=True, metavar="F.mcap", help="file to make, or a folder")
    command.add_argument("--frames", choices=["jpeg", "png", "none"], help="the pictures (default jpeg; png is exact)")
    command.add_argument("--seconds", type=_above_zero, metavar="N", help="end so long after the first frame")
    command.add_argument("--config", type=Path, help="TOML file: which system ([bus] run_dir), and [recorder]")
    command.set_defaults(run=record.record)


def _add_dashboard(commands: Commands) -> None:
    from cli import dashboard, demo

    page = commands.add_parser("dashboard", help="watch and correct a running system in the browser, until Ctrl-C")
    page.add_argument("--host", help="address to listen at (default 127.0.0.1; others need [dashboard] token_file)")
    show = commands.add_parser("demo", help="the whole on a rendered table, with the dashboard in the browser")
    show.add_argument("--headless", action="store_true", help="open no browser; end when a picture and a card are seen")
    for command, run in ((page, dashboard.dashboard), (show, demo.demo)):
        command.add_argument("--port", type=int, metavar="N", help="default 8765; 0: any that is free")
        command.add_argument("--config", type=Path, help="TOML file: which system ([bus] run_dir), and [dashboard]")
        command.set_defaults(run=run)


def _add_system(command: argparse.ArgumentParser) -> None:
    command.add_argument("--catalog", type=Path, metavar="CATALOG")
    command.add_argument("--model", type=Path, help=_MODEL)
    command.add_argument("--config", type=Path, help="TOML file (see `sleevesight config show`)")
    command.add_argument("--sink", action="append", metavar="NAME", help="sink to run (default: console); repeatable")


def _add_collection(commands: Commands) -> None:
    from cli.collection_options import add_commands

    add_commands(commands.add_parser("collection", help="the cards that were seen: look, correct, export, import"))


def _add_inspection(commands: Commands) -> None:
    from cli import inspect

    group = commands.add_parser("config", help="show or check a configuration").add_subparsers(
        required=True, metavar="COMMAND"
    )
    for name, action in (("show", inspect.config_show), ("check", inspect.config_check)):
        command = group.add_parser(name)
        command.add_argument("--config", type=Path)
        command.set_defaults(run=action)
    sinks = commands.add_parser("sinks", help="list the installed sinks")
    sinks.set_defaults(run=inspect.sinks)
    topics = commands.add_parser("topics", help="list what is said on the bus, and where")
    topics.add_argument("--config", type=Path)
    topics.set_defaults(run=inspect.topics)
    tail = commands.add_parser("tail", help="print the messages of a topic of a running system")
    tail.add_argument("topic", metavar="TOPIC")
    tail.add_argument("--config", type=Path)
    tail.add_argument("--count", type=positive, help="end after so many messages")
    tail.set_defaults(run=inspect.tail)


def _add_doctor(commands: Commands) -> None:
    from cli import doctor

    command = commands.add_parser("doctor", help="what is well on this machine, what is not, and what to do; 1 if not")
    command.add_argument("--config", type=Path, help="TOML file (default: the defaults)")
    command.add_argument("--json", action="store_true", help="one JSON object")
    command.set_defaults(run=doctor.doctor)


def _add_bench(commands: Commands) -> None:
    from cli import grade

    group = commands.add_parser("bench", help="measure").add_subparsers(required=True, metavar="COMMAND")
    accuracy = group.add_parser("accuracy", help="how surely a model names cards, beside its rivals")
    _add_graded(accuracy)
    accuracy.add_argument("--no-orb", action="store_true", help="leave out the rival that takes most of the time")
    accuracy.add_argument("--weight", type=float, default=1.0, help="of the hash beside the cosine (default 1)")
    accuracy.add_argument("--json", type=Path, metavar="FILE", help="write everything here")
    accuracy.add_argument("--markdown", type=Path, metavar="FILE", help="write the page, and its plots into images/")
    accuracy.set_defaults(run=grade.accuracy)
    gate = group.add_parser("gate", help="whether a compiled or smaller form of a model may take its place; 1 if not")
    gate.add_argument("--model", type=Path, help="model, .onnx or .hef (default: the ONNX that ships)")
    gate.add_argument("--candidate", type=Path, required=True, metavar="FILE")
    gate.add_argument("--images", type=Path, required=True, metavar="DIR", help="card pictures")
    gate.add_argument("--every", type=positive, default=4, help="ask for every n-th card (default 4)")
    gate.add_argument("--points", type=float, default=1.0, help="of top-1 that may be lost (default 1)")
    gate.set_defaults(run=grade.gate)
    calibrate = group.add_parser("calibrate", help="measure a model's thresholds and write them into its card")
    _add_graded(calibrate)
    calibrate.add_argument("--dry-run", action="store_true", help="print them only")
    calibrate.set_defaults(run=grade.calibrate)
    _add_bench_replay(group)
    _add_bench_soak(group)
    _add_bench_micro(group)
    _add_bench_actor(group)


def _add_bench_replay(group: Commands) -> None:
    from cli import bench

    replay = group.add_parser("replay", help="run a stream, report on it and judge it by budgets; 1 if one is broken")
    replay.add_argument("stream", metavar="STREAM", help="video file, image folder, recording, scene:NAME, or standard")
    _add_system(replay)
    replay.add_argument("--profile", default="laptop-onnx", metavar="NAME", help="budgets (default: laptop-onnx)")
    replay.add_argument("--mode", choices=["paced", "lockstep", "flatout"], default="paced")
    replay.add_argument("--repeat", type=positive, default=1, metavar="N", help="run lockstep N times and compare")
    replay.add_argument("--json", type=Path, metavar="OUT", help="write everything here (docs/bench.md)")
    replay.add_argument("--html", type=Path, metavar="OUT", help="write a page with plots")
    replay.set_defaults(run=bench.replay)
    compare = group.add_parser("compare", help="two reports of the same stream: what differs by more than the noise")
    compare.add_argument("first", type=Path, metavar="A.json")
    compare.add_argument("second", type=Path, metavar="B.json")
    compare.set_defaults(run=bench.compare)


def _add_bench_soak(group: Commands) -> None:
    from cli import bench

    soak = group.add_parser("soak", help="a long run under load, with faults if wanted; 1 if anything does not hold")
    soak.add_argument("--minutes", type=_above_zero, required=True, metavar="N")
    soak.add_argument("--faults", action="store_true", help="kill, stall and pester the processes meanwhile")
    soak.add_argument("--every", type=positive, default=20, metavar="S", help="seconds between faults (default 20)")
    soak.add_argument("--seed", type=int, default=0, help="of the order of the faults (default 0)")
    soak.add_argument("--source", default="scene:demo", help="a source that goes on (default scene:demo, looped)")
    soak.add_argument("--catalog", type=Path, metavar="CATALOG", help="default: one of the scene's generated cards")
    soak.add_argument("--config", type=Path, help="TOML file (see `sleevesight config show`)")
    soak.add_argument("--json", type=Path, metavar="OUT", help="write everything here")
    soak.set_defaults(run=bench.soak)


def _add_bench_micro(group: Commands) -> None:
    from cli import bench

    micro = group.add_parser("micro", help="what the parts cost, each beside what one would use instead")
    micro.add_argument(
        "names", nargs="*", metavar="NAME", help="ring, bus, search, embed, select, detect, pipeline; all (default)"
    )
    extent = micro.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_true", help="few rounds and small sizes: figures that are for no page")
    extent.add_argument("--rows", type=positive, help="cards in the search's catalogue (default: three sizes, an hour)")
    micro.add_argument("--dim", type=positive, help="numbers in a row of the search (default: the model that ships)")
    micro.add_argument(
        "--cache", type=Path, default=Path("build/micro"), metavar="DIR", help="what takes long to make is kept here"
    )
    micro.add_argument("--json", type=Path, metavar="FILE", help="write everything here")
    extent.add_argument("--markdown", type=Path, metavar="PAGE", help="put the tables between the marks of this page")
    micro.set_defaults(run=bench.micro)


def _add_bench_actor(group: Commands) -> None:
    from cli import bench

    actor = group.add_parser("actor", help="play one actor from a recording; 1 if it does not say what was recorded")
    actor.add_argument("actor", metavar="ACTOR", help="selector (with pictures), embedder, matcher or smoother")
    actor.add_argument("recording", type=Path, metavar="F.mcap")
    actor.add_argument("--catalog", type=Path, metavar="CATALOG", help="default: that of the recording, as the model")
    actor.add_argument("--model", type=Path)
    actor.add_argument("--config", type=Path, help="TOML file (default: the configuration of the recording)")
    actor.add_argument("--tolerance", type=_above_zero, default=1e-3, help="for numbers (default 0.001)")
    actor.add_argument("--json", type=Path, metavar="OUT", help="write the report here")
    actor.set_defaults(run=bench.actor)


def _add_graded(command: argparse.ArgumentParser) -> None:
    command.add_argument("--catalog", type=Path, required=True, metavar="CATALOG", help="of all cards, by this model")
    command.add_argument("--images", type=Path, required=True, metavar="DIR", help="what the catalogue was built from")
    command.add_argument("--labels", type=Path, help="CSV with id, set, group, artwork (default: cards.csv of DIR)")
    command.add_argument("--model", type=Path, help="model, .onnx or .hef (default: the ONNX that ships)")
    command.add_argument(
        "--sets", required=True, metavar="A,B", help="sets that the model was not trained on, to take the cards from"
    )
    command.add_argument(
        "--every", type=_shared, default=2, help="take every n-th card, 2 or more: the other command takes others"
    )


def _add_training(commands: Commands) -> None:
    from cli import train

    command = commands.add_parser("train", help="train models, and write their files", add_help=False)
    command.add_argument("arguments", nargs=argparse.REMAINDER)
    command.set_defaults(run=train.train)


def _shared(text: str) -> int:
    value = int(text)
    if value < 2:
        raise argparse.ArgumentTypeError("must be 2 or more: thresholds are graded on other cards than they come from")
    return value


def _above_zero(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
