"""Commands that look into a configuration or a running system: config, sinks, topics, tail."""

from __future__ import annotations

import argparse
import sys

from cli.numbers import counted


def config_show(arguments: argparse.Namespace) -> int:
    """The effective configuration as TOML, every key explained."""
    from actors.config import dump, load

    print(dump(load(arguments.config)), end="")
    return 0


def config_check(arguments: argparse.Namespace) -> int:
    """Whether the configuration can be used: keys, values, and the files that it names."""
    from actors.config import load
    from actors.usable import THINGS

    config = load(arguments.config)
    problems = []
    for key, thing in THINGS.items():
        try:
            thing(config)
        except ValueError as error:
            problems.append(f"{key}: {error}")
    for problem in problems:
        print(problem, file=sys.stderr)
    print("the configuration is good" if not problems else counted(len(problems), "problem"))
    return 1 if problems else 0


def sinks(arguments: argparse.Namespace) -> int:
    """The sinks that are installed."""
    del arguments
    from actors.sinks.base import available

    for name, entry in sorted(available().items()):
        print(f"{name:<12} {entry.value}")
    return 0


def topics(arguments: argparse.Namespace) -> int:
    """The topic table with the endpoints of this configuration."""
    from actors.config import load
    from bus.topics import TOPICS

    address = load(arguments.config).address
    row = "{:<11} {:<10} {:<19} {:>5} {:<7} {}"
    print(row.format("topic", "from", "to", "Hz", "policy", "endpoint"))
    for topic in TOPICS.values():
        readers = ",".join(topic.readers) or "anyone"
        endpoint = address.endpoint(topic, "<actor>")
        print(row.format(topic.name, topic.publisher, readers, f"{topic.rate_hz:g}", topic.policy, endpoint))
    return 0


def tail(arguments: argparse.Namespace) -> int:
    """The messages of a topic as JSON lines, as they come; blobs as their sizes."""
    import json

    import msgspec
    import zmq

    from actors.config import load
    from bus.sockets import Subscriber
    from bus.topics import HEARTBEAT, topic_named

    topic = topic_named(arguments.topic)
    address = load(arguments.config).address
    locks = sorted(address.run_dir.glob("heartbeat.*.lock")) if address.run_dir.is_dir() else []
    actors = [lock.name.removeprefix("heartbeat.").removesuffix(".lock") for lock in locks]
    if not actors:
        raise ValueError(f"nothing has run in {address.run_dir}: start `sleevesight up`, or name its --config")
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    heard = actors if topic is HEARTBEAT else [""]
    subscribers = [Subscriber(context, address, topic, actor, guest=True) for actor in heard]
    poller = zmq.Poller()
    for subscriber in subscribers:
        poller.register(subscriber.socket, zmq.POLLIN)
    left = arguments.count or float("inf")
    try:
        while left > 0:
            ready = dict(poller.poll())
            for subscriber in [one for one in subscribers if one.socket in ready]:
                for message, blobs in subscriber.drain():
                    line = msgspec.to_builtins(message) | ({"blobs": [blob.nbytes for blob in blobs]} if blobs else {})
                    print(json.dumps(line, ensure_ascii=False), flush=True)
                    left -= 1
                    if left <= 0:
                        return 0
    finally:
        for subscriber in subscribers:
            subscriber.close()
        context.term()
    return 0
