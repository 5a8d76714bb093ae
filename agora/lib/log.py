"""Structured logs: one JSON line a fact (or a readable one on a terminal). Ids only, never a name, tax id or key."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import FilteringBoundLogger


def get(name: str) -> FilteringBoundLogger:
    return structlog.get_logger(name)  # type: ignore[no-any-return]


def hide_path(record: logging.LogRecord) -> bool:
    """Django logs the path of a request that failed: what is typed into one may be anybody's name or number."""
    request = getattr(record, "request", None)
    if request is not None and isinstance(record.args, tuple) and request.path in record.args:
        match = request.resolver_match
        route = match.route if match else "a path that is not ours"
        record.args = tuple(route if arg == request.path else arg for arg in record.args)
    return True


def configure(*, form: str, level: str) -> None:
    """Send structlog's and the standard library's records to standard error, as `json` or for a `console`."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.addFilter(hide_path)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
