"""Looking after differences: who does, and what they turned out to be."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from agora.lib import log
from agora.lib.db import serializable
from reserves.errors import BreakRefused
from reserves.models import Break, BreakNote
from reserves.services.reconciling import STOPPING
from reserves.states import BreakAction

if TYPE_CHECKING:
    from accounts.models import User

logger = log.get(__name__)


@serializable
def assign_break(*, break_id: int, owner: User, actor: User, reason: str, now: datetime) -> BreakNote:
    """Make a difference somebody's. Raises BreakRefused."""
    row = _unresolved(break_id, reason)
    note = BreakNote.objects.create(
        subject=row, action=BreakAction.ASSIGNED, owner=owner.get_username(), actor=actor, reason=reason, at=now
    )
    logger.info("break assigned", id=row.pk, owner=owner.pk, actor=actor.pk)
    return note


@serializable
def resolve_break(*, break_id: int, actor: User, reason: str, now: datetime) -> BreakNote:
    """Say what a difference was, once. One that is still there is closed only if minting may go on with it; then the
    same quantity is taken as explained and not opened again. Holds are released apart from this. Raises BreakRefused.
    """
    row = _unresolved(break_id, reason)
    if row.closed_at is None and row.kind in STOPPING:
        raise BreakRefused("This difference is still there: it closes when a comparison no longer finds it.")
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
    logger.info("break resolved", id=row.pk, actor=actor.pk)
    return note


def _unresolved(break_id: int, reason: str) -> Break:
    row = Break.objects.select_for_update().filter(pk=break_id).first()
    if row is None:
        raise BreakRefused("There is no such difference.")
    if not reason.strip():
        raise BreakRefused("Say why: it is kept with the difference.")
    if row.notes.filter(action=BreakAction.RESOLVED).exists():
        raise BreakRefused("This difference is resolved already.")
    return row
