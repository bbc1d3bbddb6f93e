"""The tables of the configuration: every key with its meaning, its limits and its default."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from msgspec import Meta, Struct, field


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""

    def __post_init__(self) -> None:
        for key in self.__struct_fields__:
            value = getattr(self, key)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{key} must be a finite number, not {value}")


class BusConfig(Section, frozen=True):
    """Where the processes meet."""

    run_dir: Annotated[str, Meta(description="Folder of the sockets; empty: the user's runtime directory.")] = ""
    host: Annotated[
        str, Meta(description="Empty: local sockets only. An address: the topics are published over TCP.")
    ] = ""
    port: Annotated[int, Meta(description="First TCP port (one a topic), if host is set.", ge=1024, le=65000)] = 5560


class CaptureConfig(Section, frozen=True):
    """Where frames come from."""

    source: Annotated[
        str, Meta(description="camera:0, imx500, video:FILE, images:DIR, recording:FILE.mcap, scene:NAME, or a path.")
    ] = "camera:0"
    pace: Annotated[
        Literal["paced", "lockstep", "flatout"],
        Meta(
            description="Stored sources: in their own time, one frame in flight, or as fast as the frames are answered."
        ),
    ] = "paced"
    width: Annotated[int, Meta(description="Width to ask a camera for, px.", ge=160)] = 1920
    height: Annotated[int, Meta(description="Height to ask a camera for, px.", ge=120)] = 1080
    fps: Annotated[float, Meta(description="Frame rate to ask a camera for.", gt=0)] = 30.0
    images_fps: Annotated[float, Meta(description="Frame rate at which a folder of pictures is shown.", gt=0)] = 10.0
    detector: Annotated[
        str,
        Meta(description="Folder with finder.onnx and closeup.onnx, where the source finds no cards; empty: models/."),
    ] = ""
    threads: Annotated[
        int,
        Meta(
            description="Threads of the detector: of two and more, one looks at the cards that were there while the "
            "others look for new ones.",
            ge=1,
        ),
    ] = 2
    ring_mb: Annotated[int, Meta(description="Memory of the frame ring, MB.", ge=1)] = 28
    hold_ms: Annotated[
        float, Meta(description="How long readers may use a frame before its slot is written again.", gt=0)
    ] = 90.0
    wait_for_reader: Annotated[
        bool, Meta(description="Hold a stored source back until its readers listen, so that no frame is missed.")
    ] = True


class Imx500Config(Section, frozen=True):
    """The Raspberry Pi AI camera, whose own network finds the cards (docs/imx500.md)."""

    rpk: Annotated[str, Meta(description="The network, packed for the camera; or give it as imx500:FILE.rpk.")] = ""
    intrinsics: Annotated[
        str, Meta(description="JSON file with the network's intrinsics; empty: those in the .rpk.")
    ] = ""
    label: Annotated[str, Meta(description="The network's label for a card; empty: card, or its only label.")] = ""
    min_score: Annotated[
        float, Meta(description="Least score; 0: score_threshold of the intrinsics, else 0.5.", ge=0, le=1)
    ] = 0.0
    stream: Annotated[
        Literal["2028x1520", "1520x1520"],
        Meta(description="All that the network sees, or its middle, without a quarter of the width."),
    ] = "2028x1520"
    box_age: Annotated[
        int, Meta(description="Frames that an answer is late; -1: by the time that the network takes.", ge=-1, le=8)
    ] = -1
    stall_s: Annotated[float, Meta(description="Time without a frame after which the camera is opened anew.", gt=0)] = (
        3.0
    )
    upload_s: Annotated[
        float, Meta(description="Time that a start may take: the first upload of a network takes minutes.", ge=30)
    ] = 600.0


class SceneConfig(Section, frozen=True):
    """The rendered table of the source `scene`."""

    seed: Annotated[int, Meta(description="The same seed gives the same frames.", ge=0)] = 0
    width: Annotated[int, Meta(description="Frame width, px.", ge=160)] = 1520
    height: Annotated[int, Meta(description="Frame height, px.", ge=120)] = 1520
    cards: Annotated[str, Meta(description="Folder of card pictures to show; empty: generated cards.")] = ""
    count: Annotated[int, Meta(description="How many generated cards there are to choose from.", ge=1)] = 200
    loop: Annotated[bool, Meta(description="Begin again at the end, for ever.")] = False


class SelectorConfig(Section, frozen=True):
    """Which cards are worth an embedding, and when."""

    cache_iou: Annotated[
        float, Meta(description="A result stays valid while the card overlaps its place by this.", ge=0, le=1)
    ] = 0.7
    cache_frames: Annotated[int, Meta(description="A result is asked for anew after this many frames.", ge=1)] = 30
    settle: Annotated[int, Meta(description="Results that must agree before the cache is trusted.", ge=1)] = 3
    patience_frames: Annotated[
        int, Meta(description="How long to wait for a sharp crop before the best is taken.", ge=0)
    ] = 5
    max_missed: Annotated[int, Meta(description="Frames that a card may go unseen and keep its track.", ge=0)] = 10
    max_gap_ms: Annotated[
        float, Meta(description="Time in ms that a card may go unseen; more than from one frame to the next.", gt=0)
    ] = 1500.0
    readings: Annotated[
        int, Meta(description="Crops in a frame at most; one that is read both ways counts twice.", ge=2)
    ] = 3
    answer_ms: Annotated[
        float,
        Meta(
            description="Time in ms from a live frame's arrival to its answer, into which all but the first of its "
            "crops have to fit; the others wait for the next frame.",
            gt=0,
        ),
    ] = 45.0
    enhance: Annotated[bool, Meta(description="CLAHE and gamma on crops (see docs/decisions).")] = False


class EmbedderConfig(Section, frozen=True):
    """The model and what it runs on."""

    model: Annotated[
        str, Meta(description="ONNX or HEF file; empty: the HEF in models/ for a Hailo-8, else the ONNX that ships.")
    ] = ""
    backend: Annotated[
        Literal["auto", "onnx", "hailo"],
        Meta(description="Engine that runs the model; auto: the Hailo-8 if it and a HEF are there, else ONNX Runtime."),
    ] = "auto"
    threads: Annotated[int, Meta(description="Threads of ONNX Runtime.", ge=1)] = 1
    timeout_ms: Annotated[float, Meta(description="A slower inference is reported as failed.", gt=0)] = 1000.0
    max_batch: Annotated[int, Meta(description="Readings in one inference at most.", ge=1)] = 32


class MatcherConfig(Section, frozen=True):
    """The catalogue and how sure is sure enough."""

    catalog: Annotated[str, Meta(description="Catalogue folder (sleevesight catalog build).")] = ""
    top: Annotated[int, Meta(description="Candidates in an answer.", ge=1, le=50)] = 5
    reload_s: Annotated[float, Meta(description="How often to look for a rebuilt catalogue.", gt=0)] = 1.0


class SmootherConfig(Section, frozen=True):
    """When a card counts as seen."""

    confirm: Annotated[int, Meta(description="Equal results in a row that confirm a card.", ge=1)] = 3
    grace_ms: Annotated[float, Meta(description="A card that is gone for less is the same visit.", ge=0)] = 500.0
    hold_ms: Annotated[
        float, Meta(description="How long a frame waits for the answers to its own crops before it is reported.", ge=0)
    ] = 80.0


class SinksConfig(Section, frozen=True):
    """Who gets the results."""

    enabled: Annotated[list[str], Meta(description="Names of sinks (sleevesight sinks), a process each.")] = field(
        default_factory=lambda: ["console"]
    )
    jsonl: Annotated[str, Meta(description="File of the jsonl sink.")] = "results.jsonl"


class RecorderConfig(Section, frozen=True):
    """What the recorder writes (sleevesight record, or the sink recorder)."""

    out: Annotated[
        str, Meta(description="MCAP file, or a folder for files named by their time; what exists is never overwritten.")
    ] = ""
    frames: Annotated[
        Literal["jpeg", "png", "none"],
        Meta(description="The pictures: jpeg is small, png exact and slow; without them a file cannot be replayed."),
    ] = "jpeg"
    quality: Annotated[int, Meta(description="Quality of jpeg.", ge=1, le=100)] = 90


class FleetConfig(Section, frozen=True):
    """What the sinks mqtt and webhook call this device, and what they keep on disk while the others are away."""

    device: Annotated[
        str,
        Meta(
            description="This device's name, one of its own in the fleet: letters, digits, _ and -; empty: the host's.",
            pattern=r"^[A-Za-z0-9_-]{0,64}$",
        ),
    ] = ""
    spool: Annotated[
        str,
        Meta(description="Folder of what is still to be sent, on a disk that lasts; empty: the user's state folder."),
    ] = ""
    keep: Annotated[int, Meta(description="Messages that a sink keeps at most; then the oldest go.", ge=1)] = 100_000
    keep_mb: Annotated[int, Meta(description="The same in MB.", ge=1)] = 64


class MqttConfig(Section, frozen=True):
    """The broker that the sink mqtt publishes to."""

    host: Annotated[str, Meta(description="Name or address of the broker (MQTT 5).")] = ""
    port: Annotated[int, Meta(description="0: 8883 with TLS, else 1883.", ge=0, le=65535)] = 0
    tls: Annotated[bool, Meta(description="Speak TLS, and believe only a broker whose certificate is good.")] = False
    ca_file: Annotated[
        str, Meta(description="Who signed the broker's certificate (PEM); empty: the system's list.")
    ] = ""
    cert_file: Annotated[str, Meta(description="This device's certificate (PEM), if the broker asks for one.")] = ""
    key_file: Annotated[str, Meta(description="Its private key (PEM, no passphrase), which others cannot read.")] = ""
    username: Annotated[str, Meta(description="Who this device is to the broker.")] = ""
    password_file: Annotated[str, Meta(description="File with the password, which others cannot read.")] = ""
    plain_password: Annotated[
        bool, Meta(description="Send the password to another machine without TLS, for everybody on the way to read.")
    ] = False
    topic: Annotated[
        str, Meta(description="First part of every topic.", pattern=r"^[^$+#/\x00][^+#/\x00]*(/[^+#/\x00]+)*$")
    ] = "sleevesight"
    discovery: Annotated[
        str,
        Meta(
            description="Home Assistant's discovery prefix; empty: it is told nothing.",
            pattern=r"^([^$+#/\x00][^+#/\x00]*(/[^+#/\x00]+)*)?$",
        ),
    ] = "homeassistant"
    keepalive_s: Annotated[int, Meta(description="How often an idle connection is tried, s.", ge=5, le=3600)] = 30


class WebhookConfig(Section, frozen=True):
    """Where the sink webhook posts visits to."""

    url: Annotated[str, Meta(description="https://…; it is no secret: the signature proves who sent what.")] = ""
    secret_file: Annotated[
        str, Meta(description="File with the signing secret (openssl rand -base64 32), which others cannot read.")
    ] = ""
    ca_file: Annotated[
        str, Meta(description="Who signed the receiver's certificate (PEM); empty: the system's list.")
    ] = ""
    plain: Annotated[bool, Meta(description="Allow http:// to another machine, for everybody on the way to read.")] = (
        False
    )
    timeout_s: Annotated[float, Meta(description="How long an answer may be silent, s.", gt=0, le=300)] = 10.0


class MetricsConfig(Section, frozen=True):
    """Where Prometheus finds the sink metrics."""

    host: Annotated[str, Meta(description="Address to listen on; other machines reach what is no loopback.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(description="Port of http://HOST:PORT/metrics.", ge=1, le=65535)] = 9464


class CollectionConfig(Section, frozen=True):
    """What the sink collection keeps (sleevesight collection)."""

    file: Annotated[
        str, Meta(description="SQLite file; empty: sleevesight/collection.sqlite in the user's data directory.")
    ] = ""


class DashboardConfig(Section, frozen=True):
    """The page to watch and correct with (sleevesight dashboard, or the sink dashboard)."""

    host: Annotated[str, Meta(description="Address to listen at; one that others can reach needs token_file.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(description="TCP port; 0: any that is free.", ge=0, le=65535)] = 8765
    token_file: Annotated[
        str, Meta(description="File with the password of the page, readable by you alone; empty: none is asked for.")
    ] = ""
    names: Annotated[
        list[str], Meta(description="Names that the page may be reached by, besides addresses and this machine's.")
    ] = field(default_factory=list)
    clients: Annotated[int, Meta(description="Pages open at once at most.", ge=1, le=1000)] = 64
    fps: Annotated[float, Meta(description="Live pictures a second at most.", gt=0)] = 18.0
    width: Annotated[int, Meta(description="Longer side of the live picture at most, px.", ge=160)] = 960
    quality: Annotated[int, Meta(description="JPEG quality of the live picture.", ge=1, le=100)] = 75


class LogConfig(Section, frozen=True):
    """What the processes say of themselves."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Least level that is shown.")] = (
        "info"
    )
    format: Annotated[Literal["auto", "json", "text"], Meta(description="auto: text on a terminal, else JSON.")] = (
        "auto"
    )
