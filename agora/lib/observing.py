"""Watching requests and tasks go by: their tallies, and their spans where they are about an order."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.http import HttpRequest, HttpResponse

from agora.lib import tracing
from agora.lib.metrics import REQUESTS, TASKS

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})  # anybody may invent others

_task: ExitStack | None = None  # of the one that this worker runs; a worker has one thread
_task_began = 0.0


class RequestMiddleware:
    """Outside all others, so that what they take counts. A route is our own pattern, never what was typed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.monotonic()
        with tracing.request() as served:
            response = self.get_response(request)
        match = request.resolver_match
        method = request.method if request.method in METHODS else "OTHER"
        route = match.route if match else "none"
        REQUESTS.observe(time.monotonic() - began, method=method, route=route, status=str(response.status_code))
        tracing.served(
            served,
            name=f"{method} {route}",
            http__request__method=method,
            http__route=route,
            http__response__status_code=response.status_code,
        )
        return response


def task_begins(task: dict[str, Any]) -> None:
    """In the worker, before it runs a task."""
    global _task, _task_began
    _task_began = time.monotonic()
    _task = ExitStack()
    _task.enter_context(tracing.resumed(task.get("traceparent", "")))
    _task.enter_context(tracing.span(f"task {task['func']}", kind="CONSUMER", messaging__message__id=task["id"]))


def task_ended(task: dict[str, Any]) -> None:
    """In the worker, after it."""
    global _task
    outcome = "ok" if task.get("success") else "failed"
    TASKS.observe(time.monotonic() - _task_began, task=str(task["func"]), outcome=outcome)
    if _task is not None:
        _task.close()
        _task = None
