"""Splits, mergers, new names: until Agora can carry them out, a share that becomes another thing stops in time.

A token stands for one share. After a 4:1 split it would stand for a quarter of what it was bought for, and a new order
would buy the new shares one for one. So what the broker announces for an asset of ours holds the asset from the last
close before it takes effect, until two people have seen to it and release it. A hold that they released for the same
announcement is not placed again; an announcement that changed is another.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.services import hold_once
from agora.lib import log
from agora.lib.errors import VendorError
from orders.brokers import get_broker
from orders.brokers.base import CorporateAction
from orders.market import MarketSession, market_session
from orders.models import Asset, FeedHealth
from orders.services.feeds import record_answer, record_failure

logger = log.get(__name__)

MARKET = ZoneInfo("America/New_York")
# Shares stay what they are: only money is paid. Whatever else there is, and whatever kind comes to be, holds.
ONLY_MONEY = frozenset({"cash_dividends"})
BACK, AHEAD = timedelta(days=7), timedelta(days=14)  # announced late, or not seen for a while; well before
BEFORE_CLOSE = timedelta(minutes=20)  # of a session's orders, the last must be filled before its close
CLOSE = time(16, 0)


def watch_corporate_actions(*, now: datetime) -> int:
    """Ask the broker what is announced, if that was long ago; hold what it touches from now on. How many it touches."""
    broker = get_broker()
    feed = f"corporate-actions:{broker.name}"
    since = now - timedelta(seconds=settings.CORPORATE_ACTIONS_EVERY)
    if FeedHealth.objects.filter(feed=feed, answered_at__gt=since).exists():
        return 0
    symbols = set(Asset.objects.values_list("symbol", flat=True))
    today = now.astimezone(MARKET).date()
    try:
        actions = broker.corporate_actions(symbols=symbols, first=today - BACK, last=today + AHEAD) if symbols else []
    except VendorError as trouble:
        record_failure(feed=feed, trouble=trouble, now=now)
        return 0
    session = market_session(now=now)
    due = [action for action in actions if action.kind not in ONLY_MONEY and is_due(action, session=session, now=now)]
    for action in due:
        _hold(action, symbols=symbols, now=now)
    record_answer(feed=feed, now=now)
    return len(due)


def is_due(action: CorporateAction, *, session: MarketSession, now: datetime) -> bool:
    """Whether no session is left in which a share is still what it was; an action without a date is due at once."""
    effective_on = action.effective_on
    if effective_on is None:
        return True
    here = now.astimezone(MARKET)
    if here.date() >= effective_on:
        return True
    if session.is_open and session.next_close is not None and session.next_open is not None:
        is_last = session.next_open.astimezone(MARKET).date() >= effective_on
        return is_last and now >= session.next_close - BEFORE_CLOSE
    if session.next_open is not None:
        return session.next_open.astimezone(MARKET).date() >= effective_on
    # Nobody tells the market's hours: from the last weekday's usual close.
    eve = effective_on - timedelta(days=1)
    while eve.weekday() > 4:
        eve -= timedelta(days=1)
    return here >= datetime.combine(eve, CLOSE, MARKET) - BEFORE_CLOSE


def _hold(action: CorporateAction, *, symbols: set[str], now: datetime) -> None:
    """Of an action that names nobody, as far as we can read, it is not known that it spares anybody."""
    if not action.symbols:
        logger.error("corporate action without a symbol", kind=action.kind, told=action.told)
    digest = hashlib.sha256(f"{action.kind} {action.told}".encode()).hexdigest()[:16]
    when = "on a day that cannot be read" if action.effective_on is None else f"from {action.effective_on}"
    for symbol in sorted(symbols & action.symbols):
        hold_once(
            subject=f"asset:{symbol}",
            owner=f"corporate-action:{digest}",
            reason=f"the broker announces {action.kind}, {when}: {action.told}",
            now=now,
        )
