"""The broker port: what Agora asks of whoever executes its orders.

Quantities are shares (Decimal, at most 9 decimals), prices US dollars a share. Every method makes at most one HTTP
call a page, with time-outs and no retry of its own, and raises `Rejected`, `Unavailable` or `Uncertain`
(agora.lib.errors).
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol


class BrokerPhase(enum.StrEnum):
    """What a broker's order status means to us. The broker's own word is kept beside it."""

    OPEN = "OPEN"  # working, or waiting for the market, or about to be cancelled or replaced: may still fill
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"  # also replaced, done for the day and the like: nothing more will fill; part may have
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"  # a status that was not in the broker's documents when this was written


class ExecutionKind(enum.StrEnum):
    FILL = "FILL"
    BUST = "BUST"  # the broker took an execution back
    CORRECT = "CORRECT"  # the broker replaced an execution's quantity or price


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    client_order_id: str  # ours, saved before the call; at most 48 characters
    symbol: str
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOrder:
    broker_order_id: str
    client_order_id: str
    symbol: str
    side: str  # "buy" | "sell"
    quantity: Decimal | None  # None for an order by notional (not ours)
    filled_quantity: Decimal
    filled_avg_price: Decimal | None
    status: str  # the broker's word
    phase: BrokerPhase
    updated_at: datetime
    raw: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    execution_id: str
    broker_order_id: str
    kind: ExecutionKind
    quantity: Decimal  # as stated by the broker, never negative; a BUST states what was taken back
    price: Decimal
    executed_at: datetime
    corrects: str  # BUST, CORRECT: the execution_id taken back or replaced ("" if the broker did not say)
    raw: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeUpdate:
    event: str  # the broker's word: "fill", "canceled", …
    known: bool  # False: an event type that was not in the broker's documents when this was written
    order: BrokerOrder
    execution: Execution | None
    reason: str  # the broker's explanation, on a rejection
    at: datetime
    raw: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedUpdate:
    """A message of the stream that could not be read as a trade update: kept and shown, never dropped."""

    problem: str
    raw: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOpened:
    """The stream is authenticated and listening: whatever happened before this moment must be listed."""


StreamItem = TradeUpdate | MalformedUpdate | StreamOpened


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    symbol: str
    price_usd: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BidAsk:
    """What is bid and asked for a share. Zero: nobody does, as is usual at night."""

    symbol: str
    bid_usd: Decimal
    ask_usd: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketClock:
    """The regular session, 9:30 to 16:00 New York time on trading days. While it is closed, the next close follows
    the next open; while it is open, the other way round."""

    at: datetime  # the broker's own time
    is_open: bool
    next_open: datetime
    next_close: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CorporateAction:
    """Something that a company does to its shares, as the broker announces it: a split, a merger, a new name."""

    kind: str  # the broker's word: "forward_splits", "cash_dividends", …; new ones appear
    symbols: frozenset[str]  # whom it is about; empty where that cannot be read
    effective_on: date | None  # the first trading day on which a share is another thing; None: cannot be read
    told: str  # the announcement in the broker's own words, shortened


class Broker(Protocol):
    name: str  # "alpaca": stored with each fill

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Place a market buy order, good for the day: the regular session that is open, or else the next one, for
        which the broker keeps it. Rejected carries the broker's words and `vendor_code`."""

    def find_by_client_order_id(self, client_order_id: str) -> BrokerOrder | None:
        """The order of that id of ours, or None. Right after a time-out None proves nothing: ask again later."""

    def list_orders(self, *, status: str, after: datetime | None = None) -> list[BrokerOrder]:
        """Orders `open`, `closed` or `all`, submitted after a moment, all pages, oldest first."""

    def list_executions(self, *, after: datetime | None = None) -> list[Execution]:
        """Every execution since a moment (inclusive), all pages, oldest first."""

    def cancel(self, broker_order_id: str) -> None:
        """Ask for a cancel. It may cross a fill: only the order's later status tells. Rejected: can't be cancelled."""

    def position(self, symbol: str) -> Decimal:
        """Shares held at the broker in all; 0 where there is no position."""

    def positions(self) -> dict[str, Decimal]:
        """Shares held at the broker, by symbol, in one call; a symbol without a position is missing."""

    def latest_price(self, symbol: str) -> Price:
        """The latest trade, of any session."""

    def latest_quote(self, symbol: str) -> BidAsk:
        """The latest best bid and ask."""

    def clock(self) -> MarketClock: ...

    def corporate_actions(self, *, symbols: Iterable[str], first: date, last: date) -> list[CorporateAction]:
        """What is announced for these shares between two days, both included, all pages."""

    def stream(self, stop: threading.Event) -> Iterator[StreamItem]:
        """Follow trade updates until `stop` is set or the connection ends (then Unavailable is raised).

        Yields StreamOpened once listening. The broker does not replay what happened while nobody listened.
        """
