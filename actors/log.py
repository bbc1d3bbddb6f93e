"""Logs: structlog, JSON lines in a service, readable on a terminal; always on standard error."""

from __future__ import annotations

import logging
import sys

from actors.sections import LogConfig
from bus.log import structlog


def configure(config: LogConfig) -> None:
    """Set level and form for this process."""
    as_json = config.format == "json" or (config.format == "auto" and not sys.stderr.isatty())
    renderers: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[config.level.upper()]),
        # One write a line: what several processes print to one terminal must not run into each other.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
