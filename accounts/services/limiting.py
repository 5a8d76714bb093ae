"""A day's limit: taken when an order is accepted, given back when it ends with nothing bought."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from accounts.errors import BelowLotMinimum, DailyLimitReached, NoTier, PortfolioCapReached
from accounts.models import Customer, LimitDay, LimitUse, Tier
from accounts.selectors import LimitLeft
from accounts.services.auditing import record_audit
from accounts.standing import Standing
from accounts.states import Country
from accounts.states import LimitUseKind as K
from agora.lib import prepared
from agora.lib.formats import day_and_time, money, shares

# Rules as they are at the start; afterwards the rows are the rules.
TIERS = {1: (Decimal(1_000), Decimal(10_000)), 2: (Decimal(10_000), Decimal(100_000))}  # US$ a day, a portfolio


# Both the uniqueness of the day and the check of its sum stand in the database: a lost race cannot slip through.
_TAKE = """
    WITH day AS (
        INSERT INTO accounts_limitday AS known (customer_id, day, used_usd, limit_usd)
        VALUES (%(customer)s, %(day)s, %(amount)s, %(limit)s)
        ON CONFLICT ON CONSTRAINT limit_day_once DO UPDATE
        SET used_usd = known.used_usd + excluded.used_usd, limit_usd = excluded.limit_usd)
    INSERT INTO accounts_limituse (customer_id, order_id, kind, day, amount_usd, at)
    VALUES (%(customer)s, %(order)s, %(kind)s, %(day)s, %(amount)s, %(now)s)"""


def reserve_limit(
    *, standing: Standing, customer: Customer, order_id: UUID, amount_usd: Decimal, now: datetime
) -> None:
    """Take `amount_usd` of the customer's day for an order, in the caller's SERIALIZABLE transaction, in which
    `standing` was read and `check_limit` passed."""
    _assert_in_transaction()
    assert standing.left is not None
    values = {"customer": customer.pk, "order": order_id, "kind": K.RESERVE.value, "now": now}
    taken = {"day": standing.left.day, "limit": standing.left.limit_usd, "amount": amount_usd}
    prepared.fetch(_TAKE, {**values, **taken})


def check_limit(standing: Standing, *, quantity: Decimal, amount_usd: Decimal) -> LimitLeft:
    """What is left before an order. Raises NoTier, BelowLotMinimum, DailyLimitReached, PortfolioCapReached."""
    left = standing.left
    if left is None:
        raise NoTier(_("Finish your registration first, or write to support."))
    if quantity < left.min_quantity:
        raise BelowLotMinimum(_("Order at least %(minimum)s at once.") % {"minimum": shares(left.min_quantity)})
    _check(left, amount_usd)
    return left


def release_limit(*, order_id: UUID, now: datetime) -> None:
    """Give back what an order took, on the day it took it; nothing if it took nothing or gave it back already."""
    _assert_in_transaction()
    uses = {use.kind: use for use in LimitUse.objects.filter(order_id=order_id)}
    if K.RESERVE not in uses or K.RELEASE in uses:
        return
    taken = uses[K.RESERVE]
    LimitDay.objects.filter(customer_id=taken.customer_id, day=taken.day).update(
        used_usd=F("used_usd") - taken.amount_usd
    )
    _write(taken.customer_id, order_id, K.RELEASE, taken.day, -taken.amount_usd, now)


def reinstate_limit(*, order_id: UUID, now: datetime) -> None:
    """An order that had given its part back was filled after all: it counts again, even beyond the limit."""
    _assert_in_transaction()
    uses = {use.kind: use for use in LimitUse.objects.filter(order_id=order_id)}
    if K.RELEASE not in uses or K.REINSTATE in uses:
        return
    taken = uses[K.RESERVE]
    used = F("used_usd") + taken.amount_usd
    LimitDay.objects.filter(customer_id=taken.customer_id, day=taken.day).update(
        used_usd=used, limit_usd=Greatest(F("limit_usd"), used)
    )
    _write(taken.customer_id, order_id, K.REINSTATE, taken.day, taken.amount_usd, now)


def register_tiers() -> None:
    """Tiers 1 and 2 of each country, added where they are missing; what was changed since stays."""
    for country in Country.values:
        for level, (daily, cap) in TIERS.items():
            register_tier(country=country, level=level, daily_limit_usd=daily, portfolio_cap_usd=cap)


def register_tier(
    *,
    country: str,
    level: int,
    daily_limit_usd: Decimal,
    portfolio_cap_usd: Decimal | None,
    min_quantity: Decimal = Decimal("0.01"),
) -> Tier:
    """The tier of that country and level, added if it is new."""
    defaults = {
        "daily_limit_usd": daily_limit_usd,
        "portfolio_cap_usd": portfolio_cap_usd,
        "min_quantity": min_quantity,
    }
    return Tier.objects.get_or_create(country=country, level=level, defaults=defaults)[0]


def set_tier(*, customer: Customer, level: int) -> None:
    Customer.objects.filter(pk=customer.pk).update(tier_level=level)
    customer.tier_level = level


def change_tier(*, subject: str, level: str, actor: str, reason: str, now: datetime) -> None:
    """What two people decided: `subject` is customer:<id>. Raises NoTier when there is no such level there."""
    customer = Customer.objects.select_for_update().get(pk=UUID(subject.removeprefix("customer:")))
    if not Tier.objects.filter(country=customer.country, level=int(level)).exists():
        raise NoTier(f"There is no level {level} for this customer's country.")
    before = {"tier_level": str(customer.tier_level)}
    set_tier(customer=customer, level=int(level))
    after = {"tier_level": level}
    record_audit(
        actor=actor, action="customer.set_tier", subject=subject, before=before, after=after, reason=reason, now=now
    )


def _check(left: LimitLeft, amount_usd: Decimal) -> None:
    facts = {
        "order": money(amount_usd, "USD"),
        "left": money(left.left_usd, "USD"),
        "limit": money(left.limit_usd, "USD"),
        "reset": day_and_time(left.resets_at, zone=left.resets_at.tzinfo),
    }
    if amount_usd > left.left_usd:
        raise DailyLimitReached(
            _(
                "This order is about %(order)s; %(left)s of your %(limit)s are left today. The limit resets on "
                "%(reset)s where you live."
            )
            % facts
        )
    if left.portfolio_left_usd is not None and amount_usd > left.portfolio_left_usd:
        facts["left"] = money(left.portfolio_left_usd, "USD")
        raise PortfolioCapReached(
            _("This order is about %(order)s; you may add %(left)s to what you hold at your level.") % facts
        )


def _write(customer_id: UUID, order_id: UUID, kind: K, day: date, amount_usd: Decimal, now: datetime) -> None:
    LimitUse.objects.create(
        customer_id=customer_id, order_id=order_id, kind=kind, day=day, amount_usd=amount_usd, at=now
    )


def _assert_in_transaction() -> None:
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a limit changes with the order it is for, in one transaction")
