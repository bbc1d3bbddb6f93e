"""A toy actor in a process of its own: reads FRAME, answers TRACKS.

`python toy.py RUN_DIR [hang|fail|lossless|all|beats]`
"""

import sys
import time
from pathlib import Path
from typing import ClassVar

from bus.actor import ROUND_S, Actor
from bus.loop import ActorFailed, Loop
from bus.messages import Bye, Frame, Heartbeat, Tracks
from bus.sockets import Address
from bus.topics import FRAME, HEARTBEAT, TRACKS, Topic


class Toy(Actor):
    """Answers every frame; does what its mode says when frame 13 comes."""

    name = "toy"
    inputs = (FRAME,)
    ends_with = (FRAME,)
    mode = ""
    actors: ClassVar[set[str]] = set()

    @property
    def outputs(self) -> tuple[Topic, ...]:
        return (TRACKS,)

    def on_heartbeat(self, message: Heartbeat, _blobs: object) -> None:
        self.actors.add(message.actor)
        self.bus.counts["actors"] = len(self.actors)

    def on_frame(self, message: Frame | Bye, _blobs: object) -> None:
        if isinstance(message, Bye):
            self.bus.counts["byes"] += 1
            return
        self.bus.counts["frames"] += 1
        if message.frame == 13 and self.mode == "hang":
            time.sleep(3600)
        if message.frame == 13 and self.mode == "fail":
            raise ValueError("the lens cap is on")
        if message.frame in (17, 18):
            self.bus.may_take(60.0 if message.frame == 17 else ROUND_S)
        if message.frame == 7:
            time.sleep(0.3)  # a busy moment, during which frames pile up
        self.bus.publish(TRACKS, Tracks(stream=message.stream, frame=message.frame, t_ns=message.t_ns, tracks=[]))


if __name__ == "__main__":
    Toy.mode = sys.argv[2] if len(sys.argv) > 2 else ""
    Toy.takes_all = Toy.mode == "all"
    if Toy.mode == "beats":
        Toy.inputs = (FRAME, HEARTBEAT)
        Toy.peers = (*Toy.peers, "sink.own")
    import bus.loop

    if Toy.mode == "hang":  # a second is nothing on a busy machine: the others must not die of it
        bus.loop.HANG_DEADLINE_S = 1
    try:
        Loop(lambda loop: Toy(loop), "toy", Address(Path(sys.argv[1])), lossless=Toy.mode == "lossless").run()
    except ActorFailed as failure:
        print(failure, file=sys.stderr)
        sys.exit(1)
