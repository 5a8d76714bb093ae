"""The outbox: an event is a row of the task queue, inserted in the transaction that made it true (DESIGN §1).

Commit, and the task will run at least once; roll back, and it never existed. Tasks are nudges: they take one id, read
the row and do nothing when the step is done, so a lost or doubled one costs seconds, never an order.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.module_loading import import_string
from django_q.signals import pre_enqueue
from django_q.tasks import async_task

from agora.lib import tracing
from agora.pipeline import ANNOUNCERS, EVENTS


def emit(event: str, subject_id: UUID | str, *, order_id: UUID | None = None) -> None:
    """Queue the tasks of `event` for one row, in the open transaction. KeyError: not in agora/pipeline.py.

    `order_id`: in whose trace they are; without it, in the one where we are.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"emit({event!r}) outside a transaction: the event would not be atomic with its cause")
    with tracing.about(order_id):
        for path in EVENTS[event]:
            async_task(path, str(subject_id), group=event)


def _carry(*, task: dict[str, Any], **_: Any) -> None:
    """Which span caused it goes into the row; a worker that knows nothing of traces does not mind."""
    if traceparent := tracing.carried():
        task["traceparent"] = traceparent


pre_enqueue.connect(_carry)  # django-q2's only way to add to a task's row


def announce(row: Any, move: Any) -> None:
    """Publish a move, in the transaction that makes it, if outsiders are told of such rows."""
    path = ANNOUNCERS.get(row._meta.label)
    if path:
        import_string(path)(row=row, move=move)
