"""What a share costs, how far we trust that, and what an order of it would take of a limit.

A price has two ages. `checked_at` is when a source last answered: it tells whether the feed lives. `at` is when the
market made the price: seconds ago while it is open, hours or days while it is not, and rightly so.

| | open | closed | not known |
|---|---|---|---|
| no price, or a jump nobody has confirmed | PAUSED | PAUSED | PAUSED |
| not answered for PRICE_MAX_AGE | PAUSED | PAUSED | PAUSED |
| made longer than PRICE_MAX_UNTRADED ago | PAUSED | OLD | OLD |
| made or answered longer than PRICE_FRESH ago | OLD | OLD | OLD |
| else | FRESH | OLD | FRESH |

OLD sells: with the guard band added to what is reserved, for the fill will be at a price that we cannot know; while the
market is closed at the next opening's.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal, localcontext

from django.conf import settings
from django.utils.translation import gettext as _

from agora.lib.money import SHARE_DECIMALS
from orders.errors import PriceUnavailable
from orders.market.sessions import MarketSession, market_session
from orders.models import AssetPrice, PricePoint

CENT = Decimal("0.01")
SHARE_STEP = Decimal(1).scaleb(-SHARE_DECIMALS)


class PriceState(enum.StrEnum):
    FRESH = "FRESH"
    OLD = "OLD"  # sells, with a margin
    PAUSED = "PAUSED"  # does not sell


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A share's price as a page shows it. The first five are None and "" where there has never been one."""

    symbol: str
    price_usd: Decimal | None
    at: datetime | None  # when the market made it
    checked_at: datetime | None  # when a source last answered
    age: timedelta | None  # since `at`
    source: str
    state: PriceState
    reason: str  # why it is not FRESH, in a sentence for customers; "" where it is
    margin: Decimal  # reserved above the price, as a part of it: 0.02 is 2 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What an order would cost, and what it takes of the customer's limit: the same for the page and for the order."""

    quantity: Decimal  # shares, 9 decimals
    price_usd: Decimal
    cost_usd: Decimal  # price × quantity, up to the next cent
    margin: Decimal  # as in Quote
    fee_usd: Decimal
    reserved_usd: Decimal  # price × quantity × (1 + margin), up to the next cent, and the fee


def quote(*, symbol: str, now: datetime) -> Quote:
    row = AssetPrice.objects.filter(asset__symbol=symbol).first()
    return quote_of(row, symbol=symbol, session=market_session(now=now), now=now)


def quote_of(row: AssetPrice | None, *, symbol: str, session: MarketSession, now: datetime) -> Quote:
    """By the price that we believe, if there is one."""
    state, reason = _judge(row, symbol, session, now)
    return Quote(
        symbol=symbol,
        price_usd=row.price_usd if row else None,
        at=row.at if row else None,
        checked_at=row.checked_at if row else None,
        age=max(timedelta(0), now - row.at) if row else None,
        source=row.source if row else "",
        state=state,
        reason=reason,
        margin=settings.PRICE_GUARD_BAND if state is PriceState.OLD else Decimal(0),
    )


def estimate(told: Quote, *, quantity: Decimal | None = None, notional_usd: Decimal | None = None) -> Estimate:
    """Of a quantity, or of as many shares as `notional_usd` buys, fee included, rounded down to 9 decimals.

    The margin is on top of a notional: it is reserved, not spent. Raises PriceUnavailable while buying is paused.
    """
    if (quantity is None) == (notional_usd is None):
        raise ValueError("an estimate is of a quantity or of an amount of dollars")
    if told.price_usd is None or told.state is PriceState.PAUSED:
        raise PriceUnavailable(told.reason + " " + _("Nothing was ordered."))
    fee = settings.ORDER_FEE_USD
    with localcontext(prec=60, rounding=ROUND_DOWN):  # exact: two numbers of 18 digits are multiplied
        if quantity is None:
            assert notional_usd is not None
            quantity = max(Decimal(0), (notional_usd - fee) / told.price_usd).quantize(SHARE_STEP)
        cost = told.price_usd * quantity
        return Estimate(
            quantity=quantity,
            price_usd=told.price_usd,
            cost_usd=cost.quantize(CENT, rounding=ROUND_UP),
            margin=told.margin,
            fee_usd=fee,
            reserved_usd=(cost * (1 + told.margin)).quantize(CENT, rounding=ROUND_UP) + fee,
        )


def price_history(*, symbol: str, since: datetime) -> list[tuple[datetime, Decimal]]:
    """(hour, first price in it), oldest first; hours in which nothing was traded are not there."""
    points = PricePoint.objects.filter(asset__symbol=symbol, hour__gte=since).order_by("hour")
    return list(points.values_list("hour", "price_usd"))


def _judge(row: AssetPrice | None, symbol: str, session: MarketSession, now: datetime) -> tuple[PriceState, str]:
    """The table above, and the reason."""
    named = {"symbol": symbol}
    if row is None:
        return PriceState.PAUSED, _("We have no price of %(symbol)s yet. Buying goes on when we have.") % named
    if now - row.checked_at > timedelta(seconds=settings.PRICE_MAX_AGE):
        return PriceState.PAUSED, _(
            "We cannot tell the price of %(symbol)s at the moment. Buying goes on as soon as we can."
        ) % named  # fmt: skip
    if row.suspect_price_usd is not None:
        return PriceState.PAUSED, _(
            "The price of %(symbol)s has changed a lot at once. Buying goes on when that is confirmed."
        ) % named  # fmt: skip
    if session.is_known and not session.is_open:
        return PriceState.OLD, _(
            "The market is closed and this is its last price. Your order is filled when it opens, at the price of then."
        )
    made, fresh = now - row.at, timedelta(seconds=settings.PRICE_FRESH)
    if session.is_known and made > timedelta(seconds=settings.PRICE_MAX_UNTRADED):
        return PriceState.PAUSED, _(
            "Nobody has traded %(symbol)s for a while although the market is open. Buying goes on with the next trade."
        ) % named  # fmt: skip
    if max(made, now - row.checked_at) > fresh:
        return PriceState.OLD, _("This price is older than usual. The price of your order may differ from it.")
    return PriceState.FRESH, ""
