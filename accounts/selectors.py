"""Reads about customers, wallets, tokens, holds and limits."""

from __future__ import annotations

import functools
import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q, Sum
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from eth_utils.address import is_checksum_address

from accounts import disclosures, pii, tax_ids
from accounts.errors import LoginUnknown, NotACustomer, WalletChecksumInvalid
from accounts.models import (
    ApiToken,
    Consent,
    Customer,
    DeletionRequest,
    Disclosure,
    Hold,
    LimitDay,
    Tier,
    User,
    Wallet,
)
from accounts.states import CLOSED as CLOSED
from accounts.states import Country, DeletionStatus, KycStatus
from agora.lib import keyfiles, prepared, ratelimit
from agora.lib.api import jwt
from agora.pipeline import CLOSING_BLOCKERS

EVERYTHING = "everything"
BUYING, MINTING = "buying", "minting"  # one step of all assets; "buying:AAPL" is that of one
WAITING = Q(status=KycStatus.PENDING, submitted_at__isnull=False)  # an identity check that waits for a decision
ZONES = {Country.BR: ZoneInfo("America/Sao_Paulo"), Country.PY: ZoneInfo("America/Asuncion")}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveHold:
    subject: str
    owner: str
    reason: str
    placed_at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLeft:
    """What a customer may still buy today, where they live."""

    day: date
    limit_usd: Decimal
    used_usd: Decimal
    left_usd: Decimal
    resets_at: datetime  # the next midnight there
    portfolio_cap_usd: Decimal | None  # None: no cap
    portfolio_left_usd: Decimal | None
    min_quantity: Decimal  # shares an order


@dataclass(frozen=True, slots=True, kw_only=True)
class Onboarding:
    """How far a customer's application is, in plain values."""

    status: str  # PENDING | APPROVED | REJECTED
    is_submitted: bool
    is_email_confirmed: bool
    may_submit: bool  # the form is open: never sent, or to be corrected
    sentence: str  # why rejected, for the customer
    is_final: bool
    masked_tax_id: str
    tax_id_label: str  # CPF, RUC, "" before the country is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A customer's wish to leave, as their profile page shows it."""

    status: str  # "" (never asked) | REQUESTED | WITHDRAWN | REFUSED: later ones nobody signs in to see
    requested_at: datetime | None
    sentence: str  # why it was refused
    blockers: tuple[str, ...]  # what our rows say stands in its way; tokens in a wallet do, too, and are not asked for
    may_request: bool
    may_withdraw: bool


def live_token(*, token: str, now: datetime) -> ApiToken | None:
    """The key of that text, if it is neither expired nor revoked, its login active, and it is for this mode."""
    if not _is_for_this_mode(token):
        return None
    found = prepared.fetch(_live_token(), {"digest": token_digest(token), "now": now})
    if not found:
        return None
    values, width = found[0], len(ApiToken._meta.concrete_fields)
    row: ApiToken = prepared.from_row(ApiToken, values[:width])
    values, width = values[width:], len(User._meta.concrete_fields)
    row.user = prepared.from_row(User, values[:width])
    # As select_related does: a login without a customer is known to have none.
    customer = prepared.from_row(Customer, values[width:]) if values[width] else None
    row.user._state.fields_cache["customer"] = customer
    if customer is not None:
        customer.user = row.user
    return row


@functools.cache
def _live_token() -> LiteralString:
    """A key by its digest, with its login and that one's customer."""
    return f"""
        SELECT {prepared.columns(ApiToken, "token")}, {prepared.columns(User, "login")},
               {prepared.columns(Customer, "customer")}
        FROM accounts_apitoken token
        JOIN accounts_user login ON login.id = token.user_id
        LEFT JOIN accounts_customer customer ON customer.user_id = login.id
        WHERE token.digest = %(digest)s AND token.revoked_at IS NULL AND login.is_active
        AND (token.expires_at IS NULL OR token.expires_at > %(now)s)"""  # noqa: S608 - names of our columns


def _is_for_this_mode(token: str) -> bool:
    """`agora_test_…` in the sandbox, `agora_live_…` elsewhere; keys from before there were marks are the sandbox's."""
    is_live = token.startswith("agora_live_")
    return not is_live if settings.AGORA_MODE == "sandbox" else is_live


