"""sink: a process around one sink, so that a sink that crashes or blocks harms nothing but itself."""

from __future__ import annotations

from collections.abc import Callable

from actors.config import Config
from actors.sinks.base import Sink, find, load
from bus.actor import Actor, Bus
from bus.messages import Results
from bus.topics import RESULTS


class SinkActor(Actor):
    """Feeds the results to the sink of a name (`sink.console` runs the sink `console`)."""

    inputs = (RESULTS,)
    ends_with = (RESULTS,)

    def __init__(self, bus: Bus, config: Config, sink: str) -> None:
        super().__init__(bus)
        self.name = f"sink.{sink}"
        self._config = config
        self._sink_name = sink
        self._sink: Sink | None = None

    def start(self) -> None:
        """Make the sink."""
        self._sink = load(self._sink_name, self._config)

    def on_results(self, results: Results, _blobs: object) -> None:
        """Hand the frame on."""
        assert self._sink is not None
        self.bus.counts["frames"] += not results.closing
        self._sink.results(results)

    def close(self) -> None:
        """Let the sink finish."""
        if self._sink is not None:
            self._sink.close()


def make_sink(bus: Bus, config: Config, name: str) -> Actor:
    """The process `sink.NAME`: an actor as it is, any other sink within a SinkActor. ValueError if there is none."""
    sink = name.removeprefix("sink.")
    kind = find(sink).load()
    if not (isinstance(kind, type) and issubclass(kind, Actor)):
        return SinkActor(bus, config, sink)
    made: Callable[[Bus, Config], Actor] = kind
    actor = made(bus, config)
    actor.name = name
    return actor
