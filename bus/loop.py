"""The work loop of an actor's process: sockets, heartbeats, signals, the dead-man, and an orderly end.

One thread polls everything. It is the lowest latency that Python offers over ZeroMQ (docs/decisions/001), and a hang
anywhere shows, because the heartbeat comes from the same loop.
"""

from __future__ import annotations

import contextlib
import faulthandler
import math
import os
import resource
import secrets
import signal
import socket
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

import zmq

from bus.actor import ROUND_S, Actor
from bus.clock import Clock, SystemClock
from bus.heap import give_back
from bus.log import get_logger
from bus.messages import Bye, Heartbeat, Message
from bus.sockets import Address, Publisher, Subscriber
from bus.topics import HEARTBEAT, Topic

if TYPE_CHECKING:
    from bus.ring import Frames

HEARTBEAT_MS = 200.0
SLACK_S = 0.6
"""A heartbeat is later than a round of work may take by the time between two of them, and by what the system costs."""
HANG_DEADLINE_S = 10
"""A round that takes so much longer than it may hangs in native code, and nobody watches: dump the stacks and die."""
STOP_DEADLINE_MS = 3000.0
LAST_WORDS_MS = 300.0
"""How long a stopped actor waits for the goodbye of the one before it, behind which nothing is on its way any more."""

log = get_logger("loop")


class ActorFailed(Exception):
    """An actor that had started well failed at its work: starting it again may help."""


