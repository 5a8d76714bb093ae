"""Alpaca's JSON into the port's values: strings to Decimal, never through float; unknown words kept, never guessed.

Every function raises ValueError on what it cannot read. Sources: https://docs.alpaca.markets/docs/orders-at-alpaca
(order object, statuses), /docs/websocket-streaming (trade_updates), /docs/account-activities (FILL),
/reference/subscribetotradev2sse and /docs/sse-events (trade_bust, trade_correct, restated, held, reason).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from orders.brokers.base import (
    BidAsk,
    BrokerOrder,
    BrokerPhase,
    Execution,
    ExecutionKind,
    MarketClock,
    Price,
    TradeUpdate,
)

PHASES = {
    "new": BrokerPhase.OPEN,
    "accepted": BrokerPhase.OPEN,
    "pending_new": BrokerPhase.OPEN,
    "accepted_for_bidding": BrokerPhase.OPEN,
    "pending_review": BrokerPhase.OPEN,
    "held": BrokerPhase.OPEN,
    "partially_filled": BrokerPhase.OPEN,
    "pending_cancel": BrokerPhase.OPEN,
    "pending_replace": BrokerPhase.OPEN,
    "stopped": BrokerPhase.OPEN,  # a trade is guaranteed but has not yet occurred
    "suspended": BrokerPhase.OPEN,  # not eligible for trading at the moment
    "filled": BrokerPhase.FILLED,
    "canceled": BrokerPhase.CANCELLED,
    "replaced": BrokerPhase.CANCELLED,
    "done_for_day": BrokerPhase.CANCELLED,  # ours are day orders
    "calculated": BrokerPhase.CANCELLED,  # "either filled or done_for_day": see _phase
    "expired": BrokerPhase.EXPIRED,
    "rejected": BrokerPhase.REJECTED,
}
EXECUTIONS = {
    "fill": ExecutionKind.FILL,
    "partial_fill": ExecutionKind.FILL,
    "trade_bust": ExecutionKind.BUST,
    "trade_correct": ExecutionKind.CORRECT,
}
EVENTS = frozenset(EXECUTIONS) | {
    *("new", "accepted", "pending_new", "accepted_for_bidding", "held", "canceled", "expired", "done_for_day"),
    *("replaced", "rejected", "stopped", "pending_cancel", "pending_replace", "calculated", "suspended", "restated"),
    *("order_replace_rejected", "order_cancel_rejected"),
}
MOMENTS = ("filled_at", "canceled_at", "expired_at", "failed_at", "replaced_at", "submitted_at", "created_at")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def parse_order(raw: Any) -> BrokerOrder:
    """An order object, of REST or inside a trade update."""
    order = _object(raw, "order")
    quantity = None if order.get("qty") is None else _decimal(order, "qty")
    filled = _decimal(order, "filled_qty")
    status = _text(order, "status")
    return BrokerOrder(
        broker_order_id=_text(order, "id"),
        client_order_id=_text(order, "client_order_id"),
        symbol=str(order.get("symbol") or ""),  # empty on multi-leg orders, which are never ours
        side=str(order.get("side") or ""),
        quantity=quantity,
        filled_quantity=filled,
        filled_avg_price=None if order.get("filled_avg_price") is None else _decimal(order, "filled_avg_price"),
        status=status,
        phase=_phase(status, quantity, filled),
        updated_at=_last_touched(order),
        raw=order,
    )


def parse_trade_update(raw: Any) -> TradeUpdate:
    """The `data` of a trade_updates message."""
    data = _object(raw, "trade update")
    event = _text(data, "event")
    order = parse_order(data.get("order"))
    at = _time(data, "timestamp") if data.get("timestamp") else order.updated_at
    # Events of an order's life may carry an execution_id that is no trade's: only these four are executions.
    kind = EXECUTIONS.get(event)
    execution = None if kind is None else _execution(data, kind, _text(data, "execution_id"), order.broker_order_id, at)
    return TradeUpdate(
        event=event,
        known=event in EVENTS,
        order=order,
        execution=execution,
        reason=str(data.get("reason") or order.raw.get("reject_reason") or ""),
        at=at,
        raw=data,
    )


def parse_activity(raw: Any) -> Execution:
    """An account activity of type FILL. Its id is `<New York time in ms>::<execution_id of the trade update>`."""
    activity = _object(raw, "activity")
    kind = EXECUTIONS.get(_text(activity, "type"))
    if kind is None:
        raise ValueError(f"activity type {activity['type']!r} is not one of {', '.join(EXECUTIONS)}")
    stamp, separator, execution_id = _text(activity, "id").partition("::")
    if not (stamp and separator and execution_id):
        raise ValueError(f"activity id {activity['id']!r} is not of the form time::execution_id")
    at = _time(activity, "transaction_time")
    return _execution(activity, kind, execution_id, _text(activity, "order_id"), at)


def parse_clock(raw: Any) -> MarketClock:
    """https://docs.alpaca.markets/reference/getclock-1"""
    clock = _object(raw, "clock")
    if not isinstance(clock.get("is_open"), bool):
        raise ValueError(f"is_open is {clock.get('is_open')!r}")
    return MarketClock(
        at=_time(clock, "timestamp"),
        is_open=clock["is_open"],
        next_open=_time(clock, "next_open"),
        next_close=_time(clock, "next_close"),
    )


