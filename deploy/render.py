"""Writes the service's files: `python -m deploy.render --out DIR [--config FILE] [--prefix DIR] [--logs DIR]`.

`supervisord.conf` belongs beside the configuration file, and `sleevesight.service` into /etc/systemd/system.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from actors.config import load
from deploy.service import Service
from deploy.supervisord import supervisord_conf
from deploy.systemd import systemd_unit

HERE = Path(__file__).parent


def rendered(service: Service) -> dict[str, str]:
    """The text of each file, by its name. ValueError for places that cannot be."""
    return {service.supervisord.name: supervisord_conf(service), "sleevesight.service": systemd_unit(service)}


def shipped() -> Service:
    """The configuration that ships, in the places of an installation: what the files beside this one come from."""
    return Service(load(HERE / "config.toml"))


def main(argv: list[str] | None = None) -> int:
    """Write both files, beside themselves and renamed; 2 and one line if the configuration is wrong."""
    parser = argparse.ArgumentParser(prog="python -m deploy.render", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that exists")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the service's TOML file (default: the shipped)")
    parser.add_argument("--prefix", type=Path, metavar="DIR", help=f"the Python environment (default {Service.prefix})")
    parser.add_argument("--logs", type=Path, metavar="DIR", help=f"folder of the logs (default {Service.logs})")
    arguments = parser.parse_args(argv)
    try:
        write(arguments)
    except (ValueError, OSError) as error:
        print(f"deploy.render: {error}", file=sys.stderr)
        return 2
    return 0


def write(arguments: argparse.Namespace) -> None:
    """Render what the command line asks for, all of it or nothing."""
    given = {"file": arguments.config, "prefix": arguments.prefix, "logs": arguments.logs}
    places = {key: path.absolute() for key, path in given.items() if path is not None}
    service = replace(shipped(), config=load(arguments.config or HERE / "config.toml"), **places)
    for name, text in rendered(service).items():
        partial = arguments.out / f"{name}.partial-{os.getpid()}"
        partial.write_text(text, encoding="utf-8")
        partial.replace(arguments.out / name)


if __name__ == "__main__":
    sys.exit(main())