def tokens_of(*, user: User) -> list[ApiToken]:
    """A login's keys that can still be used or were revoked, newest first: to list, without the keys themselves."""
    return list(ApiToken.objects.filter(user=user).order_by("-created_at", "-pk"))


def may_come_from(*, token: ApiToken, address: str) -> bool:
    """Whether a key's list of networks, if it has one, holds this address."""
    if not token.allowed_networks:
        return True
    if not address:
        return False
    ip = ipaddress.ip_address(address)
    return any(ip in ipaddress.ip_network(network) for network in token.allowed_networks)


def signing_keys() -> list[jwt.Key]:
    """The keys of access tokens, the signing one first. The sandbox makes its own."""
    path = Path(settings.JWT_KEYS_FILE)
    if settings.AGORA_MODE == "sandbox":
        keyfiles.ensure(path, count=1)
    return jwt.load_keys(path)


def token_issuer() -> str:
    return settings.PUBLIC_URL or "agora-sandbox"


def sign_in_rate(*, network: str) -> tuple[str, ratelimit.Rate]:
    """The bucket and rate of whoever signs in with a wallet from this network, in a browser or through the API."""
    return f"sign-in:{network}", ratelimit.Rate("sign-in", settings.SIGN_IN_RATE)


def user_of_customer(*, customer_id: str) -> User | None:
    """The active login of a customer."""
    return User.objects.select_related("customer").filter(customer__pk=customer_id, is_active=True).first()


def customer_of(*, user: User | AnonymousUser) -> Customer:
    """The customer of a login. Raises NotACustomer."""
    customer = getattr(user, "customer", None)
    if customer is None:
        raise NotACustomer(_("Sign in as a customer, or complete the onboarding first."))
    return customer  # type: ignore[no-any-return]


def limit_left(*, customer: Customer, now: datetime) -> LimitLeft | None:
    """Today's limit, what is used of it and when it resets; None for a customer without a country or tier."""
    tier = Tier.objects.filter(country=customer.country, level=customer.tier_level).first()
    day = local_day(country=customer.country, now=now)
    if tier is None or day is None:
        return None
    sums = LimitDay.objects.filter(customer=customer).aggregate(
        today=Sum("used_usd", filter=Q(day=day)), ever=Sum("used_usd")
    )
    return left_of(
        country=customer.country,
        day=day,
        limit_usd=tier.daily_limit_usd,
        cap_usd=tier.portfolio_cap_usd,
        min_quantity=tier.min_quantity,
        today_usd=sums["today"],
        ever_usd=sums["ever"],
    )


def left_of(
    *,
    country: str,
    day: date,
    limit_usd: Decimal,
    cap_usd: Decimal | None,
    min_quantity: Decimal,
    today_usd: Decimal | None,
    ever_usd: Decimal | None,
) -> LimitLeft:
    """What a tier's figures leave, after the sums of the day's uses and of all (None: there are none)."""
    used, ever = today_usd or Decimal(0), ever_usd or Decimal(0)
    return LimitLeft(
        day=day,
        limit_usd=limit_usd,
        used_usd=used,
        left_usd=max(Decimal(0), limit_usd - used),
        resets_at=datetime.combine(day + timedelta(days=1), time(), tzinfo=ZONES[Country(country)]),
        portfolio_cap_usd=cap_usd,
        portfolio_left_usd=None if cap_usd is None else max(Decimal(0), cap_usd - ever),
        min_quantity=min_quantity,
    )


def local_day(*, country: str, now: datetime) -> date | None:
    """The calendar day in a country; None before a customer said where they live."""
    return now.astimezone(ZONES[Country(country)]).date() if country else None


def onboarding_of(*, customer: Customer) -> Onboarding:
    is_final = customer.kyc_reject_kind == "FINAL"
    unsent = customer.status == KycStatus.PENDING and customer.submitted_at is None
    return Onboarding(
        status=customer.status,
        is_submitted=customer.submitted_at is not None,
        is_email_confirmed=customer.email_confirmed_at is not None,
        may_submit=unsent or (customer.status == KycStatus.REJECTED and not is_final),
        sentence=_(customer.kyc_sentence) if customer.kyc_sentence else "",  # ours are in the catalogue
        is_final=is_final,
        masked_tax_id=masked_tax_id(customer=customer),
        tax_id_label=tax_ids.LABELS[Country(customer.country)] if customer.country else "",
    )


