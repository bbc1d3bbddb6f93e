"""Runs the vendor's compiler on what `prepare` wrote, and believes no step that its log says went wrong.

    sleevesight train compile FOLDER

needs the Hailo Dataflow Compiler 3.33 (for HailoRT 4.23, the last for the Hailo-8) on an x86-64 machine; it is not on
PyPI and wants an account at the vendor's. Afterwards the file is graded against ONNX: `sleevesight bench gate`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from training.hailo.prepare import CALIBRATION, NETWORK, SCRIPT

ARCHITECTURE = "hailo8"
HEF = "embedder.hef"
_STEM = Path(NETWORK).stem
STEPS: dict[str, Sequence[str]] = {
    "parser": ("parser", "onnx", NETWORK, "--hw-arch", ARCHITECTURE, "--har-path", f"{_STEM}.har", "-y"),
    "optimize": (
        *("optimize", f"{_STEM}.har", "--hw-arch", ARCHITECTURE),
        *("--calib-set-path", CALIBRATION, "--model-script", SCRIPT, "--output-har-path", f"{_STEM}_q.har"),
    ),
    "analyze-noise": ("analyze-noise", f"{_STEM}_q.har", "--data-path", CALIBRATION, "--batch-size", "8"),
    "compiler": ("compiler", f"{_STEM}_q.har", "--hw-arch", ARCHITECTURE),
}
"""The compiler's commands, in order."""
FATAL = (
    "Reducing optimization level to 0",
    "Traceback (most recent call last)",
    "[error]",
)
"""Lines that a step may print and still exit with 0, and after which its result is worth nothing."""


class CompileError(RuntimeError):
    """A step of the compiler that failed, or that said so itself."""


Runner = Callable[[Sequence[str], Path], tuple[int, str]]
"""Runs a command in a folder: its exit code and everything that it printed."""


def compile_hef(folder: Path, runner: Runner | None = None) -> Path:
    """Compile what lies in `folder`; the HEF's path. Logs of all steps are kept beside it.

    Raises CompileError, and leaves no HEF, when a file or the compiler is missing or a step went wrong.
    """
    for name in (NETWORK, CALIBRATION, SCRIPT):
        if not (folder / name).is_file():
            raise CompileError(f"{folder / name} is not there: sleevesight train hailo MODEL --out {folder} writes it")
    if runner is None:
        if shutil.which("hailo") is None:
            raise CompileError("no command hailo: install the vendor's Dataflow Compiler 3.33 (x86-64)")
        runner = _run
    hef = folder / HEF
    hef.unlink(missing_ok=True)
    for step, words in STEPS.items():
        code, printed = runner(["hailo", *words], folder)
        log = folder / f"{step}.log"
        log.write_text(printed, encoding="utf-8")
        said = next((line.strip() for line in printed.splitlines() if any(word in line for word in FATAL)), None)
        if code or said:
            hef.unlink(missing_ok=True)
            raise CompileError(f"hailo {step} failed ({said or f'exit code {code}'}): the whole log is {log}")
    if not hef.is_file() or not hef.stat().st_size:
        raise CompileError(f"hailo compiler ended well and wrote no {hef}: see {folder / 'compiler.log'}")
    return hef


def _run(words: Sequence[str], folder: Path) -> tuple[int, str]:
    done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout
