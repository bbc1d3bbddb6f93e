"""What SageMaker starts, once for each GPU: its hyperparameters become a command of `python -m training`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.__main__ import main
from training.sagemaker import arguments

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("recipe", "config", "set"):
        parser.add_argument(f"--{name}", default="")
    sys.exit(main(arguments(vars(parser.parse_args()))))
