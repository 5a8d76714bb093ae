"""The identity check's outcome, whoever decided it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.errors import KycNotOpen
from accounts.models import Customer
from accounts.services.auditing import is_staff_actor, record_audit
from accounts.services.people import place_hold, release_hold
from accounts.states import KycStatus as S
from accounts.states import RejectKind
from agora.lib import transitions

OWNER = "kyc"  # of the hold on a customer whose approval was taken back


@transaction.atomic
def approve_customer(
    *, customer: Customer, actor: str, now: datetime, reason: str = "", data: dict[str, Any] | None = None
) -> None:
    """PENDING → APPROVED; nothing when they are. Raises KycNotOpen when they were rejected: reopen first."""
    row = _open_account(customer)
    if row.status == S.REJECTED:
        raise KycNotOpen("The customer was rejected. Reopen the check first.")
    if row.status == S.PENDING:
        row.next_attempt_at, row.kyc_sentence = None, ""
        transitions.apply(row, to=S.APPROVED, actor=actor, reason=reason, data=data, now=now, fields=("kyc_sentence",))
        release_hold(subject=f"customer:{row.pk}", owner=OWNER, actor=actor, now=now)
        _record(row, "approve", S.PENDING, actor=actor, reason=reason, now=now)
    customer.refresh_from_db()


@transaction.atomic
def reject_customer(
    *,
    customer: Customer,
    kind: str,
    sentence: str,
    actor: str,
    now: datetime,
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """PENDING or APPROVED → REJECTED, `kind` FINAL or RETRY, `sentence` for the customer.

    A taken-back approval also holds what they have on the way. Raises KycNotOpen when they are rejected already.
    """
    row = _open_account(customer)
    if row.status == S.REJECTED:
        raise KycNotOpen("The customer is rejected already. Reopen the check first.")
    before = row.status
    row.kyc_reject_kind, row.kyc_sentence, row.next_attempt_at = RejectKind(kind), sentence, None
    fields = ("kyc_reject_kind", "kyc_sentence")
    transitions.apply(row, to=S.REJECTED, actor=actor, reason=reason, data=data, now=now, fields=fields)
    if before == S.APPROVED:
        why = "the identity check was taken back after approval"
        place_hold(subject=f"customer:{row.pk}", owner=OWNER, reason=why, now=now)
    _record(row, "reject", before, actor=actor, reason=reason, now=now)
    customer.refresh_from_db()


@transaction.atomic
def reopen_customer(*, customer: Customer, actor: str, reason: str, now: datetime) -> None:
    """REJECTED → PENDING. Whether a FINAL rejection may be reopened is the caller's to know: staff, with a reason."""
    row = Customer.objects.select_for_update().get(pk=customer.pk)
    if row.status != S.REJECTED:
        raise KycNotOpen("Only a rejected check can be reopened.")
    row.kyc_reject_kind = row.kyc_sentence = ""
    fields = ("kyc_reject_kind", "kyc_sentence")
    transitions.apply(row, to=S.PENDING, actor=actor, reason=reason, now=now, fields=fields)
    _record(row, "reopen", S.REJECTED, actor=actor, reason=reason, now=now)
    customer.refresh_from_db()


def _record(row: Customer, act: str, before: str, *, actor: str, reason: str, now: datetime) -> None:
    """Staff's decisions are audited; a provider's leave its events."""
    if not is_staff_actor(actor):
        return
    after = {"status": str(row.status), "kind": str(row.kyc_reject_kind)}
    record_audit(
        actor=actor,
        action=f"customer.{act}",
        subject=f"customer:{row.pk}",
        before={"status": str(before)},
        after={name: text for name, text in after.items() if text},
        reason=reason,
        now=now,
    )


def _open_account(customer: Customer) -> Customer:
    """The locked row. Raises KycNotOpen for an account that was closed: nothing is decided about it any more."""
    row = Customer.objects.select_for_update().get(pk=customer.pk)
    if row.status == S.CLOSED:
        raise KycNotOpen("The customer closed this account.")
    return row
