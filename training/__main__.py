"""The entry point of all training: `python -m training …`, which is `sleevesight train …`, alone or under torchrun."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from catalog.metadata import MetadataError
from training.augment.pipeline import Augmentation
from training.config import ConfigError
from training.data.pictures import DataError
from training.export import ExportError, picture_size
from training.hailo.compile import CompileError, compile_hef
from training.hailo.prepare import FEWEST, cards_below, crops, prepare
from training.recipes import CONFIGS, RECIPES, run
from training.run import RunError
from training.sagemaker import job, start
from training.ship import Precision, ship

REFUSED = 2
BAD_INPUT = (
    *(ConfigError, DataError, MetadataError, RunError, ExportError, CompileError),
    *(FloatingPointError, OSError),
)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    made = argparse.ArgumentParser(prog="sleevesight train", description="Trains the models, and writes their files.")
    commands = made.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name in RECIPES:
        command = commands.add_parser(name, help=f"run the recipe {name}, or go on with it")
        command.add_argument("--config", type=Path, help=f"TOML file (default: {CONFIGS.name}/{name}.toml)")
        command.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, such as plan.steps=100"
        )
    export = commands.add_parser("export", help="write the ONNX file and the model card of a run")
    export.add_argument("run", type=Path, help="folder of the run")
    export.add_argument("--out", type=Path, required=True, metavar="FILE.onnx")
    export.add_argument("--name", help="what the model is called (default: the file's name)")
    export.add_argument(
        "--precision", choices=get_args(Precision), default="float32", help="of the weights; gate int8 before it ships"
    )
    hailo = commands.add_parser("hailo", help="write what the Hailo compiler is given")
    hailo.add_argument("model", type=Path, help="an embedder's ONNX file, such as models/embedder_hailo.onnx")
    hailo.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    hailo.add_argument("--images", type=Path, metavar="FOLDER", help="card pictures (default: generated cards)")
    hailo.add_argument("--count", type=int, default=FEWEST, help=f"crops to calibrate with (default {FEWEST})")
    compiled = commands.add_parser("compile", help="run the Hailo compiler, which has to be installed")
    compiled.add_argument("folder", type=Path, help="what `hailo` wrote")
    cloud = commands.add_parser("cloud", help="train on SageMaker, 8 A100")
    cloud.add_argument("recipe", choices=RECIPES)
    cloud.add_argument("--config", default="", help="TOML file, relative to the checkout")
    cloud.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    cloud.add_argument("--role", required=True, help="ARN that the job runs as")
    cloud.add_argument("--bucket", required=True, metavar="s3://…", help="for checkpoints and results")
    cloud.add_argument("--cards", required=True, metavar="s3://…", help="folder of card pictures with cards.csv")
    cloud.add_argument("--teacher", metavar="s3://…", help="folder of the teacher's run, for a student")
    cloud.add_argument("--dry-run", action="store_true", help="print the job and start nothing")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; what is wrong with its input is said in one line."""
    arguments = parser().parse_args(argv)
    try:
        if arguments.command == "export":
            print(ship(arguments.run, arguments.out, arguments.name or arguments.out.stem, arguments.precision))
        elif arguments.command == "hailo":
            size = picture_size(arguments.model)
            shown = crops(cards_below(arguments.images, size, arguments.count), Augmentation(), arguments.count)
            prepare(arguments.model, shown, arguments.out)
            print(f"{arguments.out}: {', '.join(sorted(file.name for file in arguments.out.iterdir()))}")
        elif arguments.command == "compile":
            print(compile_hef(arguments.folder))
        elif arguments.command == "cloud":
            _cloud(arguments)
        else:
            run(arguments.command, arguments.config, arguments.set)
    except (
        ConfigError,
        DataError,
        MetadataError,
        RunError,
        ExportError,
        CompileError,
        FloatingPointError,
        OSError,
    ) as error:
        print(f"sleevesight train: {' '.join(str(error).split())}", file=sys.stderr)
        return REFUSED
    return 0


def _cloud(arguments: argparse.Namespace) -> None:
    described = job(
        arguments.recipe,
        arguments.config,
        arguments.set,
        role=arguments.role,
        bucket=arguments.bucket,
        cards=arguments.cards,
        teacher=arguments.teacher,
    )
    if arguments.dry_run:
        print(json.dumps(described, indent=2))
    else:
        start(described)


if __name__ == "__main__":
    sys.exit(main())
