"""One trace an order, from the request that placed it to the block that settles it (ADR 0012).

An order's id *is* its trace's: 128 bits of which the last 62 are random, as W3C Trace Context asks. So no crash, no
webhook that comes days late and no rotation of anything can lose a trace, the console can link to it, and no column is
needed. The root span's id is the id's last 64 bits. Which span caused which task travels in the task's row
(agora/lib/events.py); whoever comes without one stands below the root.

Off (OTEL_EXPORTER_OTLP_ENDPOINT is empty) nothing is imported and nothing but log lines is bound. Spans carry ids,
statuses and servers, never what somebody wrote or is called. Nothing is a span that is not about an order: rates and
latencies are Prometheus' business.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import structlog
from django.conf import settings

Kind = Literal["INTERNAL", "SERVER", "CLIENT", "CONSUMER"]
NANO = 10**9
EXPORT_EVERY_MS = 1000  # what a kill -9 may cost
_ROOT = (1 << 64) - 1

_forced: ContextVar[tuple[int, int] | None] = ContextVar("forced ids", default=None)


@dataclass(slots=True)
class Request:
    """What a request that is being served did to orders: committed, not tried."""

    began: int = field(default_factory=time.time_ns)
    placed: list[UUID] = field(default_factory=list)
    touched: list[UUID] = field(default_factory=list)


_request: ContextVar[Request | None] = ContextVar("request", default=None)


def is_on() -> bool:
    return bool(settings.OTEL_EXPORTER_OTLP_ENDPOINT)


def trace_id_of(order_id: UUID) -> str:
    """As traces' viewers write it."""
    return order_id.hex


@contextmanager
def about(order_id: UUID | None) -> Iterator[None]:
    """What happens inside is about this order: log lines say so, and spans and tasks belong to its trace."""
    if order_id is None:
        yield
        return
    with structlog.contextvars.bound_contextvars(order=str(order_id), trace_id=trace_id_of(order_id)):
        if not is_on() or _current_trace() == order_id.int:
            yield
        else:
            with _in_context(order_id.int, order_id.int & _ROOT):
                yield


@contextmanager
def span(name: str, *, order_id: UUID | None = None, kind: Kind = "INTERNAL", **attributes: Any) -> Iterator[Any]:
    """A span around the block, in the trace of the order that it is about; yields it, or None where there is none.

    An attribute `http__route` is `http.route`. An exception leaves its class's name behind, and no words.
    """
    with about(order_id):
        if not is_on() or not _current_trace():
            yield None
            return
        from opentelemetry.trace import SpanKind, StatusCode

        started = _tracer().start_as_current_span(
            name,
            kind=SpanKind[kind],
            attributes=_named(attributes),
            record_exception=False,
            set_status_on_exception=False,
        )
        with started as made:
            try:
                yield made
            except BaseException as error:
                made.set_attribute("error.type", type(error).__name__)
                made.set_status(StatusCode.ERROR)
                raise


def record(name: str, *, order_id: UUID, since: datetime, until: datetime, **attributes: Any) -> None:
    """A span of the past, below the order's root: how long a row stood in a status."""
    if not is_on():
        return
    begin, end = (int(moment.timestamp() * NANO) for moment in (since, until))
    with _in_context(order_id.int, order_id.int & _ROOT):
        _tracer().start_span(name, start_time=begin, attributes=_named(attributes)).end(end_time=max(begin, end))


def carried() -> str:
    """The W3C traceparent of where we are, for a task's row; "" where nothing is traced."""
    if not is_on():
        return ""
    from opentelemetry import trace

    here = trace.get_current_span().get_span_context()
    return f"00-{here.trace_id:032x}-{here.span_id:016x}-01" if here.is_valid else ""


@contextmanager
def resumed(traceparent: str) -> Iterator[None]:
    """What happens inside was caused by the span that wrote this. Without one: nothing is known."""
    parts = traceparent.split("-")
    if len(parts) != 4:
        yield
        return
    trace_id, span_id = int(parts[1], 16), int(parts[2], 16)
    with ExitStack() as stack:
        order = structlog.contextvars.bound_contextvars(order=str(UUID(int=trace_id)), trace_id=parts[1])
        stack.enter_context(order)
        if is_on():
            stack.enter_context(_in_context(trace_id, span_id))
        yield


# --- Requests: which order they are about is known when they are over -----------------------------------------------


@contextmanager
def request() -> Iterator[Request]:
    made = Request()
    token = _request.set(made)
    try:
        yield made
    finally:
        _request.reset(token)


def moved(order_id: UUID, *, is_new: bool, at: datetime) -> None:
    """An order's row, or one of its parts, moved, and that is committed."""
    if not is_on():
        return
    here = _request.get()
    if here is not None:
        (here.placed if is_new else here.touched).append(order_id)
    elif is_new:  # placed by a command: its root is the moment itself
        moment = int(at.timestamp() * NANO)
        _root("order placed", order_id, begin=moment, end=moment)


def served(done: Request, *, name: str, **attributes: Any) -> None:
    """The request is over: a span in the trace of each order that it moved, the root of those that it placed."""
    for order_id in done.placed:
        _root(name, order_id, begin=done.began, end=time.time_ns(), **attributes)
    for order_id in {*done.touched} - {*done.placed}:
        from opentelemetry.trace import SpanKind

        with _in_context(order_id.int, order_id.int & _ROOT):
            made = _tracer().start_span(
                name, kind=SpanKind.SERVER, start_time=done.began, attributes=_named(attributes)
            )
            made.end()


def _root(name: str, order_id: UUID, *, begin: int, end: int, **attributes: Any) -> None:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind

    token = _forced.set((order_id.int, order_id.int & _ROOT))
    try:
        made = _tracer().start_span(
            name, context=Context(), kind=SpanKind.SERVER, start_time=begin, attributes=_named(attributes)
        )
    finally:
        _forced.reset(token)
    made.end(end_time=end)


# --- The library, loaded when the first span is made ----------------------------------------------------------------


def _current_trace() -> int:
    """0 outside any trace."""
    from opentelemetry import trace

    return trace.get_current_span().get_span_context().trace_id


@contextmanager
def _in_context(trace_id: int, span_id: int) -> Iterator[None]:
    from opentelemetry import context, trace

    parent = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(1))
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(parent), context.Context()))
    try:
        yield
    finally:
        context.detach(token)


@functools.cache
def _tracer() -> Any:
    """Spans go out in batches, from a thread that a fork starts anew; a collector that is away costs them, no more."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    class Ids(RandomIdGenerator):
        """Random ones, but for an order's root."""

        def generate_trace_id(self) -> int:
            forced = _forced.get()
            return forced[0] if forced else super().generate_trace_id()

        def generate_span_id(self) -> int:
            forced = _forced.get()
            return forced[1] if forced else super().generate_span_id()

    name = {"service.name": f"agora-{_process()}", "deployment.environment.name": settings.AGORA_MODE}
    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource(name), id_generator=Ids())
    exporter = OTLPSpanExporter(f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_EVERY_MS))
    return provider.get_tracer("agora")


def _process() -> str:
    """web, worker, follow …: manage.py's command, or the server that loaded us."""
    is_command = sys.argv[0].endswith("manage.py") and len(sys.argv) > 1
    return sys.argv[1] if is_command else "web"


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in attributes.items() if value is not None}
