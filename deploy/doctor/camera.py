"""The camera: webcams, and the AI camera with its firmware and networks."""

from __future__ import annotations

from pathlib import Path

from actors.config import Config
from deploy.doctor.finding import Finding, absent, ok, problem
from deploy.doctor.machine import Machine

_NO_CAMERAS = ("bcm2835", "pispbe", "rp1-", "rpi-", "rpivid", "unicam")
"""Video devices of a Pi that are no cameras: its decoder, its ISP, the receiver behind the connector."""
FIRMWARE = ("/lib/firmware/imx500_loader.fpk", "/lib/firmware/imx500_firmware.fpk")
NETWORKS = "/usr/share/imx500-models"
NETWORK = "models/imx500.zip"
"""Ours, which the Pi packs."""
_REBOOT = "switch off, look at the ribbon cable, and `dmesg | grep imx500`"


def webcams(machine: Machine, config: Config) -> Finding:
    """Every webcam, and whether the one of `[capture] source` is free."""
    cameras = {Path(path).name: name for path in machine.find("/sys/class/video4linux/video*")
               if (name := machine.text(f"{path}/name")) and machine.text(f"{path}/index") in ("", "0")
               and not name.startswith(_NO_CAMERAS)}  # fmt: skip
    listed = ", ".join(f"/dev/{video} {name}" for video, name in cameras.items()) or "none is plugged in"
    scheme, _, number = config.capture.source.partition(":")
    if scheme != "camera":
        return Finding("ok" if cameras else "absent", f"{listed}; the source is {config.capture.source}")
    wanted = f"/dev/video{number or 0}"
    if not machine.exists(wanted):
        return problem(f"{listed}; there is no {wanted}", 'plug it in, or name another: [capture] source = "camera:1"')
    if not machine.usable(machine.at(wanted)):
        return problem(f"{wanted} may not be opened by this user", "`sudo usermod -aG video $USER`, then log in anew")
    return _free(machine, wanted, listed)


def _free(machine: Machine, device: str, text: str) -> Finding:
    """A camera may be held by our own capture; anybody else is in the way."""
    others = [holder for holder in machine.holders(device) or [] if not holder.startswith("capture ")]
    if others:
        return problem(f"{device} is held by {', '.join(others)}", "end that program: a camera has one reader")
    return ok(text)


def ai_camera(machine: Machine, config: Config) -> Finding:
    """The IMX500 answers on its cable, as libcamera sees it. Listing cameras opens none."""
    wanted = config.capture.source.partition(":")[0] == "imx500"
    if not machine.pi:
        if wanted:
            return problem("this is no Raspberry Pi", 'name another source: [capture] source = "camera:0"')
        return absent("no Raspberry Pi, and the source is another")
    said = machine.run(["rpicam-hello", "--list-cameras"]) or machine.run(["libcamera-hello", "--list-cameras"])
    if said is None:
        return problem("no rpicam-hello here", "`sudo apt install rpicam-apps`")
    if "imx500" in said.out + said.err:
        return ok("IMX500 answers")
    if wanted:
        return problem("libcamera sees no IMX500", _REBOOT)
    return absent("libcamera sees no IMX500, and the source is another")


def network(machine: Machine, config: Config) -> Finding:
    """The network that finds the cards is there, packed for the camera."""
    scheme, _, named = config.capture.source.partition(":")
    if scheme != "imx500":
        return absent("the source is another")
    rpk = Path(named or config.imx500.rpk).expanduser()
    if rpk.suffix == ".rpk" and machine.exists(str(rpk.absolute())):
        return ok(str(rpk))
    return problem(
        f"{rpk}: no such network" if named or config.imx500.rpk else "no network is named",
        f"`sudo apt install imx500-tools && imx500-package -i {NETWORK} -o FOLDER`, and [imx500] rpk = "
        '"FOLDER/network.rpk"',
    )


def firmware(machine: Machine, config: Config) -> Finding:
    """The sensor's firmware and its networks, which are uploaded at every start."""
    wanted = config.capture.source.partition(":")[0] == "imx500"
    there = [path for path in FIRMWARE if machine.exists(path)]
    networks = [Path(path).name for path in machine.find(f"{NETWORKS}/*.rpk")]
    if len(there) == len(FIRMWARE) and networks:
        return ok(f"firmware of the IMX500, {len(networks)} networks in {NETWORKS}")
    if not wanted:
        return absent("no firmware of the IMX500, and the source is another")
    missing = ", ".join(
        [*(path for path in FIRMWARE if path not in there), *([] if networks else [f"{NETWORKS}/*.rpk"])]
    )
    return problem(f"missing: {missing}", "`sudo apt install imx500-all`, then restart the machine")
