"""What each kind of monitoring rule may ask for. Pure.

VELOCITY      {"hours": 24, "orders": 30} or {"hours": 168, "usd": "5000"}
STRUCTURING   {"days": 10, "orders": 5, "percent": "5"}, and "threshold_usd": "1000" instead of the daily limit
MANY_WALLETS  {"days": 30, "wallets": 4} or {"days": 30, "customers": 2, "shared": "recipient" or "ip"}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from accounts.errors import RuleInvalid
from accounts.states import RuleKind

LONGEST = 400  # days


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A rule's parameters, read: at least `least` of `measure` within `span`."""

    span: timedelta
    measure: str  # orders | usd | wallets | customers
    least: Decimal
    shared: str = ""  # recipient | ip, of customers
    is_near_limit: bool = False  # of orders: only those within `percent` below the threshold, or at it
    percent: Decimal = Decimal(0)
    threshold_usd: Decimal | None = None  # None: the customer's limit on that day


def parse(*, kind: str, parameters: Mapping[str, Any]) -> Pattern:
    """Raises RuleInvalid, saying what is wrong."""
    given = dict(parameters)
    if kind == RuleKind.VELOCITY:
        pattern = _velocity(given)
    elif kind == RuleKind.STRUCTURING:
        pattern = _structuring(given)
    elif kind == RuleKind.MANY_WALLETS:
        pattern = _many_wallets(given)
    else:
        raise RuleInvalid(f"There is no kind {kind!r}.")
    if given:
        raise RuleInvalid(f"{kind} knows no {', '.join(sorted(given))}.")
    return pattern


def _velocity(given: dict[str, Any]) -> Pattern:
    span = timedelta(hours=_whole(given, "hours", 1, LONGEST * 24))
    if ("orders" in given) == ("usd" in given):
        raise RuleInvalid("VELOCITY takes either orders or usd.")
    if "orders" in given:
        return Pattern(span=span, measure="orders", least=Decimal(_whole(given, "orders", 2, 100_000)))
    return Pattern(span=span, measure="usd", least=_amount(given, "usd"))


def _structuring(given: dict[str, Any]) -> Pattern:
    percent = _amount(given, "percent")
    if percent > 50:
        raise RuleInvalid("percent: 50 at the most; more is not near.")
    return Pattern(
        span=timedelta(days=_whole(given, "days", 1, LONGEST)),
        measure="orders",
        least=Decimal(_whole(given, "orders", 2, 1000)),
        is_near_limit=True,
        percent=percent,
        threshold_usd=_amount(given, "threshold_usd") if "threshold_usd" in given else None,
    )


def _many_wallets(given: dict[str, Any]) -> Pattern:
    span = timedelta(days=_whole(given, "days", 1, LONGEST))
    if ("wallets" in given) == ("customers" in given):
        raise RuleInvalid("MANY_WALLETS takes either wallets, or customers and shared.")
    if "wallets" in given:
        return Pattern(span=span, measure="wallets", least=Decimal(_whole(given, "wallets", 2, 1000)))
    shared = given.pop("shared", "")
    if shared not in ("recipient", "ip"):
        raise RuleInvalid("shared: recipient or ip.")
    least = Decimal(_whole(given, "customers", 2, 1000))
    return Pattern(span=span, measure="customers", least=least, shared=shared)


def _whole(given: dict[str, Any], name: str, low: int, high: int) -> int:
    value = given.pop(name, None)
    if type(value) is not int or not low <= value <= high:
        raise RuleInvalid(f"{name}: a whole number from {low} to {high}.")
    return value


def _amount(given: dict[str, Any], name: str) -> Decimal:
    """Text, not a JSON number: those lose digits."""
    value = given.pop(name, None)
    try:
        amount = Decimal(value) if isinstance(value, str) else Decimal(0)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise RuleInvalid(f'{name}: a positive number as text, such as "5".')
    return amount
