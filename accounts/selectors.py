"""Reads about customers, wallets, tokens and holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from eth_utils.address import is_checksum_address

from accounts.errors import NotACustomer, NotApproved, OnHold, WalletChecksumInvalid, WalletNotRegistered
from accounts.models import ApiToken, Customer, Hold, User, Wallet
from accounts.states import KycStatus

EVERYTHING = "everything"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveHold:
    subject: str
    owner: str
    reason: str
    placed_at: datetime
    until: datetime | None


def user_by_token(*, token: str, now: datetime) -> User | None:
    """The active login of a bearer token that is neither expired nor revoked."""
    row = (
        ApiToken.objects.select_related("user__customer")
        .filter(digest=token_digest(token), revoked_at=None, user__is_active=True)
        .filter(Q(expires_at=None) | Q(expires_at__gt=now))
        .first()
    )
    return row.user if row else None


def customer_of(*, user: User | AnonymousUser) -> Customer:
    """The customer of a login. Raises NotACustomer."""
    customer = getattr(user, "customer", None)
    if customer is None:
        raise NotACustomer("Sign in as a customer, or complete the onboarding first.")
    return customer  # type: ignore[no-any-return]


def check_trading_eligibility(*, customer: Customer, subjects: Iterable[str], now: datetime) -> None:
    """Raise NotApproved or OnHold unless this customer may trade what the subjects name."""
    status = Customer.objects.values_list("kyc_status", flat=True).get(pk=customer.pk)
    if status != KycStatus.APPROVED:
        raise NotApproved("You can buy as soon as your identity check is approved.")
    if active_holds(subjects=[f"customer:{customer.pk}", *subjects], now=now):
        raise OnHold("We have paused this for now. Our staff know of it and will release it or write to you.")


def check_wallet(*, customer: Customer, address: str) -> None:
    """Raise WalletChecksumInvalid or WalletNotRegistered unless tokens may be sent to this address of theirs."""
    check_address(address)
    if not Wallet.objects.filter(customer=customer, address=address).exists():
        raise WalletNotRegistered("Add the wallet to your account first: tokens go only to a wallet that is yours.")


def active_holds(*, subjects: Sequence[str], now: datetime) -> list[ActiveHold]:
    """Every hold that stops any of the subjects now; a hold on everything stops all."""
    rows = (
        Hold.objects.filter(subject__in=[*subjects, EVERYTHING], released_at=None)
        .filter(Q(until=None) | Q(until__gt=now))
        .order_by("placed_at")
    )
    return [
        ActiveHold(subject=r.subject, owner=r.owner, reason=r.reason, placed_at=r.placed_at, until=r.until)
        for r in rows
    ]


def primary_wallet(*, customer_id: UUID) -> str:
    """The address of the customer's first wallet, "" if they have none."""
    address = Wallet.objects.filter(customer_id=customer_id).order_by("pk").values_list("address", flat=True).first()
    return address or ""


def check_address(address: str) -> None:
    """Raise WalletChecksumInvalid unless the address is in EIP-55 form: one mistyped letter must not cost a mint."""
    if not is_checksum_address(address):
        raise WalletChecksumInvalid("Copy the address from your wallet: its letter case is part of it (EIP-55).")


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
