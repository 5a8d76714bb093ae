"""What staff have done to one transfer: looked up now, or its order closed because it was settled outside."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.services import record_audit
from agora.lib import events
from agora.lib.db import serializable
from custody.errors import NotClosable, NotLookedUp
from custody.models import CustodyRecord
from custody.states import CustodyStatus as S
from orders.services import close_order


@serializable
def look_up_custody(*, record_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """Have a transfer that the custodian may know of looked up at once. Raises NotLookedUp."""
    record = CustodyRecord.objects.select_for_update().get(pk=record_id)
    if record.status not in (S.PENDING, S.SUBMITTED):
        raise NotLookedUp(f"This record is {record.status}.")
    if record.called_at is None:
        raise NotLookedUp("The custodian has not been told of it yet.")
    record.next_attempt_at = now
    record.save(update_fields=["next_attempt_at"])
    status = {"status": str(record.status)}
    record_audit(
        actor=actor,
        action="custody.look_up",
        subject=f"custody:{record.pk}",
        before=status,
        after=status,
        reason=reason,
        now=now,
    )
    events.emit("custody.advance", record.pk, order_id=record.order_id)


@serializable
def close_failed_custody(
    *, subject: str, external_tx_id: str, resolution: str, reference: str, actor: str, reason: str, now: datetime
) -> None:
    """What an approved proposal carries out: the order of this failed attempt was settled outside. Raises NotClosable.

    The record stays FAILED; the database refuses another attempt from then on.
    """
    record = CustodyRecord.objects.select_for_update().get(pk=UUID(subject.partition(":")[2]))
    if record.status != S.FAILED or record.external_tx_id != external_tx_id:
        raise NotClosable("It is not the failed attempt that was proposed to be closed.")
    if CustodyRecord.objects.filter(order_id=record.order_id, status__in=[S.PENDING, S.SUBMITTED]).exists():
        raise NotClosable("Another transfer of the order is under way: wait for its end.")
    close_order(
        order_id=record.order_id,
        cause=f"custody:{record.pk}",
        resolution=resolution,
        reference=reference,
        actor=actor,
        reason=reason,
        now=now,
    )
