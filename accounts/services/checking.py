"""Having an identity checked: intent saved, provider called, its answer saved (DESIGN §3).

The provider knows a customer under one id of ours for good. Whatever a notification says, the applicant is read again;
what is read there decides. A try whose answer we acted on decides once, except that a RED takes an approval back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_noop as _

from accounts.errors import WebhookRefused
from accounts.kyc import get_provider, get_webhook
from accounts.kyc.base import Answer, Applicant, KycProvider, Review
from accounts.kyc.sumsub import WebhookInvalid
from accounts.models import Customer, KycMessage
from accounts.selectors import read_tax_id
from accounts.services.deciding import OWNER, approve_customer, reject_customer, reopen_customer
from accounts.services.people import place_hold
from accounts.states import KycStatus as S
from accounts.states import RejectKind
from agora.lib import crashpoints, events, ids, locks, log
from agora.lib.errors import Rejected, Unavailable, Uncertain

logger = log.get(__name__)

BATCH = 100
NO_SENTENCE = _("We could not verify your identity. Please check your name and tax id, and try again.")
NO_SENTENCE_FINAL = _("We could not verify your identity, and cannot open an account for you.")


def start_check(row: Customer, *, now: datetime) -> None:
    """Queue the check of a locked row, in the open transaction; the sweep nudges it until it is decided."""
    row.next_attempt_at = now
    row.save(update_fields=["next_attempt_at"])
    events.emit("customer.submitted", row.pk)


def check_identity(*, customer_id: UUID, now: datetime) -> None:
    """Bring the check of a customer forward by as many calls as it takes. Safe to repeat at any time."""
    with locks.exclusive("kyc", customer_id) as mine:
        customer = _claim(customer_id, now) if mine else None
        if customer is None:
            return
        try:
            review = _ask(get_provider(), customer)
        except Rejected as refusal:
            _stop(customer_id, refusal.detail, now)
        except (Unavailable, Uncertain) as trouble:  # uncertain: the next turn looks the applicant up
            logger.warning(
                "identity check postponed",
                customer=str(customer_id),
                kind=type(trouble).__name__,
                detail=trouble.detail,
            )
        else:
            _take_in(customer_id, review, now)
            crashpoints.here("kyc.after_outcome")


def receive_kyc_webhook(*, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Keep a signed notification and queue the look-up. Raises WebhookRefused."""
    try:
        event_type, external_user_id = get_webhook().verify(headers=headers, body=body)
    except WebhookInvalid as problem:
        raise WebhookRefused(str(problem)) from problem
    crashpoints.here("kyc_message.before_save")
    with transaction.atomic():
        message, is_new = KycMessage.objects.get_or_create(
            digest=hashlib.sha256(body).hexdigest(),
            defaults={
                "provider": "sumsub",
                "event_type": event_type[:60],
                "external_user_id": external_user_id[:80],
                "body": body.decode(errors="replace"),
                "received_at": now,
            },
        )
        if is_new and external_user_id:
            events.emit("kyc.notified", str(message.pk))
    crashpoints.here("kyc_message.after_save")


def process_kyc_notification(*, message_id: int, now: datetime) -> None:
    """Read the applicant that a notification is about, and act on what is read."""
    message = KycMessage.objects.get(pk=message_id)
    customer_id = ids.customer_id_of(message.external_user_id)
    customer = Customer.objects.filter(pk=customer_id).first() if customer_id else None
    provider = get_provider()
    if customer is None or customer.kyc_provider != provider.name:
        logger.warning("a notification about nobody of ours", message=message_id)
        return
    review = provider.find(message.external_user_id)
    crashpoints.here("kyc_message.after_lookup")
    if review is not None:
        _take_in(customer.pk, review, now)


def sweep_customers(*, now: datetime) -> int:
    """Nudge checks that wait for their answer; how many."""
    with transaction.atomic():
        due = list(
            Customer.objects.select_for_update(skip_locked=True)
            .filter(status=S.PENDING, next_attempt_at__lte=now)
            .order_by("next_attempt_at")[:BATCH]
        )
        for row in due:
            events.emit("customer.submitted", row.pk)
            wait = min(300.0, settings.NUDGE_AFTER * 2 ** min(row.attempts, 7))
            Customer.objects.filter(pk=row.pk).update(
                next_attempt_at=now + timedelta(seconds=wait), attempts=F("attempts") + 1
            )
    return len(due)


