"""The jsonl sink: one JSON object a line for every frame and every visit, in the form of docs/events.md."""

from __future__ import annotations

import json
from pathlib import Path

from actors.config import Config
from actors.events import Beginning, frame_event, visit_event
from bus.messages import Results


class JsonlSink:
    """Appends to `[sinks] jsonl`; every line is whole, also when the process is killed."""

    def __init__(self, config: Config) -> None:
        path = Path(config.sinks.jsonl).expanduser()
        try:
            # Unbuffered: one write for a frame, so that no kill can come in the middle of a line.
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise ValueError(
                f"[sinks] jsonl = {path}: {error.strerror}; name a file in a folder that exists and can be written to"
            ) from None
        self._beginning = Beginning()

    def results(self, results: Results) -> None:
        """Write the frame, then the visits that it confirmed or ended."""
        start_ns = self._beginning.of(results)
        lines = [] if results.closing else [frame_event(results, start_ns)]
        lines += [{"visit": visit_event(visit, start_ns)} for visit in results.visits]
        self._file.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
