"""Who is there, as the heartbeats say: a stream begins when everybody listens.

A publisher sends only to those who have subscribed, and a reader that comes later sees no gap: what was sent before is
lost without being counted by anyone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import zmq

from actors.launcher import Launcher
from bus.messages import Heartbeat
from bus.sockets import Address, Subscriber
from bus.topics import HEARTBEAT, PIPELINE, SINK_READS, TOPICS, Topic

START_S = 10.0
"""Whoever is not ready by then holds nobody up any more: a broken sink is no reason to show nothing."""
_NOBODY: Mapping[str, int] = MappingProxyType({})


class RollCall:
    """Hears the heartbeats of some actors."""

    def __init__(self, context: zmq.Context[Any], address: Address, actors: Sequence[str]) -> None:
        self.subscribers = [Subscriber(context, address, HEARTBEAT, actor) for actor in actors]
        self.heartbeats: dict[tuple[str, str], Heartbeat] = {}
        """The last heartbeat of every life of every actor."""
        self.readied: dict[tuple[str, str], Heartbeat] = {}
        """The first of every life that said ready."""

    def hear(self) -> None:
        """Take in what has come."""
        for subscriber in self.subscribers:
            for beat, _ in subscriber.drain():
                if isinstance(beat, Heartbeat):
                    self.heartbeats[beat.actor, beat.session] = beat
                    if beat.state == "ready":
                        self.readied.setdefault((beat.actor, beat.session), beat)

    def ready(self, actors: Sequence[str], others: Mapping[str, int] = _NOBODY) -> bool:
        """Whether these actors are ready and hear each other; `others` is how many readers a topic has besides."""
        beats = {beat.actor: beat for beat in self.heartbeats.values()}
        heard: Counter[str] = Counter()
        for beat in beats.values():
            heard.update(beat.subscribers)
        roles = [actor.partition(".")[0] for actor in actors]
        return all(actor in beats and beats[actor].state == "ready" for actor in actors) and all(
            heard[topic.name] >= sum(_reads(actor, topic) for actor in actors) + others.get(topic.name, 0)
            for topic in TOPICS.values()
            if topic.publisher in roles
        )

    def close(self) -> None:
        """Stop listening."""
        for subscriber in self.subscribers:
            subscriber.close()


def _reads(actor: str, topic: Topic) -> bool:
    return topic in SINK_READS[actor] if actor in SINK_READS else actor.partition(".")[0] in topic.readers


def begin(
    launcher: Launcher, address: Address, sinks: Sequence[str], stop: Callable[[], bool], patience_s: float = START_S
) -> None:
    """Start everybody, and capture once the others are ready, or after `patience_s`."""
    others = [*sinks, *(actor for actor in reversed(PIPELINE) if actor != "capture")]
    launcher.start(*others)
    context: zmq.Context[Any] = zmq.Context()
    roll = RollCall(context, address, others)
    poller = zmq.Poller()
    for subscriber in roll.subscribers:
        poller.register(subscriber.socket, zmq.POLLIN)
    deadline = time.monotonic() + patience_s
    try:
        while launcher.failed is None and not stop() and not roll.ready(others) and time.monotonic() < deadline:
            poller.poll(100)
            roll.hear()
            launcher.step()
    finally:
        roll.close()
        context.term()
    if launcher.failed is None and not stop():
        launcher.start("capture")