def parse_latest_trade(symbol: str, raw: Any) -> Price:
    trade = _object(raw, "trade")
    return Price(symbol=symbol, price_usd=_decimal(trade, "p"), at=_time(trade, "t"))


def parse_latest_quote(symbol: str, raw: Any) -> BidAsk:
    """https://docs.alpaca.markets/reference/stocklatestquotes-1"""
    quote = _object(raw, "quote")
    return BidAsk(symbol=symbol, bid_usd=_decimal(quote, "bp"), ask_usd=_decimal(quote, "ap"), at=_time(quote, "t"))


def parse_position(symbol: str, raw: Any) -> Decimal:
    position = _object(raw, "position")
    if _text(position, "symbol") != symbol:
        raise ValueError(f"asked for {symbol}, told of {position['symbol']}")
    return _decimal(position, "qty")


def parse_positions(raw: Any) -> dict[str, Decimal]:
    """All open positions (https://docs.alpaca.markets/reference/getallopenpositions); a short one's qty is negative."""
    if not isinstance(raw, list):
        raise ValueError("positions are no list")
    rows = [_object(item, "position") for item in raw]
    found = {_text(row, "symbol"): _decimal(row, "qty") for row in rows}
    if len(found) != len(rows):
        raise ValueError("a symbol stands among the positions twice")
    return found


def exact(quantity: Decimal) -> str:
    """A quantity as Alpaca's decimal string, without exponent and trailing zeros, never rounded."""
    text = format(quantity, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _execution(
    raw: dict[str, Any], kind: ExecutionKind, execution_id: str, broker_order_id: str, at: datetime
) -> Execution:
    return Execution(
        execution_id=execution_id,
        broker_order_id=broker_order_id,
        kind=kind,
        quantity=abs(_decimal(raw, "qty")),  # a bust states its quantity as negative
        price=_decimal(raw, "price"),
        executed_at=at,
        corrects=str(raw.get("previous_execution_id") or "") if kind is not ExecutionKind.FILL else "",
        raw=raw,
    )


def _phase(status: str, quantity: Decimal | None, filled: Decimal) -> BrokerPhase:
    if status in ("calculated", "done_for_day") and quantity is not None and filled >= quantity:
        return BrokerPhase.FILLED
    return PHASES.get(status, BrokerPhase.UNKNOWN)


def _object(raw: Any, what: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise ValueError(f"{what} is not an object but {type(raw).__name__}")
    return raw


def _text(raw: dict[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is {value!r}, not a text")
    return value


def _decimal(raw: dict[str, Any], name: str) -> Decimal:
    """A number written as a string, or a JSON number (read as its literal, see `client.exact_numbers`)."""
    value = raw.get(name)
    literal = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(literal, str) or not NUMBER.fullmatch(literal):
        raise ValueError(f"{name} is {value!r}, not a decimal")
    try:
        return Decimal(literal)
    except InvalidOperation:
        raise ValueError(f"{name} is {value!r}, out of range") from None


def _time(raw: dict[str, Any], name: str) -> datetime:
    """An RFC 3339 time in UTC; Alpaca's nanoseconds are cut to microseconds."""
    text = _text(raw, name)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}, not a time") from None
    if parsed.tzinfo is None:
        raise ValueError(f"{name} is {text!r}, without a time zone")
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{name} is {text!r}, out of range") from None


def _last_touched(order: dict[str, Any]) -> datetime:
    """When an order changed last. Where `updated_at` is null, the latest of the moments that it does tell."""
    if order.get("updated_at") is not None:
        return _time(order, "updated_at")
    told = [_time(order, name) for name in MOMENTS if order.get(name) is not None]
    if not told:
        raise ValueError("updated_at is null, and so is every other time")
    return max(told)
