"""Prints every card that Sleevesight confirms. A whole sink in one file: it needs pyzmq and msgpack, nothing of ours.

    python print_cards.py                            # a system in the default run directory
    python print_cards.py ipc:///tmp/mine/results    # another one; `sleevesight topics` names its endpoints

What is on the wire is specified in docs/bus.md.
"""

import contextlib
import os
import sys
import tempfile

import msgpack
import zmq

VERSION = 1  # the version of docs/bus.md that this sink was written for


def default_endpoint() -> str:
    """Where the results are if nothing else is configured."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = f"{runtime}/sleevesight" if runtime else f"{tempfile.gettempdir()}/sleevesight-{os.getuid()}"
    return f"ipc://{folder}/results"


def main() -> None:
    """Connect, before or after the system starts, and print until Ctrl-C; a restart needs nothing from us."""
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.connect(sys.argv[1] if len(sys.argv) > 1 else default_endpoint())
    socket.subscribe(b"results")
    while True:
        _topic, header, *_blobs = socket.recv_multipart()
        message = msgpack.unpackb(header)
        if message["v"] > VERSION or message["type"] != "results":
            continue  # a newer version that we cannot read, or a goodbye ("bye")
        for visit in message["visits"]:  # one for each physical presence of a card: it begins once, and ends once
            if visit["event"] == "confirmed":
                where = f"{visit['set_name'] or ''} {visit['number'] or ''}"
                print(f"{visit['name']}  {where}  {visit['card_id']}", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
