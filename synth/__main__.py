"""Generated pictures from the command line: `python -m synth --help`."""

from __future__ import annotations

import argparse
from pathlib import Path

from synth.cards import deck, draw, write
from synth.measure import report
from synth.scene import SCENARIOS, scenario, write_frames

_SCENE_CARDS = 60


def main(arguments: list[str] | None = None) -> int:
    """Writes cards, or the frames of a scene, or measures; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    size = options.size, options.size
    try:
        if options.measure:
            print(report(size))
        elif options.out is None:
            parser.error("say where to write with --out DIR (or use --measure)")
        elif options.scene:
            cards = [(spec.id, draw(spec)) for spec in deck(_SCENE_CARDS, options.seed)]
            write_frames(scenario(options.scene, cards, options.seed, size), options.out)
        else:
            write(options.out, options.count, options.seed)
    except ValueError as error:
        parser.error(str(error))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m synth", description="Generated cards and rendered table scenes.")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write")
    parser.add_argument("--count", type=int, default=200, help="how many cards (default 200)")
    parser.add_argument("--scene", choices=SCENARIOS, help="write the frames of a scene instead of cards")
    parser.add_argument("--size", type=int, default=1520, help="width and height of a scene in pixels (default 1520)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measure", action="store_true", help="print what a card and a frame cost on this machine")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