class Loop:
    """Runs one actor until its input ends, a signal comes, or it ends by itself. It is the actor's `Bus`.

    A `guest` listens to a system that does not know of it (`bus.sockets.Subscriber`).
    """

    def __init__(
        self,
        actor: Callable[[Loop], Actor],
        name: str,
        address: Address,
        *,
        lossless: bool = False,
        guest: bool = False,
        deadman: bool = True,
    ) -> None:
        address.prepare()
        self.clock: Clock = SystemClock()
        self.address = address
        self.session = secrets.token_hex(4)
        self.counts: Counter[str] = Counter()
        self.drops: Counter[str] = Counter()
        self._guest = guest
        self._deadman = deadman
        self._context = zmq.Context()
        self._poller = zmq.Poller()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._state: Literal["starting", "ready", "stopping"] = "starting"
        self._started_ns = self.clock.now_ns()
        self._last_in_ns = self._last_out_ns = 0
        self._work_ms: deque[float] = deque(maxlen=256)
        self._byes: set[str] = set()
        self._gone: set[str] = set()
        self._stop = False
        self._round_s = ROUND_S
        self._next_beat_ns = 0
        self._actor = actor(self)
        self._lossless = lossless or self._actor.takes_all
        self._heartbeat = self._publisher(HEARTBEAT, name)
        self._publishers = {topic.name: self._publisher(topic, name) for topic in self._actor.outputs}
        self._subscribers = [
            self._subscriber(topic, publisher)
            for topic in self._actor.inputs
            for publisher in (self._actor.peers if topic is HEARTBEAT else (topic.publisher,))
        ]

    # What the actor uses.

    def publish(self, topic: Topic, message: Message, blobs: Sequence[Any] = ()) -> None:
        """Send a message to whoever reads the topic."""
        self._publishers[topic.name].send(message, blobs)
        self._last_out_ns = self.clock.now_ns()

    def subscribers(self, topic: Topic) -> int:
        """How many readers a topic of this actor has right now."""
        return self._publishers[topic.name].subscribers

    def losses(self) -> Counter[str]:
        """The actor's own, and those of its sockets, by topic and reason."""
        drops = Counter(self.drops)
        ends: list[Subscriber | Publisher] = [*self._subscribers, *self._publishers.values(), self._heartbeat]
        for one in ends:
            drops.update({f"{one.topic.name}.{reason}": count for reason, count in one.drops.items()})
        return drops

    def may_take(self, seconds: float) -> None:
        """From now on a round of work may take so long (until then ROUND_S), which the heartbeat says at once."""
        if seconds != self._round_s:
            self._round_s = seconds
            self._beat()

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call back from the loop whenever a file descriptor is readable."""
        self._poller.register(fd, zmq.POLLIN)
        self._callbacks[fd] = callback

    def ring(self) -> Frames:
        """A reader of the frame ring."""
        from bus.ring import RingReader  # noqa: PLC0415 - and numpy with it, which sinks do without

        return RingReader(self.address.ring, self.clock)

    # The life of the process.

    def run(self) -> None:
        """Start the actor, work until the end, stop in order."""
        self._on_signals()
        if self._deadman:
            faulthandler.dump_traceback_later(self._actor.start_deadline_s, exit=True)
        try:
            self._beat()
            self._actor.start()
            give_back()
            self._state = "ready"
            log.info("ready", actor=self._actor.name, detail=self._actor.detail)
            try:
                self._work()
                self._end()
            except (ValueError, RuntimeError, OSError) as error:
                log.exception("failed at work", actor=self._actor.name)
                raise ActorFailed(f"{self._actor.name}: {error}") from error
        finally:
            if self._deadman:  # a thread that hangs in native code would keep the interpreter from exiting
                faulthandler.dump_traceback_later(HANG_DEADLINE_S, exit=True)
            self._actor.close()
            publishers = [*self._publishers.values(), self._heartbeat]
            for publisher in publishers:
                publisher.close()
            for subscriber in self._subscribers:
                subscriber.close()
            self._context.term()
            for publisher in publishers:
                publisher.release()

    def _work(self) -> None:
        wish: float | None = 0.0
        leaving_since = 0
        self._beat()
        while True:
            until_beat = (self._next_beat_ns - self.clock.now_ns()) / 1e6
            self._round(until_beat if wish is None else min(wish, until_beat))
            begun = self.clock.now_ns()
            wish = self._actor.step()
            if self._leaving():
                leaving_since = leaving_since or begun
                since_ms = (begun - leaving_since) / 1e6
                heard_all = not self._stop or self._upstream_gone() or since_ms > LAST_WORDS_MS
                if (heard_all and self._actor.settled()) or since_ms > STOP_DEADLINE_MS:
                    return
                wish = min(wish if wish is not None else 20.0, 20.0)

    def _upstream_gone(self) -> bool:
        """Whether whoever is listened to has said goodbye: then nothing is on its way any more."""
        return all(topic.name in self._gone for topic in self._actor.ends_with)

    def _leaving(self) -> bool:
        ends_with = self._actor.ends_with
        upstream_over = bool(ends_with) and all(topic.name in self._byes for topic in ends_with)
        return self._stop or self._actor.ended or upstream_over

    def _round(self, timeout_ms: float) -> None:
        """Wait for something to do and hand over everything that waits."""
        ready = dict(self._poller.poll(math.ceil(max(0.0, timeout_ms))))
        begun = self.clock.now_ns()
        news = [one.hear() for one in (*self._publishers.values(), self._heartbeat) if one.socket in ready]
        # Before the work: whoever has stood still has much to do now, and says that he goes on. And whoever waits for
        # readers to arrive, or just arrived, learns it at once.
        if begun >= self._next_beat_ns or any(news):
            self._beat()
        for fd in [fd for fd in self._callbacks if fd in ready]:
            self._callbacks[fd]()
        received = False
        for subscriber in self._subscribers:
            if subscriber.socket in ready:
                received |= self._take(subscriber)
        if received:
            self._last_in_ns = begun
            self._work_ms.append((self.clock.now_ns() - begun) / 1e6)

    def _take(self, subscriber: Subscriber) -> bool:
        topic = subscriber.topic
        waiting: list[tuple[Message, list[memoryview]]] = []
        for message, blobs in subscriber.drain():
            if isinstance(message, Bye):
                self._gone.add(topic.name)
                if message.final:
                    self._byes.add(topic.name)
                if self._actor.takes_all:
                    waiting.append((message, blobs))
            else:
                self._byes.discard(topic.name)  # the publisher is back with a new stream
                self._gone.discard(topic.name)
                waiting.append((message, blobs))
        if topic.policy == "latest" and not self._lossless and len(waiting) > 1:
            subscriber.drops["stale"] += len(waiting) - 1
            del waiting[:-1]
        for message, blobs in waiting:
            self.counts[f"{topic.name}_in"] += 1
            self._actor.receive(topic, message, blobs)
        return bool(waiting)

    def _end(self) -> None:
        """Publish what is held, say goodbye on every topic, and report the last counts."""
        final = not self._stop or self._actor.ended
        self._state = "stopping"
        self._beat()  # what `finish` still has to write may take longer than from one heartbeat to the next
        self._actor.finish()
        for topic in self._actor.outputs:
            self.publish(topic, Bye(final=final, reason=self._actor.detail, frames=self.counts["frames"]))
        self._beat()
        log.info("stopped", actor=self._actor.name, **self.counts, drops=dict(self.losses()))

    def _beat(self) -> None:
        self._next_beat_ns = self.clock.now_ns() + round(HEARTBEAT_MS * 1e6)
        if self._deadman and self._state == "ready":
            faulthandler.dump_traceback_later(HANG_DEADLINE_S + self._round_s, exit=True)
        durations = sorted(self._work_ms)
        self._heartbeat.send(
            Heartbeat(
                actor=self._actor.name,
                pid=os.getpid(),
                t_ns=self.clock.now_ns(),
                state=self._state,
                started_ns=self._started_ns,
                last_in_ns=self._last_in_ns,
                last_out_ns=self._last_out_ns,
                counts=dict(self.counts),
                drops=dict(self.losses()),
                subscribers={name: publisher.subscribers for name, publisher in self._publishers.items()},
                queue=self._actor.queue(),
                p95_ms=durations[int(len(durations) * 0.95)] if durations else 0.0,
                rss_bytes=_rss_bytes(),
                start_deadline_s=self._actor.start_deadline_s,
                next_s=self._round_s + SLACK_S,
                live=self._actor.live,
                detail=self._actor.detail,
                temperature_c=self._actor.temperature_c,
            )
        )

    def _publisher(self, topic: Topic, name: str) -> Publisher:
        publisher = Publisher(self._context, self.address, topic, name, self.session)
        self._poller.register(publisher.socket, zmq.POLLIN)
        return publisher

    def _subscriber(self, topic: Topic, publisher: str) -> Subscriber:
        subscriber = Subscriber(self._context, self.address, topic, publisher, guest=self._guest)
        self._poller.register(subscriber.socket, zmq.POLLIN)
        return subscriber

    def _on_signals(self) -> None:
        """SIGTERM and SIGINT end the loop in order; the pipe wakes the poll up at once."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._wakeup = (reader, writer)

        def stop(_number: int, _frame: FrameType | None) -> None:
            self._stop = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)

        def swallow() -> None:
            with contextlib.suppress(BlockingIOError):
                reader.recv(64)

        self.watch(reader.fileno(), swallow)


def _rss_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
