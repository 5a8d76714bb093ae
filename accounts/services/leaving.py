"""An account's end, at its customer's wish: asked for, withdrawn, refused, or done.

What the law wants kept stays: orders, fills, custody and mints always, for they are the books; name, country and tax id
for KYC_RETENTION_YEARS where an identity check was decided. The rest goes at once (docs/customers.md).
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from accounts.errors import ChainUnavailable, DeletionBlocked, DeletionNotOpen
from accounts.models import (
    ApiSession,
    ApiToken,
    Customer,
    DeletionRequest,
    IdempotentRequest,
    SignInChallenge,
    Wallet,
)
from accounts.selectors import closing_blockers
from accounts.services.auditing import record_audit
from accounts.services.notifying.endpoints import delete_endpoints_of
from accounts.states import DeletionStatus as D
from accounts.states import KycStatus, RejectKind
from agora.lib import log, transitions
from agora.lib.db import serializable
from agora.lib.errors import VendorError
from agora.pipeline import CLOSING_BLOCKERS_OUTSIDE

logger = log.get(__name__)


@transaction.atomic
def request_deletion(*, customer: Customer, reason: str, now: datetime) -> DeletionRequest:
    """Ask for the account's end; the open request, unchanged, if there is one. `reason` may be empty."""
    Customer.objects.select_for_update().get(pk=customer.pk)  # two of us at once make one
    known = DeletionRequest.objects.filter(customer=customer, status__in=[D.REQUESTED, D.CLOSED, D.ERASED]).first()
    if known:
        return known
    request = DeletionRequest(customer=customer, reason=reason)
    # The words stay out of the events, which can never be erased.
    transitions.start(request, actor=f"customer:{customer.pk}", now=now)
    return request


@transaction.atomic
def withdraw_deletion(*, customer: Customer, now: datetime) -> DeletionRequest:
    """REQUESTED → WITHDRAWN. Raises DeletionNotOpen."""
    open_one = DeletionRequest.objects.filter(customer=customer, status=D.REQUESTED).first()
    if open_one is None:
        raise DeletionNotOpen("You have not asked for it, or it is done.")
    request = _locked(open_one)
    request.reason = ""
    transitions.apply(request, to=D.WITHDRAWN, actor=f"customer:{customer.pk}", now=now, fields=("reason",))
    return request


@transaction.atomic
def refuse_deletion(*, request: DeletionRequest, actor: str, reason: str, sentence: str, now: datetime) -> None:
    """REQUESTED → REFUSED, `sentence` for the customer, who may ask again. Raises DeletionNotOpen."""
    row = _locked(request)
    row.sentence = sentence
    transitions.apply(row, to=D.REFUSED, actor=actor, reason=reason, now=now, fields=("sentence",))
    _record(row, "refuse_deletion", actor=actor, reason=reason, now=now)
    request.refresh_from_db()


def complete_deletion(*, request: DeletionRequest, actor: str, reason: str, now: datetime) -> None:
    """REQUESTED → CLOSED, or ERASED where nothing need be kept; there is no way back.

    Raises DeletionNotOpen, DeletionBlocked while orders are on their way or tokens held, ChainUnavailable; then
    nothing is written.
    """
    _ask_outside(request, now)
    _close(request=request, actor=actor, reason=reason, now=now)
    request.refresh_from_db()


def erase_closed_accounts(*, now: datetime) -> int:
    """Erase who closed accounts were where the law wants it no longer; how many. Safe to repeat."""
    due = DeletionRequest.objects.filter(status=D.CLOSED, next_attempt_at__lte=now).order_by("next_attempt_at")
    done = [_erase(request_id=pk, now=now) for pk in list(due.values_list("pk", flat=True))]
    return sum(done)


def _ask_outside(request: DeletionRequest, now: datetime) -> None:
    """Tokens that arrive after this are the holder's all the same: closing an account takes none away."""
    try:
        for path in CLOSING_BLOCKERS_OUTSIDE:
            _refuse_if(import_string(path)(customer=request.customer, now=now))
    except VendorError as trouble:
        raise ChainUnavailable("The chain cannot be asked what the wallets hold. Try again in a while.") from trouble


def _refuse_if(sentences: list[str]) -> None:
    if sentences:
        raise DeletionBlocked(" ".join(sentences))


