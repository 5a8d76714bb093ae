"""Looking after differences: who does, and what they turned out to be."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from accounts.services import record_audit
from agora.lib.db import serializable
from reserves.errors import BreakRefused
from reserves.models import Break, BreakNote
from reserves.services.reconciling import STOPPING
from reserves.states import BreakAction

if TYPE_CHECKING:
    from accounts.models import User


@serializable
def assign_break(*, break_id: int, owner: User, actor: User, reason: str, now: datetime) -> BreakNote:
    """Make a difference somebody's. Raises BreakRefused."""
    row = _unresolved(break_id, reason)
    note = BreakNote.objects.create(
        subject=row, action=BreakAction.ASSIGNED, owner=owner.get_username(), actor=actor, reason=reason, at=now
    )
    _record(row, "assign", actor, after={"owner": f"staff:{owner.pk}"}, reason=reason, now=now)
    return note


@serializable
def note_break(*, break_id: int, actor: User, reason: str, now: datetime) -> BreakNote:
    """Write down what was found out about a difference. Raises BreakRefused."""
    row = _unresolved(break_id, reason)
    note = BreakNote.objects.create(subject=row, action=BreakAction.NOTED, actor=actor, reason=reason, at=now)
    _record(row, "note", actor, after={}, reason=reason, now=now)
    return note


@serializable
def resolve_break(*, break_id: int, actor: User, reason: str, now: datetime) -> BreakNote:
    """Say what a difference was, once. One that is still there is closed only if minting may go on with it; then the
    same quantity is taken as explained and not opened again. Holds are released apart from this. Raises BreakRefused.
    """
    row = _unresolved(break_id, reason)
    if refusal := resolve_refusal(row=row):
        raise BreakRefused(refusal)
    note = BreakNote.objects.create(
        subject=row,
        action=BreakAction.RESOLVED,
        quantity=row.quantity if row.closed_at is None else Decimal(0),
        actor=actor,
        reason=reason,
        at=now,
    )
    if row.closed_at is None:
        row.closed_at = now
        row.save(update_fields=["closed_at"])
    _record(row, "resolve", actor, after={"explained": str(note.quantity)}, reason=reason, now=now)
    return note


def resolve_refusal(*, row: Break) -> str:
    """Why it cannot be resolved now; "": it can."""
    if row.closed_at is None and row.kind in STOPPING:
        return "This difference is still there: it closes when a comparison no longer finds it."
    return attend_refusal(row=row)


def attend_refusal(*, row: Break) -> str:
    """Why nobody looks after it any more; "": they do."""
    is_resolved = row.notes.filter(action=BreakAction.RESOLVED).exists()
    return "This difference is resolved already." if is_resolved else ""


def _record(row: Break, act: str, actor: User, *, after: dict[str, str], reason: str, now: datetime) -> None:
    record_audit(
        actor=f"staff:{actor.pk}",
        action=f"break.{act}",
        subject=f"break:{row.pk}",
        before={"kind": row.kind, "quantity": str(row.quantity)},
        after=after,
        reason=reason,
        now=now,
    )


def _unresolved(break_id: int, reason: str) -> Break:
    row = Break.objects.select_for_update().filter(pk=break_id).first()
    if row is None:
        raise BreakRefused("There is no such difference.")
    if not reason.strip():
        raise BreakRefused("Say why: it is kept with the difference.")
    if refusal := attend_refusal(row=row):
        raise BreakRefused(refusal)
    return row
