"""The software: libraries, and apt's numpy, against which the camera's and the accelerator's bindings were built."""

from __future__ import annotations

from actors.config import Config
from deploy.doctor.finding import Finding, absent, ok, problem
from deploy.doctor.machine import Machine
from deploy.doctor.modules import look

LIBRARIES = ("numpy", "onnxruntime", "usearch", "cv2", "zmq", "msgspec")
"""ONNX Runtime before usearch: see catalog/index.py."""
APT = "/usr/lib/python3/dist-packages"
_OWN_NUMPY = "`sudo /opt/sleevesight/bin/pip uninstall numpy`, then deploy/install.sh again: its constraints keep apt's"
_ABI = ("numpy.dtype size changed", "numpy.core.multiarray failed to import", "compiled using NumPy 1.x")


def libraries(machine: Machine, config: Config) -> Finding:
    """What the processes are built on can be imported."""
    del config
    found = look(machine, *LIBRARIES)
    broken = {name: module for name, module in found.items() if module.error}
    if broken:
        text = "; ".join(f"{name}: {module.why}" for name, module in broken.items())
        return problem(text, "install anew: `make install`, on a Pi deploy/install.sh")
    return ok(", ".join(f"{name} {module.version}" for name, module in found.items()))


def numpy_abi(machine: Machine, config: Config) -> Finding:
    """On a Pi: the numpy that is imported is apt's, and picamera2 can be imported with it."""
    wanted = config.capture.source.partition(":")[0] == "imx500"
    if not machine.pi:
        return absent("no Raspberry Pi: numpy may come from anywhere")
    numpy = look(machine, "numpy")["numpy"]
    if not numpy.file.startswith(APT):
        where = numpy.file.removesuffix("/__init__.py") or "nowhere"
        return problem(f"numpy {numpy.version} from {where} hides apt's, for which picamera2 was built", _OWN_NUMPY)
    picamera2 = look(machine, "picamera2")["picamera2"]
    if picamera2.missing:
        if wanted:
            return problem("picamera2 is not installed", "`sudo apt install python3-picamera2 imx500-all`")
        return ok(f"apt's numpy {numpy.version}; no picamera2, and the source is another")
    if picamera2.error:
        remedy = _OWN_NUMPY if any(sign in picamera2.error for sign in _ABI) else "`sudo apt full-upgrade`"
        return problem(f"import picamera2 fails: {picamera2.why}", remedy)
    return ok(f"apt's numpy {numpy.version}, and picamera2 works with it")
