"""What a customer tells us about themselves, and the start of their identity check."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import pii, tax_ids
from accounts.errors import KycNotOpen, ProfileInvalid, TaxIdTaken
from accounts.models import Customer
from accounts.selectors import is_email, read_tax_id, tax_id_owner
from accounts.services.checking import start_check
from accounts.services.consenting import record_consents
from accounts.services.mailing import give_email
from accounts.states import Country, Language, RejectKind
from accounts.states import KycStatus as S
from agora.lib import transitions


def submit_profile(
    *,
    customer: Customer,
    full_name: str,
    email: str,
    country: str,
    tax_id: str,
    accepted: Sequence[int],
    ip: str,
    now: datetime,
    language: str = Language.EN,
) -> Customer:
    """Take a customer's application, or a corrected one after a RETRY; the check starts once the e-mail is confirmed.

    `accepted` are ids of disclosures. Raises KycNotOpen, ProfileInvalid, TaxIdInvalid, TaxIdTaken, ConsentMissing;
    then nothing is written.
    """
    full_name, email = " ".join(full_name.split()), email.strip()
    _check_profile(full_name, email, country)
    digits = tax_ids.normalize(country=country, text=tax_id)
    try:
        with transaction.atomic():
            row = Customer.objects.select_for_update().get(pk=customer.pk)
            _reopen_if_rejected(row, now)
            row.full_name, row.country, row.submitted_at = full_name, country, now
            row.tax_id_sealed = pii.seal(digits, owner=tax_id_owner(row.pk))
            row.tax_id_index = pii.index("tax_id", country, digits)
            row.language = Language(language)
            fields = ("full_name", "country", "language", "submitted_at", "tax_id_sealed", "tax_id_index")
            row.save(update_fields=[*fields])
            record_consents(customer=row, accepted=accepted, ip=ip, now=now)
            give_email(row, email=email, now=now)
            if row.email_confirmed_at:
                start_check(row, now=now)
    except IntegrityError as clash:
        if "customer_once_a_tax_id" not in str(clash):
            raise
        raise TaxIdTaken(_("Sign in with the wallet you used before, or write to support.")) from None
    return row


def reseal_tax_ids() -> int:
    """Encrypt with today's key what an older one sealed; how many. Safe to repeat."""
    done = 0
    for pk in list(Customer.objects.exclude(tax_id_sealed="").values_list("pk", flat=True)):
        with transaction.atomic():
            row = Customer.objects.select_for_update().get(pk=pk)
            if pii.is_current(row.tax_id_sealed):
                continue
            row.tax_id_sealed = pii.seal(read_tax_id(customer=row), owner=tax_id_owner(row.pk))
            row.save(update_fields=["tax_id_sealed"])
            done += 1
    return done


def _check_profile(full_name: str, email: str, country: str) -> None:
    if not 3 <= len(full_name) <= 200 or " " not in full_name:
        raise ProfileInvalid(_("Give your full name, as on your document."))
    if country not in Country.values:
        raise ProfileInvalid(_("Agora is open to residents of Brazil and Paraguay."))
    if not is_email(email):
        raise ProfileInvalid(_("Check the e-mail address."))


def _reopen_if_rejected(row: Customer, now: datetime) -> None:
    if row.status == S.REJECTED and row.kyc_reject_kind == RejectKind.RETRY:
        row.kyc_reject_kind = row.kyc_sentence = ""
        fields = ("kyc_reject_kind", "kyc_sentence")
        actor = f"customer:{row.pk}"
        transitions.apply(row, to=S.PENDING, actor=actor, reason="corrected by the customer", now=now, fields=fields)
    elif row.status != S.PENDING or row.submitted_at is not None:
        raise KycNotOpen(
            _("We have your application already. You can change your e-mail address until it is confirmed.")
        )