@transaction.atomic
def _claim(customer_id: UUID, now: datetime) -> Customer | None:
    """Phase 1: who will be asked is saved before anybody outside hears of the customer."""
    row = Customer.objects.select_for_update().get(pk=customer_id)
    if row.status != S.PENDING or row.submitted_at is None or row.email_confirmed_at is None:
        return None
    if settings.KYC_PROVIDER == "manual":
        row.next_attempt_at = None  # staff look at Admin; no nudge helps
    elif row.next_attempt_at is None or row.next_attempt_at <= now:
        row.next_attempt_at = now + timedelta(seconds=settings.NUDGE_AFTER)
    row.kyc_provider = settings.KYC_PROVIDER
    row.save(update_fields=["kyc_provider", "next_attempt_at"])
    return row


def _ask(provider: KycProvider, customer: Customer) -> Review:
    """Phase 2, no transaction open: the applicant exists there, says what ours says, and is being checked."""
    applicant = Applicant(
        external_user_id=ids.kyc_user_id(customer.pk),
        full_name=customer.full_name,
        email=customer.email,
        country=customer.country,
        tax_id=read_tax_id(customer=customer),
    )
    review = provider.find(applicant.external_user_id)
    if review is None:
        crashpoints.here("kyc.before_create")
        review = provider.create(applicant)
        crashpoints.here("kyc.after_create")
    elif _is_decided(customer, review):  # this is a new try with corrected facts
        provider.update(applicant, applicant_id=review.applicant_id)
    if review.answer == Answer.INIT or _is_decided(customer, review):
        provider.request_check(applicant_id=review.applicant_id)
        crashpoints.here("kyc.after_request")
        review = provider.find(applicant.external_user_id) or review
    return review


def _is_decided(customer: Customer, review: Review) -> bool:
    return review.answer in (Answer.GREEN, Answer.RED) and review.attempt_id == customer.kyc_decided_attempt


@transaction.atomic
def _take_in(customer_id: UUID, review: Review, now: datetime) -> None:
    """Phase 3: act on the applicant as the provider shows them now."""
    row = Customer.objects.select_for_update().get(pk=customer_id)
    if row.status == S.CLOSED:
        logger.warning("an answer about a closed account changes nothing", customer=str(customer_id))
        return
    row.kyc_applicant_id = review.applicant_id
    row.save(update_fields=["kyc_applicant_id"])
    match review.answer:
        case Answer.GREEN:
            _take_green(row, review, now)
        case Answer.RED:
            _take_red(row, review, now)


def _take_green(row: Customer, review: Review, now: datetime) -> None:
    if row.status == S.APPROVED or _is_decided(row, review):
        return
    if row.status == S.REJECTED and row.kyc_reject_kind == RejectKind.FINAL:
        logger.warning("a GREEN after a final rejection changes nothing", customer=str(row.pk))
        return
    if row.status == S.REJECTED:  # corrected at the provider's own page
        reopen_customer(customer=row, actor=row.kyc_provider, reason="checked again by the provider", now=now)
    approve_customer(customer=row, actor=row.kyc_provider, now=now, data=_facts(review))
    _mark_decided(row, review)


def _take_red(row: Customer, review: Review, now: datetime) -> None:
    """A RED takes an approval back, and a final one replaces a retry, of whichever try it is."""
    kind = RejectKind.FINAL if review.is_final else RejectKind.RETRY
    if row.status == S.PENDING and _is_decided(row, review):
        return
    if row.status == S.REJECTED:
        if row.kyc_reject_kind == kind or kind == RejectKind.RETRY:
            return
        reopen_customer(customer=row, actor=row.kyc_provider, reason="the rejection became final", now=now)
    sentence = review.sentence or (NO_SENTENCE_FINAL if review.is_final else NO_SENTENCE)
    reject_customer(customer=row, kind=kind, sentence=sentence, actor=row.kyc_provider, now=now, data=_facts(review))
    _mark_decided(row, review)


def _mark_decided(row: Customer, review: Review) -> None:
    Customer.objects.filter(pk=row.pk).update(kyc_decided_attempt=review.attempt_id)


def _facts(review: Review) -> dict[str, object]:
    return {"applicant": review.applicant_id, "attempt": review.attempt_id, "labels": list(review.labels)}


@transaction.atomic
def _stop(customer_id: UUID, detail: str, now: datetime) -> None:
    """The provider will never take this application as it is: staff must look."""
    Customer.objects.filter(pk=customer_id).update(next_attempt_at=None)
    place_hold(
        subject=f"customer:{customer_id}", owner=OWNER, reason=f"the identity provider refused: {detail}", now=now
    )