def deletion_of(*, customer: Customer, now: datetime) -> Deletion:
    """The latest request, and whether another may be made."""
    latest = DeletionRequest.objects.filter(customer=customer).order_by("-created_at").first()
    status = latest.status if latest else ""
    return Deletion(
        status=status,
        requested_at=latest.created_at if latest else None,
        sentence=latest.sentence if latest else "",
        blockers=tuple(closing_blockers(customer=customer, now=now)),
        may_request=status in ("", DeletionStatus.WITHDRAWN, DeletionStatus.REFUSED),
        may_withdraw=status == DeletionStatus.REQUESTED,
    )


def closing_blockers(*, customer: Customer, now: datetime) -> list[str]:
    """Why this account cannot be closed yet, by the rows of later apps."""
    answers = [import_string(path)(customer=customer, now=now) for path in CLOSING_BLOCKERS]
    return [sentence for sentences in answers for sentence in sentences]


def current_disclosures(*, language: str) -> list[Disclosure]:
    """The texts to show and accept, one of each kind; English where a language has none."""
    rows = Disclosure.objects.filter(version=disclosures.VERSION, language__in=[language, "en"])
    by_kind = {row.kind: row for row in sorted(rows, key=lambda row: row.language == language)}
    return [by_kind[kind] for kind in sorted(by_kind)]


def disclosure_of(*, disclosure_id: int) -> Disclosure | None:
    return Disclosure.objects.filter(pk=disclosure_id).first()


def consents_of(*, customer: Customer) -> list[Consent]:
    """What the customer accepted and when, latest first."""
    return list(Consent.objects.select_related("disclosure").filter(customer=customer).order_by("-at"))


def read_tax_id(*, customer: Customer) -> str:
    """The digits. For the identity provider and the customer's own data export: all else shows `masked_tax_id`."""
    return pii.unseal(customer.tax_id_sealed, owner=tax_id_owner(customer.pk))


def masked_tax_id(*, customer: Customer) -> str:
    """`***.***.*47-2*`, "" before there is one."""
    if not customer.tax_id_sealed:
        return ""
    return tax_ids.masked(country=customer.country, digits=read_tax_id(customer=customer))


def tax_id_owner(customer_id: UUID) -> str:
    """What a sealed tax id is bound to."""
    return f"customer:{customer_id}:tax_id"


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


def step_subjects(*, step: str, symbol: str) -> list[str]:
    """What stops one step alone, of all assets or of this one."""
    return [step, f"{step}:{symbol}"]


def user_by_name(*, username: str) -> User:
    """Raises LoginUnknown."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise LoginUnknown(f"There is no login {username!r}.")
    return user


def staff_who_may(*, permission: str) -> list[str]:
    """The names of active staff with a permission of their own or their groups'."""
    backend = "django.contrib.auth.backends.ModelBackend"
    rows = User.objects.with_perm(permission, backend=backend).filter(is_staff=True)
    return list(rows.order_by("username").values_list("username", flat=True))


def zone_of(*, user: User | AnonymousUser) -> ZoneInfo | None:
    """Where a login's customer lives; None for nobody, and before they said."""
    customer = getattr(user, "customer", None) if user.is_authenticated else None
    return ZONES.get(Country(customer.country)) if customer is not None and customer.country else None


def wallets_of(*, customer: Customer) -> list[Wallet]:
    """Oldest first: tokens go to the first one unless another is chosen."""
    return list(Wallet.objects.filter(customer=customer).order_by("pk"))


def primary_wallet(*, customer_id: UUID) -> str:
    """The address of the customer's first wallet, "" if they have none."""
    address = Wallet.objects.filter(customer_id=customer_id).order_by("pk").values_list("address", flat=True).first()
    return address or ""


def check_address(address: str) -> None:
    """Raise WalletChecksumInvalid unless the address is in EIP-55 form: one mistyped letter must not cost a mint."""
    if not is_checksum_address(address):
        raise WalletChecksumInvalid(_("Copy the address from your wallet: its letter case is part of it (EIP-55)."))


def is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
