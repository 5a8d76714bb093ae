"""What dollars are in the customer's money. For display: nothing is ever ordered, limited or paid by these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from orders.models import Currency, FxRate

STEPS = {Currency.BRL: Decimal("0.01"), Currency.PYG: Decimal(1)}  # the guaraní has no smaller unit in use


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalent:
    amount: Decimal  # in `currency`, rounded to its smallest unit
    currency: str
    per_usd: Decimal
    at: datetime  # of which moment the rate is: show it, for an old one is shown too
    age: timedelta
    source: str  # to be shown


def equivalent(*, amount_usd: Decimal, currency: str, now: datetime) -> Equivalent | None:
    """None where we have no rate of that currency."""
    row = FxRate.objects.filter(currency=currency).first()
    if row is None:
        return None
    amount = (amount_usd * row.per_usd).quantize(STEPS[Currency(currency)], rounding=ROUND_HALF_UP)
    return Equivalent(
        amount=amount, currency=currency, per_usd=row.per_usd, at=row.at, age=now - row.at, source=row.source
    )