@serializable
def _close(*, request: DeletionRequest, actor: str, reason: str, now: datetime) -> None:
    """An order placed meanwhile read the customer's status, which this changes: one of the two loses and runs again."""
    customer = Customer.objects.select_for_update().get(pk=request.customer_id)
    row = _locked(request)
    _refuse_if(closing_blockers(customer=customer, now=now))
    keep = _must_be_known(customer)
    _close_customer(customer, actor=actor, reason=reason, now=now)
    _close_login(customer, now)
    delete_endpoints_of(customer=customer, actor=actor, now=now)
    row.reason = row.sentence = ""
    if keep:
        row.erase_after = row.next_attempt_at = _years_later(now, settings.KYC_RETENTION_YEARS)
    else:
        _erase_identity(customer)
    fields = ("reason", "sentence", "erase_after")
    transitions.apply(row, to=D.CLOSED if keep else D.ERASED, actor=actor, reason=reason, now=now, fields=fields)
    _record(row, "close", actor=actor, reason=reason, now=now)


@transaction.atomic
def _erase(*, request_id: UUID, now: datetime) -> bool:
    row = DeletionRequest.objects.select_for_update(of=("self",)).select_related("customer").get(pk=request_id)
    if row.status != D.CLOSED:
        return False
    _erase_identity(row.customer)
    row.next_attempt_at = None
    transitions.apply(row, to=D.ERASED, actor="retention", reason="kept for as long as the law wanted", now=now)
    return True


def _record(row: DeletionRequest, act: str, *, actor: str, reason: str, now: datetime) -> None:
    record_audit(
        actor=actor,
        action=f"customer.{act}",
        subject=f"customer:{row.customer_id}",
        before={"deletion": D.REQUESTED.value},
        after={"deletion": str(row.status)},
        reason=reason,
        now=now,
    )


def _locked(request: DeletionRequest) -> DeletionRequest:
    """Raises DeletionNotOpen."""
    row = DeletionRequest.objects.select_for_update().get(pk=request.pk)
    if row.status != D.REQUESTED:
        raise DeletionNotOpen(f"This request is {row.status}.")
    return row


def _must_be_known(customer: Customer) -> bool:
    """Whether there was business with them, or business with them was refused for good."""
    was_approved = customer.events.filter(to_status=KycStatus.APPROVED).exists()
    return was_approved or customer.kyc_reject_kind == RejectKind.FINAL


def _close_customer(customer: Customer, *, actor: str, reason: str, now: datetime) -> None:
    customer.email, customer.email_confirmed_at = "", None
    customer.kyc_reject_kind = customer.kyc_sentence = ""
    customer.next_attempt_at = None
    fields = ("email", "email_confirmed_at", "kyc_reject_kind", "kyc_sentence")
    transitions.apply(customer, to=KycStatus.CLOSED, actor=actor, reason=reason, now=now, fields=fields)


def _close_login(customer: Customer, now: datetime) -> None:
    """Nobody signs in here again: not by password, wallet, session or token. The wallets are free for a new account."""
    user = customer.user
    user.username = f"closed-{customer.pk.hex}"
    user.first_name = user.last_name = user.email = ""
    user.is_active, user.last_login = False, None
    user.set_unusable_password()
    user.save()
    ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=now)
    ApiToken.objects.filter(user=user).update(name="")
    ApiSession.objects.filter(user=user).delete()
    IdempotentRequest.objects.filter(caller=f"customer:{customer.pk}").delete()
    addresses = Wallet.objects.filter(customer=customer).values_list("address", flat=True)
    SignInChallenge.objects.filter(address__in=list(addresses)).delete()
    SignInChallenge.objects.filter(user=user).delete()
    Wallet.objects.filter(customer=customer).delete()


def _erase_identity(customer: Customer) -> None:
    """The country stays: it names nobody, and the sums by country need it."""
    customer.full_name = customer.tax_id_sealed = customer.kyc_applicant_id = customer.kyc_decided_attempt = ""
    customer.tax_id_index = None
    customer.save(
        update_fields=["full_name", "tax_id_sealed", "tax_id_index", "kyc_applicant_id", "kyc_decided_attempt"]
    )
    logger.info("identity erased", customer=str(customer.pk))


def _years_later(moment: datetime, years: int) -> datetime:
    """The same day of the year; 1 March after a 29 February."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, month=3, day=1)
