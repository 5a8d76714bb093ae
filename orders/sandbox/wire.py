"""Alpaca's objects as JSON. Fields and types as on https://docs.alpaca.markets/docs/orders-at-alpaca, /docs/account-
activities, /docs/websocket-streaming, /reference/getaccount-1, /reference/getopenposition: numbers are strings."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
ACCOUNT_ID = "5a1d0000-0000-4000-8000-000000000001"
OPEN_STATUSES = (
    *("new", "accepted", "pending_new", "accepted_for_bidding", "partially_filled", "held", "stopped", "suspended"),
    *("pending_cancel", "pending_replace", "pending_review"),
)
ASSET_CLASS = "us_equity"


def now() -> str:
    """The time as Alpaca writes it: RFC 3339, nine decimals, Z."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def number(value: Decimal) -> str:
    """A decimal as Alpaca writes it: at most 9 decimals, no exponent, no trailing zeros."""
    text = format(round(value, 9), "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def order(
    *, client_order_id: str, asset: dict[str, Any], qty: Decimal, side: str, status: str, submitted_at: str
) -> dict[str, Any]:
    """A market day order with nothing filled."""
    moment = now()
    evening = datetime.now(NEW_YORK).replace(hour=20, minute=0, second=0)
    return {
        "id": str(uuid.uuid4()),
        "client_order_id": client_order_id,
        "created_at": moment,
        "updated_at": moment,
        "submitted_at": submitted_at,
        **dict.fromkeys(("filled_at", "expired_at", "cancel_requested_at", "canceled_at", "failed_at")),
        **dict.fromkeys(("replaced_at", "replaced_by", "replaces")),
        "asset_id": asset["id"],
        "symbol": asset["symbol"],
        "asset_class": ASSET_CLASS,
        "notional": None,
        "qty": number(qty),
        "filled_qty": "0",
        "filled_avg_price": None,
        "order_class": "",
        "order_type": "market",
        "type": "market",
        "side": side,
        "position_intent": f"{side}_to_open" if side == "buy" else f"{side}_to_close",
        "time_in_force": "day",
        "limit_price": None,
        "stop_price": None,
        "status": status,
        "extended_hours": False,
        **dict.fromkeys(("legs", "trail_percent", "trail_price", "hwm", "subtag", "source")),
        "expires_at": f"{evening.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def activity(
    *, order: dict[str, Any], execution_id: str, kind: str, qty: Decimal, price: Decimal, at: str, previous: str
) -> dict[str, Any]:
    """An account activity of type FILL. The id is New York's time in milliseconds, then the execution's id."""
    stamp = datetime.fromisoformat(at).astimezone(NEW_YORK).strftime("%Y%m%d%H%M%S%f")[:17]
    filled = Decimal(order["filled_qty"])
    return {
        "id": f"{stamp}::{execution_id}",
        "activity_type": "FILL",
        "transaction_time": f"{at[:26]}Z",
        "type": kind,
        "price": number(price),
        "qty": number(qty),
        "side": order["side"],
        "symbol": order["symbol"],
        "leaves_qty": number(Decimal(order["qty"]) - filled),
        "order_id": order["id"],
        "cum_qty": number(filled),
        "order_status": order["status"],
        **({"previous_execution_id": previous} if previous else {}),
    }


def trade_update(event: str, order: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A message of the trade_updates stream. Every event carries an execution_id; only fills' are those of trades."""
    data = {"event": event, "execution_id": str(uuid.uuid4()), "timestamp": now(), **fields, "order": order}
    return {"stream": "trade_updates", "data": data}


def account(*, cash: Decimal, buying_power: Decimal, held: Decimal) -> dict[str, Any]:
    """https://docs.alpaca.markets/reference/getaccount-1"""
    return {
        "id": ACCOUNT_ID,
        "account_number": "PASANDBOX001",
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "currency": "USD",
        "cash": number(cash),
        "buying_power": number(buying_power),
        "regt_buying_power": number(buying_power),
        "daytrading_buying_power": "0",
        "non_marginable_buying_power": number(buying_power),
        "portfolio_value": number(cash + held),
        "equity": number(cash + held),
        "last_equity": number(cash + held),
        "long_market_value": number(held),
        "short_market_value": "0",
        "initial_margin": "0",
        "maintenance_margin": "0",
        "last_maintenance_margin": "0",
        "accrued_fees": "0",
        "multiplier": "1",
        "sma": "0",
        "daytrade_count": 0,
        "pattern_day_trader": False,
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "shorting_enabled": False,
        "created_at": "2026-01-02T14:30:00Z",
    }


def position(*, asset: dict[str, Any], qty: Decimal, cost: Decimal, price: Decimal) -> dict[str, Any]:
    """https://docs.alpaca.markets/reference/getopenposition"""
    value = qty * price
    return {
        "asset_id": asset["id"],
        "symbol": asset["symbol"],
        "exchange": asset["exchange"],
        "asset_class": ASSET_CLASS,
        "asset_marginable": False,
        "qty": number(qty),
        "qty_available": number(qty),
        "side": "long" if qty >= 0 else "short",
        "avg_entry_price": number(cost / qty),
        "market_value": number(value),
        "cost_basis": number(cost),
        "unrealized_pl": number(value - cost),
        "unrealized_plpc": number((value - cost) / cost) if cost else "0",
        "unrealized_intraday_pl": number(value - cost),
        "unrealized_intraday_plpc": number((value - cost) / cost) if cost else "0",
        "current_price": number(price),
        "lastday_price": number(price),
        "change_today": "0",
    }


def clock(*, is_open: bool) -> dict[str, Any]:
    """https://docs.alpaca.markets/reference/getclock-1: times are New York's, with their offset. Holidays are not known
    here; and the market may be open at any hour, until the next close there is."""
    moment = datetime.now(NEW_YORK)
    if is_open:
        next_close = _session_time(moment, 16, 0)
        next_open = _session_time(next_close, 9, 30)
    else:
        next_open = _session_time(moment, 9, 30)
        next_close = _session_time(next_open, 16, 0)
    return {
        "timestamp": moment.isoformat(),
        "is_open": is_open,
        "next_open": next_open.isoformat(),
        "next_close": next_close.isoformat(),
    }


def _session_time(after: datetime, hour: int, minute: int) -> datetime:
    """The next such time of a weekday."""
    found = after.replace(hour=hour, minute=minute, second=0, microsecond=0)
    while found <= after or found.weekday() >= 5:
        found += timedelta(days=1)
    return found
