"""Logins, customers, wallets and holds."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.errors import WalletTaken
from accounts.models import Customer, Hold, User, Wallet
from accounts.selectors import check_address
from agora.lib import log, transitions

logger = log.get(__name__)


def set_login(*, username: str, password: str, is_superuser: bool = False) -> User:
    """The login of that name with that password from now on, made if there is none."""
    user, _ = User.objects.get_or_create(username=username)
    user.is_staff = user.is_superuser = is_superuser
    user.set_password(password)
    user.save()
    return user


def has_login(*, username: str) -> bool:
    return User.objects.filter(username=username).exists()


@transaction.atomic
def register_customer(*, user: User, full_name: str, country: str, now: datetime) -> Customer:
    """The customer of a login, PENDING; the one there is, unchanged, if there is one."""
    user = User.objects.select_for_update().get(pk=user.pk)  # two of us at once make one
    known = Customer.objects.filter(user=user).first()
    if known:
        return known
    customer = Customer(user=user, full_name=full_name, country=country)
    transitions.start(customer, actor=f"user:{user.pk}", now=now)
    return customer


def bind_wallet(*, customer: Customer, address: str, now: datetime) -> Wallet:
    """Bind an EIP-55 checksummed address. Raises WalletChecksumInvalid, WalletTaken."""
    check_address(address)
    try:
        with transaction.atomic():
            return Wallet.objects.create(customer=customer, address=address, created_at=now)
    except IntegrityError:
        wallet = Wallet.objects.get(address=address)
        if wallet.customer_id != customer.pk:
            raise WalletTaken(_("Use another wallet, or write to support if this one is yours.")) from None
        return wallet


def place_hold(*, subject: str, owner: str, reason: str, now: datetime, until: datetime | None = None) -> Hold:
    """Add an owner's hold on a subject; the one they already have there, if any, stays as it is."""
    hold, created = Hold.objects.get_or_create(
        subject=subject,
        owner=owner,
        released_at=None,
        defaults={"reason": reason, "placed_at": now, "until": until},
    )
    if created:
        logger.warning("hold placed", subject=subject, owner=owner, reason=reason)
    return hold


def release_hold(*, subject: str, owner: str, actor: str, now: datetime) -> bool:
    """Release an owner's hold; False if they have none there."""
    released = Hold.objects.filter(subject=subject, owner=owner, released_at=None).update(
        released_at=now, released_by=actor
    )
    return bool(released)
