"""The one place where a status changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from agora.lib import events, log, prepared, tracing
from agora.lib.metrics import MOVES, ORDER_AGES
from agora.lib.statemachine import Stateful

logger = log.get(__name__)


class IllegalMove(Exception):
    """The table of allowed moves has no such step. Nothing was written."""


def start(
    row: Any, *, actor: str, reason: str = "", data: dict[str, Any] | None = None, now: datetime, unless: str = ""
) -> bool:
    """Insert a new row in its initial status, with its first event, in the open transaction.

    `unless`: a unique constraint; where a row of the same values stands, nothing is written and the answer is False.
    """
    row.version = 1
    row.created_at = row.updated_at = now
    if not prepared.insert(row, unless=unless):
        return False
    _write_event(row, before="", since=now, actor=actor, reason=reason, data=data, now=now)
    return True


def apply(
    row: Any,
    *,
    to: str,
    actor: str,
    reason: str = "",
    data: dict[str, Any] | None = None,
    now: datetime,
    fields: tuple[str, ...] = (),
) -> None:
    """Move a row, which the caller has locked, to a status; save `fields` of it too; queue what comes next.

    Raises IllegalMove when the step is not in the row's MOVES.
    """
    before, since = row.status, row.updated_at
    if to not in row.MOVES.get(before, frozenset()):
        raise IllegalMove(f"{type(row).__name__} {row.pk}: {before} → {to}")
    row.status = to
    row.version += 1
    row.attempts = 0
    row.updated_at = now
    row.save(update_fields=["status", "version", "attempts", "next_attempt_at", "updated_at", *fields])
    _write_event(row, before=before, since=since, actor=actor, reason=reason, data=data, now=now)


def _write_event(
    row: Stateful, *, before: str, since: datetime, actor: str, reason: str, data: dict[str, Any] | None, now: datetime
) -> None:
    status = str(row.status)  # type: ignore[attr-defined]
    events_of_row = row.events  # type: ignore[attr-defined]
    move = events_of_row.model(
        **{events_of_row.field.name: row},
        sequence=row.version,
        from_status=before,
        to_status=status,
        actor=actor,
        reason=reason,
        data=data or {},
        at=now,
    )
    prepared.insert(move)
    if status in row.EMITS:
        events.emit(row.EMITS[status], row.pk, order_id=row.about_order)
    events.announce(row, move)
    seen = _Move(row, before, status, since, now, actor, reason)
    transaction.on_commit(seen.tell, robust=True)  # what is rolled back, or tried again, was no move


class _Move:
    """A committed move, as logs, metrics and traces are told of it. Only what people wrote is left out."""

    def __init__(
        self, row: Stateful, before: str, after: str, since: datetime, now: datetime, actor: str, reason: str
    ) -> None:
        self.kind, self.row_id, self.created_at = type(row).__name__, str(row.pk), row.created_at
        self.order_id = row.about_order
        self.before, self.after, self.since, self.now = before, after, since, now
        self.actor = actor
        # A part of ours or a vendor gives the reason then; elsewhere it may be what staff or an identity check wrote.
        self.reason = reason if self.order_id and ":" not in actor else ""

    def tell(self) -> None:
        stood = max(0.0, (self.now - self.since).total_seconds())
        with tracing.about(self.order_id):
            logger.info(
                "moved", row=self.kind, id=self.row_id, before=self.before or None, to=self.after, actor=self.actor,
                reason=self.reason, stood=round(stood, 3),
            )  # fmt: skip
        MOVES.observe(stood, row=self.kind, before=self.before, after=self.after)
        if self.order_id is None:
            return
        is_order = self.row_id == str(self.order_id)
        if is_order:
            ORDER_AGES.observe(max(0.0, (self.now - self.created_at).total_seconds()), status=self.after)
        tracing.moved(self.order_id, is_new=is_order and not self.before, at=self.now)
        tracing.record(
            f"{self.kind} {self.after}", order_id=self.order_id, since=self.since, until=self.now,
            agora__row=self.row_id, agora__before=self.before, agora__after=self.after, agora__actor=self.actor,
        )  # fmt: skip
