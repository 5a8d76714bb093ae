"""The one place where a status changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from agora.lib import events, log, prepared
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
    _write_event(row, before="", actor=actor, reason=reason, data=data, now=now)
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
    before = row.status
    if to not in row.MOVES.get(before, frozenset()):
        raise IllegalMove(f"{type(row).__name__} {row.pk}: {before} → {to}")
    row.status = to
    row.version += 1
    row.attempts = 0
    row.updated_at = now
    row.save(update_fields=["status", "version", "attempts", "next_attempt_at", "updated_at", *fields])
    _write_event(row, before=before, actor=actor, reason=reason, data=data, now=now)


def _write_event(
    row: Stateful, *, before: str, actor: str, reason: str, data: dict[str, Any] | None, now: datetime
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
        events.emit(row.EMITS[status], row.pk)
    events.announce(row, move)
    logger.info(
        "moved", row=type(row).__name__, id=str(row.pk), before=before or None, to=status, actor=actor, reason=reason
    )
