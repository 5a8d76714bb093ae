"""The customer's e-mail address, confirmed by a link that only its reader has."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import pii
from accounts.errors import ConfirmationInvalid, KycNotOpen, ProfileInvalid
from accounts.models import Customer
from accounts.selectors import is_email
from accounts.services.checking import start_check
from accounts.states import KycStatus as S
from agora.lib import events
from agora.lib.http import assert_no_transaction

SALT = "accounts.confirm-email"
GOOD_FOR = timedelta(days=3)


@transaction.atomic
def change_email(*, customer: Customer, email: str, now: datetime) -> None:
    """Another address, until one is confirmed; a new link goes out, also for the same one. Raises ProfileInvalid."""
    row = Customer.objects.select_for_update().get(pk=customer.pk)
    if row.email_confirmed_at:
        raise KycNotOpen(_("The address is confirmed already. Write to support to change it."))
    if not is_email(email.strip()):
        raise ProfileInvalid(_("Check the e-mail address."))
    row.email = ""
    give_email(row, email=email.strip(), now=now)


def give_email(row: Customer, *, email: str, now: datetime) -> None:
    """Set a locked row's address, unconfirmed if it is new, and queue the link."""
    if row.email != email:
        row.email, row.email_confirmed_at = email, None
        row.save(update_fields=["email", "email_confirmed_at"])
    if row.email_confirmed_at is None:
        events.emit("customer.email_given", row.pk)


def send_email_confirmation(*, customer_id: UUID) -> None:
    """Send the link to an unconfirmed address. Twice does no harm: both links say the same."""
    assert_no_transaction()
    customer = Customer.objects.get(pk=customer_id)
    if not customer.email or customer.email_confirmed_at:
        return
    base = settings.PUBLIC_URL or "http://localhost:8000"
    link = base + reverse("confirm-email", args=[confirmation_token(customer=customer)])
    with translation.override(customer.language):
        body = render_to_string("accounts/emails/confirm.txt", {"link": link, "name": customer.full_name})
        send_mail(_("Agora: confirm your e-mail"), body, None, [customer.email])


def confirmation_token(*, customer: Customer) -> str:
    """Names the customer and, by a keyed hash, the address: no personal data stands in a URL or its logs."""
    return signing.dumps([str(customer.pk), _address_hash(customer)], salt=SALT)


def confirm_email(*, token: str, now: datetime) -> Customer:
    """The customer whose address this link confirms; their identity check starts. Raises ConfirmationInvalid."""
    try:
        customer_id, address_hash = signing.loads(token, salt=SALT, max_age=GOOD_FOR)
    except signing.BadSignature:
        raise ConfirmationInvalid(_("Ask for a new link on your profile page.")) from None
    with transaction.atomic():
        row = Customer.objects.select_for_update().get(pk=customer_id)
        if address_hash != _address_hash(row):
            raise ConfirmationInvalid(_("You have given another address since. Use the link we sent there."))
        if row.email_confirmed_at is None:
            row.email_confirmed_at = now
            row.save(update_fields=["email_confirmed_at"])
            if row.status == S.PENDING and row.submitted_at:
                start_check(row, now=now)
    return row


def _address_hash(customer: Customer) -> str:
    return pii.index("email", str(customer.pk), customer.email)[:24]
