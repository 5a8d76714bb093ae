"""Having the custodian take the shares in, once, and believing it only when it says COMPLETED."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import F, Sum

from accounts.selectors import active_holds
from accounts.services import place_hold
from agora.lib import crashpoints, locks, log, tracing, transitions
from agora.lib.db import serializable
from agora.lib.errors import Rejected, Unavailable, Uncertain
from custody.custodians import get_custodian
from custody.custodians.base import Custodian, Transfer, TransferPhase
from custody.models import CustodyRecord, VaultAccount
from custody.states import CustodyStatus as S
from orders.selectors import hold_subjects, order_facts
from orders.services import report_custody

logger = log.get(__name__)
ACTOR = "worker"
OWNER = "custodian-facts"  # of the holds placed here
MAX_UNCERTAIN = 12  # tries in a row without an answer: several minutes


def advance_custody(*, record_id: UUID, now: datetime) -> None:
    """Bring a record to the custodian, or see how far it is there. Does nothing when it is done or held."""
    with locks.exclusive("custody", record_id) as mine:
        claim = _claim(record_id=record_id, now=now) if mine else None
        if claim is None:
            return
        try:
            with tracing.span("custody.transfer", order_id=claim[0].order_id):
                transfer = _call(get_custodian(), *claim, now)
        except Rejected as refusal:
            _refuse(record_id=record_id, reason=refusal.detail, code=refusal.vendor_code, now=now)
        except (Unavailable, Uncertain) as trouble:
            _postpone(record_id=record_id, trouble=trouble, now=now)
        else:
            if transfer is not None:
                crashpoints.here("custody.after_call")
                with locks.in_turn("books", claim[0].vault_account.asset_id):
                    record_transfer(record_id=record_id, transfer=transfer, now=now)
                crashpoints.here("custody.after_outcome")


@serializable
def _claim(*, record_id: UUID, now: datetime) -> tuple[CustodyRecord, bool] | None:
    """Phase 1: the intent; True with it for the first call. `called_at`: the id may have reached the custodian."""
    # Without its vault account: whoever reads that row here collides with those who add to its sum.
    record = CustodyRecord.objects.select_for_update().get(pk=record_id)
    if record.status not in (S.PENDING, S.SUBMITTED):
        return None
    record.attempts += 1
    record.next_attempt_at = now + _wait(record)
    subjects = hold_subjects(facts=order_facts(order_id=record.order_id))
    is_first = record.called_at is None
    held = is_first and bool(active_holds(subjects=subjects, now=now))
    if is_first and not held:
        record.called_at = now
    record.save(update_fields=["attempts", "next_attempt_at", "called_at"])
    return None if held else (record, is_first)


def _wait(record: CustodyRecord) -> timedelta:
    return timedelta(seconds=min(30.0, settings.NUDGE_AFTER * 1.5 ** min(record.attempts, 10)))


def _call(custodian: Custodian, record: CustodyRecord, is_first: bool, now: datetime) -> Transfer | None:
    """Phase 2. After the first call, look up before anything else: the external id is burned once it arrived."""
    if not is_first:
        crashpoints.here("custody.before_lookup")
        found = custodian.find_by_external_tx_id(record.external_tx_id)
        crashpoints.here("custody.after_lookup")
        if found is not None or record.status == S.SUBMITTED:
            return found
        since = record.uncertain_since or record.called_at or now
        if now < since + timedelta(seconds=settings.UNCERTAIN_GRACE):
            return None
    vault = record.vault_account
    crashpoints.here("custody.before_call")
    return custodian.transfer(
        external_tx_id=record.external_tx_id,
        asset_id=vault.vendor_asset_id,
        quantity=record.quantity,
        source_id=vault.inbox_vendor_id,
        destination_id=vault.vendor_id,
        note=f"order {record.order_id} tranche {record.sequence}",
    )


@serializable
def record_transfer(*, record_id: UUID, transfer: Transfer, now: datetime) -> None:
    """Phase 3: what the custodian says of the transaction, when it is indeed ours."""
    record = CustodyRecord.objects.select_for_update(of=("self",)).select_related("vault_account").get(pk=record_id)
    if record.status not in (S.PENDING, S.SUBMITTED) or transfer.external_tx_id != record.external_tx_id:
        return
    vault = record.vault_account
    said = (transfer.asset_id, transfer.quantity, transfer.source_id, transfer.destination_id)
    if said != (vault.vendor_asset_id, record.quantity, vault.inbox_vendor_id, vault.vendor_id):
        _hold(record, f"the custodian's transaction {transfer.provider_id} differs from ours: {said}", now)
        return
    record.provider_id = transfer.provider_id
    record.provider_status, record.provider_sub_status = transfer.status, transfer.sub_status
    record.uncertain_since = None
    if record.status == S.PENDING:
        transitions.apply(
            record, to=S.SUBMITTED, actor=vault.custodian, now=now, data={"provider_id": transfer.provider_id}
        )
    if transfer.phase == TransferPhase.COMPLETED:
        _complete(record, now)
    elif transfer.phase == TransferPhase.FAILED:
        _fail(record, f"{transfer.status} {transfer.sub_status}".strip(), now)
    record.save()


def _complete(record: CustodyRecord, now: datetime) -> None:
    record.next_attempt_at = now + timedelta(seconds=settings.NUDGE_AFTER)
    transitions.apply(record, to=S.COMPLETED, actor=record.vault_account.custodian, now=now)
    VaultAccount.objects.filter(pk=record.vault_account_id).update(held_quantity=F("held_quantity") + record.quantity)
    completed = CustodyRecord.objects.filter(order_id=record.order_id, status=S.COMPLETED)
    quantity = completed.aggregate(total=Sum("quantity"))["total"] or Decimal(0)
    report_custody(order_id=record.order_id, quantity=quantity, reference=record.provider_id, now=now)


def _fail(record: CustodyRecord, reason: str, now: datetime) -> None:
    record.reason, record.next_attempt_at = reason, None
    transitions.apply(record, to=S.FAILED, actor=record.vault_account.custodian, reason=reason, now=now)
    _hold(record, f"the custodian failed the transfer: {reason}", now)


@serializable
def _refuse(*, record_id: UUID, reason: str, code: str, now: datetime) -> None:
    """The custodian refused the request itself: no transaction exists, and none will under this external id."""
    record = CustodyRecord.objects.select_for_update(of=("self",)).select_related("vault_account").get(pk=record_id)
    if record.status == S.PENDING:
        transitions.apply(record, to=S.SUBMITTED, actor=ACTOR, reason="refused at once", data={"code": code}, now=now)
        _fail(record, reason, now)
        record.save()


@serializable
def _postpone(*, record_id: UUID, trouble: Unavailable | Uncertain, now: datetime) -> None:
    record = CustodyRecord.objects.select_for_update().get(pk=record_id)
    if isinstance(trouble, Uncertain):
        record.uncertain_since = now
        if record.attempts >= MAX_UNCERTAIN:  # e.g. an id that is burned and yet not to be found
            _hold(record, f"still uncertain after {record.attempts} tries: {trouble.detail}", now)
    if trouble.retry_after:
        record.next_attempt_at = now + timedelta(seconds=trouble.retry_after)
    record.save(update_fields=["uncertain_since", "next_attempt_at"])
    logger.warning("custody postponed", record=str(record.pk), kind=type(trouble).__name__, detail=trouble.detail)


def _hold(record: CustodyRecord, problem: str, now: datetime) -> None:
    place_hold(subject=f"order:{record.order_id}", owner=OWNER, reason=problem, now=now)
