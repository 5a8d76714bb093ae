"""What a customer may do at this moment, read in one statement: every order asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.errors import NotApproved, OnHold, WalletNotRegistered
from accounts.models import Customer
from accounts.selectors import EVERYTHING, LimitLeft, check_address, left_of, local_day
from accounts.states import KycStatus
from agora.lib import prepared

# Status, wallet, holds, the tier's three figures, and what is used of them today and ever.
_STANDING = """
    SELECT customer.status,
           EXISTS (SELECT FROM accounts_wallet wallet
                   WHERE wallet.address = %(address)s AND wallet.customer_id = customer.id),
           EXISTS (SELECT FROM accounts_hold hold
                   WHERE hold.subject = ANY (%(subjects)s) AND hold.released_at IS NULL
                   AND (hold.until IS NULL OR hold.until > %(now)s)),
           tier.daily_limit_usd, tier.portfolio_cap_usd, tier.min_quantity, used.today, used.ever
    FROM accounts_customer customer
    LEFT JOIN accounts_tier tier ON tier.country = %(country)s AND tier.level = %(level)s
    CROSS JOIN LATERAL (
        SELECT sum(day.used_usd) FILTER (WHERE day.day = %(day)s) AS today, sum(day.used_usd) AS ever
        FROM accounts_limitday day WHERE day.customer_id = customer.id) used
    WHERE customer.id = %(customer)s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Of one customer, one address and the subjects of one order."""

    is_approved: bool
    has_wallet: bool  # the address is a wallet of theirs
    is_held: bool  # the customer or one of the subjects
    left: LimitLeft | None  # None: without a country or tier


def standing_of(*, customer: Customer, address: str = "", subjects: Iterable[str] = (), now: datetime) -> Standing:
    day = local_day(country=customer.country, now=now)
    asked = {
        "customer": customer.pk,
        "address": address,
        "subjects": [f"customer:{customer.pk}", *subjects, EVERYTHING],
        "now": now,
        "country": customer.country,
        "level": customer.tier_level,
        "day": day,
    }
    ((status, has_wallet, is_held, *tier, today, ever),) = prepared.fetch(_STANDING, asked)
    limit_usd, cap_usd, min_quantity = tier
    return Standing(
        is_approved=status == KycStatus.APPROVED,
        has_wallet=has_wallet,
        is_held=is_held,
        left=None
        if day is None or limit_usd is None
        else left_of(
            country=customer.country,
            day=day,
            limit_usd=limit_usd,
            cap_usd=cap_usd,
            min_quantity=min_quantity,
            today_usd=today,
            ever_usd=ever,
        ),
    )


def check_wallet(standing: Standing, *, address: str) -> None:
    """Raise WalletChecksumInvalid or WalletNotRegistered unless tokens may be sent to this address of theirs."""
    check_address(address)
    if not standing.has_wallet:
        raise WalletNotRegistered(_("Add the wallet to your account first: tokens go only to a wallet that is yours."))


def check_trading_eligibility(standing: Standing) -> None:
    """Raise NotApproved or OnHold unless this customer may trade what the subjects named."""
    if not standing.is_approved:
        raise NotApproved(_("You can buy as soon as your identity check is approved."))
    if standing.is_held:
        raise OnHold(_("We have paused this for now. Our staff know of it and will release it or write to you."))
