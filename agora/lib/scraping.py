"""The text of `/metrics`: every process's tallies, and how things stand by the database, now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.utils.module_loading import import_string

from agora.lib import log
from agora.lib.metrics import Gauge, Reading, Source
from agora.metrics_sources import SOURCES

logger = log.get(__name__)
# Seconds: of one statement, and of all sources together. Prometheus gives up after ten.
READ_WITHIN, ALL_WITHIN = 1.0, 5.0

UP = Gauge(name="agora_source_up", help="1 if a source of figures could be read.", labels=("source",))
TOOK = Gauge(name="agora_source_seconds", help="How long reading a source took.", labels=("source",))
OWN = (UP, TOOK)


def sources() -> list[Source]:
    return [import_string(path) for path in SOURCES]


def exposition(*, now: datetime) -> bytes:
    """Prometheus' text format 0.0.4. What cannot be read is missing, and `agora_source_up` says so."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry(auto_describe=False)
    if settings.METRICS_DIR and Path(settings.METRICS_DIR).is_dir():
        MultiProcessCollector(registry, path=settings.METRICS_DIR)
    registry.register(_Standing(now))
    return bytes(generate_latest(registry))


class _Standing:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        found = sources()
        until = time.monotonic() + ALL_WITHIN
        readings = [reading for source in found for reading in _read(source, self._now, until)]
        for gauge in (*OWN, *(gauge for source in found for gauge in source.gauges)):
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for reading in readings:
                if reading.gauge is gauge:
                    family.add_metric(reading.labels, reading.value)
            yield family


def _read(source: Source, now: datetime, until: float) -> list[Reading]:
    """Its readings, none of them if one cannot be had, and how that went."""
    began = time.monotonic()
    if began > until:  # the others took it all
        return [UP.is_at(False, source=source.name)]
    try:
        with _looking():
            found = list(source.read(now=now))
        is_up = True
    except DatabaseError as trouble:
        logger.warning("metrics source failed", source=source.name, detail=str(trouble).strip())
        found, is_up = [], False
    return [
        *found,
        UP.is_at(is_up, source=source.name),
        TOOK.is_at(time.monotonic() - began, source=source.name),
    ]


@contextmanager
def _looking() -> Iterator[None]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(READ_WITHIN * 1000))])
        yield
