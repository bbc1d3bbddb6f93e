"""systemd's unit: it starts supervisord, gives it what it needs, and keeps it from everything else."""

from __future__ import annotations

from pathlib import Path

from deploy.service import Service

DEVICES = (
    "char-video4linux",  # cameras, and the sensor's and the ISP's sub-devices
    "char-media",
    "char-dma_heap",  # the frame buffers of libcamera
    "/dev/hailo0",
)

UNIT = """\
# Rendered by `python -m deploy.render`: see docs/service.md.
[Unit]
Description=Sleevesight names every trading card that a camera sees
StartLimitIntervalSec=0
{after}
[Service]
# Ready when its loop turns (deploy/guard.py); when that ceases, systemd ends it, and everything starts anew.
Type=notify
TimeoutStartSec=120
WatchdogSec=20
ExecStart={prefix}/bin/supervisord --nodaemon --configuration={conf}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=2
KillMode=mixed
TimeoutStopSec=60
# One actor that the kernel ends for lack of memory is started again by supervisord: no reason to end the others.
OOMPolicy=continue

User=sleevesight
Group=sleevesight
SupplementaryGroups=video render
RuntimeDirectory={runtime}
RuntimeDirectoryMode=0700
StateDirectory=sleevesight
StateDirectoryMode=0700
LogsDirectory={logs}
WorkingDirectory=/var/lib/sleevesight
UMask=0077
# Who is ended for hanging says where in its log; a core of it would fill the card.
LimitCORE=0
Environment=PYTHONUNBUFFERED=1

ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
NoNewPrivileges=true
CapabilityBoundingSet=
LockPersonality=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native
SystemCallFilter=@system-service
DevicePolicy=closed
{devices}
{network}

[Install]
WantedBy=multi-user.target
"""
_NETWORK = """\
# A sink of the configuration talks to other machines.
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6"""
_NO_NETWORK = """\
# No sink of the configuration talks to other machines. libcamera hears of devices over netlink.
RestrictAddressFamilies=AF_UNIX AF_NETLINK
IPAddressDeny=any"""


def systemd_unit(service: Service) -> str:
    """The text of sleevesight.service. ValueError for a folder that systemd does not make."""
    return UNIT.format(
        after="After=network-online.target\nWants=network-online.target\n" if service.networked else "",
        prefix=service.prefix,
        conf=service.supervisord,
        runtime=_below(service.address.run_dir, Path("/run"), "[bus] run_dir"),
        logs=_below(service.logs, Path("/var/log"), "--logs"),
        devices="\n".join(f"DeviceAllow={device} rw" for device in DEVICES),
        network=_NETWORK if service.networked else _NO_NETWORK,
    )


def _below(path: Path, base: Path, what: str) -> str:
    if path.parent != base:
        raise ValueError(f"{what} = {path}: systemd makes and owns only a folder directly below {base}: name one there")
    return path.name
