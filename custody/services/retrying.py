"""A new attempt at a failed transfer, decided by staff."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.services import record_audit, release_hold
from agora.lib import events, ids, transitions
from agora.lib.db import serializable
from custody.errors import NotRetryable
from custody.models import CustodyRecord
from custody.services.transferring import OWNER
from custody.states import CustodyStatus as S
from orders.selectors import is_closed


@serializable
def retry_custody(*, record_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """Try a FAILED record again under a new external id (the old one is burned). Raises NotRetryable.

    Safe because FAILED is the custodian's own word that nothing moved; where it is not, this refuses.
    """
    record = CustodyRecord.objects.select_for_update().get(pk=record_id)
    if record.status != S.FAILED:
        raise NotRetryable(f"This record is {record.status}.")
    if record.provider_status == "COMPLETED":  # …_BUT_3RD_PARTY_FAILED: Fireblocks deducts the balance all the same
        raise NotRetryable("The custodian moved the shares although a third party failed: settle it with them first.")
    if is_closed(order_id=record.order_id):
        raise NotRetryable("The order was closed for good.")
    burned, before = record.external_tx_id, {"status": str(record.status), "attempt": str(record.attempt)}
    record.attempt += 1
    record.external_tx_id = ids.custody_external_tx_id(record.pk, record.attempt)
    record.provider_id = record.provider_status = record.provider_sub_status = record.reason = ""
    record.called_at = record.uncertain_since = None
    record.next_attempt_at = now
    transitions.apply(record, to=S.PENDING, actor=actor, reason=reason, data={"burned": burned}, now=now)
    record.save()
    release_hold(subject=f"order:{record.order_id}", owner=OWNER, actor=actor, now=now)
    record_audit(
        actor=actor,
        action="custody.retry",
        subject=f"custody:{record.pk}",
        before=before,
        after={"status": str(record.status), "attempt": str(record.attempt)},
        reason=reason,
        now=now,
    )
    events.emit("custody.advance", record.pk, order_id=record.order_id)
