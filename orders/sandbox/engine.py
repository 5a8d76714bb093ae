"""What happens to orders. Each method is one transaction; its events are said on the stream once it is committed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from orders.sandbox import market, wire
from orders.sandbox.settings import Settings
from orders.sandbox.store import Store
from orders.sandbox.stream import Hub


class Impossible(ValueError):
    """The order is not in a state for that."""


class Engine:
    def __init__(self, store: Store, hub: Hub, settings: Settings) -> None:
        self.store, self._hub, self.settings = store, hub, settings
        self._said: list[tuple[str, dict[str, Any]]] = []
        self._depth = 0

    @contextmanager
    def unit(self) -> Iterator[None]:
        """One transaction, then its events. An inner unit is part of the outer."""
        self._depth += 1
        try:
            with self.store.transaction():
                yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                said, self._said = self._said, []
        if self._depth == 0:
            for fault, message in said:
                self._hub.publish(message, fault=fault)

    def create(
        self,
        *,
        client_order_id: str,
        asset: dict[str, Any],
        qty: Decimal,
        side: str,
        script: list[dict[str, Any]],
        stream_fault: str,
    ) -> dict[str, Any]:
        status = "pending_new" if self.settings["market_open"] else "accepted"
        order = wire.order(
            client_order_id=client_order_id,
            asset=asset,
            qty=qty,
            side=side,
            status=status,
            submitted_at=self.settings["submitted_at"] or wire.now(),
        )
        with self.unit():
            self.store.add_order(order, script=script, stream_fault=stream_fault)
            self._tell(order, status, effect="order_created", qty=order["qty"], symbol=order["symbol"])
        return order

    def release(self, order_id: str) -> None:
        """Route a waiting order to the exchange."""
        with self.unit():
            order = self.order(order_id)
            if order["status"] in ("accepted", "pending_new"):
                order["status"] = "new"
                self.store.save_order(order)
                self._tell(order, "new", effect="released")

    def fill(self, order_id: str, *, qty: Decimal | None = None, price: Decimal | None = None) -> str:
        """Trade some (default: the rest). Possible after an end, too: a cancel may cross a fill. Returns its id."""
        with self.unit():
            order = self.order(order_id)
            left = Decimal(order["qty"]) - Decimal(order["filled_qty"])
            qty = left if qty is None else qty
            if not 0 < qty <= left:
                raise Impossible(f"{wire.number(qty)} of {wire.number(left)} left cannot be filled")
            price = self.price(order["symbol"]) if price is None else price
            complete = qty == left
            if complete or order["status"] in ("new", "accepted", "pending_new"):
                order["status"] = "filled" if complete else "partially_filled"
            event = "fill" if complete else "partial_fill"
            return self._execute(order, event, change=qty, stated=qty, price=price, previous="")

    def bust(self, execution_id: str) -> str:
        """Take an execution back: quantity stated negative, under an id of its own, naming the one taken back."""
        with self.unit():
            order, standing = self._standing(execution_id)
            qty, price = standing[execution_id]
            fields = {"reason": "TRADE_BUST"}
            return self._execute(
                order, "trade_bust", change=-qty, stated=-qty, price=price, previous=execution_id, **fields
            )

    def correct(self, execution_id: str, *, qty: Decimal, price: Decimal) -> str:
        """Replace an execution: the new quantity and price are stated in full."""
        with self.unit():
            order, standing = self._standing(execution_id)
            change = qty - standing[execution_id][0]
            if qty <= 0 or Decimal(order["filled_qty"]) + change > Decimal(order["qty"]):
                raise Impossible(f"the order of {order['qty']} cannot be corrected by {wire.number(change)}")
            return self._execute(order, "trade_correct", change=change, stated=qty, price=price, previous=execution_id)

    def end(self, order_id: str, status: str, *, event: str = "", reason: str = "") -> None:
        """Set a status: canceled, expired, rejected, or any word; what is filled stays filled."""
        with self.unit():
            order = self.order(order_id)
            stamp = {"canceled": "canceled_at", "expired": "expired_at", "rejected": "failed_at"}.get(status)
            if stamp:
                order[stamp] = wire.now()
            order["status"] = status
            self.store.save_order(order)
            self._tell(order, event or status, effect=status, fields={"reason": reason} if reason else {})

    def request_cancel(self, order_id: str) -> None:
        with self.unit():
            order = self.order(order_id)
            order["status"], order["cancel_requested_at"] = "pending_cancel", wire.now()
            self.store.save_order(order)
            self._tell(order, "pending_cancel", effect="cancel_requested")

    def say(self, order_id: str, event: str, fields: dict[str, Any]) -> None:
        """An event without an effect."""
        with self.unit():
            self._tell(self.order(order_id), event, effect="said", fields=fields)

    def order(self, order_id: str) -> dict[str, Any]:
        order = self.store.order(order_id)
        if order is None:
            raise Impossible(f"no order {order_id}")
        return order

    def latest_execution(self, order_id: str) -> str:
        standing = self._standing_of(order_id)
        if not standing:
            raise Impossible(f"order {order_id} has no execution")
        return list(standing)[-1]

    def price(self, symbol: str) -> Decimal:
        at = datetime.fromisoformat(self.traded_at()).timestamp()
        return market.price(symbol, seed=self.settings["seed"], fixed=self.settings["prices"], at=at)

    def traded_at(self) -> str:
        """When the market last made a price: now, or when it closed."""
        return str(self.settings["market_closed_at"] or wire.now())

    def buying_power(self) -> Decimal:
        return Decimal(self.settings["cash"]) - self.store.invested()

    def _execute(
        self,
        order: dict[str, Any],
        event: str,
        *,
        change: Decimal,
        stated: Decimal,
        price: Decimal,
        previous: str,
        **fields: Any,
    ) -> str:
        execution_id, at = str(uuid.uuid4()), wire.now()
        before = _cost(self._standing_of(order["id"]))
        order["filled_qty"] = wire.number(Decimal(order["filled_qty"]) + change)
        order["filled_at"] = at
        activity = wire.activity(
            order=order, execution_id=execution_id, kind=event, qty=stated, price=price, at=at, previous=previous
        )
        self.store.write(
            "INSERT INTO executions (id, order_id, kind, qty, price, previous, activity) VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(execution_id, order["id"], event, str(abs(stated)), str(price), previous, wire.dumps(activity)),
        )
        standing = self._standing_of(order["id"])
        if standing:
            shares = sum((qty for qty, _ in standing.values()), Decimal(0))
            order["filled_avg_price"] = wire.number(_cost(standing) / shares)
        self.store.save_order(order)
        sign = 1 if order["side"] == "buy" else -1
        held = self.store.move_position(order["symbol"], sign * change, sign * (_cost(standing) - before))
        told = {"timestamp": at, "price": wire.number(price), "qty": wire.number(stated)}
        told |= {"position_qty": wire.number(held), "execution_id": execution_id}
        if previous:
            told["previous_execution_id"] = previous
        self._tell(order, event, effect=event, execution_id=execution_id, fields={**told, **fields})
        return execution_id

    def _standing(self, execution_id: str) -> tuple[dict[str, Any], dict[str, tuple[Decimal, Decimal]]]:
        row = self.store.one("SELECT order_id FROM executions WHERE id = ?", execution_id)
        standing = {} if row is None else self._standing_of(row["order_id"])
        if row is None or execution_id not in standing:
            raise Impossible(f"no standing execution {execution_id}")
        return self.order(row["order_id"]), standing

    def _standing_of(self, order_id: str) -> dict[str, tuple[Decimal, Decimal]]:
        """The order's executions that count: execution id → (quantity, price)."""
        standing: dict[str, tuple[Decimal, Decimal]] = {}
        for row in self.store.query("SELECT * FROM executions WHERE order_id = ? ORDER BY seq", order_id):
            standing.pop(row["previous"], None)
            if row["kind"] != "trade_bust":
                standing[row["id"]] = (Decimal(row["qty"]), Decimal(row["price"]))
        return standing

    def _tell(
        self, order: dict[str, Any], event: str, *, effect: str, fields: dict[str, Any] | None = None, **logged: Any
    ) -> None:
        """Log an effect, and say its event when the unit is committed."""
        ids = {"order_id": order["id"], "client_order_id": order["client_order_id"]}
        self.store.log("effect", effect=effect, event=event, **ids, **logged)
        row = self.store.one("SELECT stream_fault FROM orders WHERE id = ?", order["id"])
        fault = "" if row is None else row["stream_fault"]
        self._said.append((fault, wire.trade_update(event, dict(order), **(fields or {}))))


def _cost(standing: dict[str, tuple[Decimal, Decimal]]) -> Decimal:
    return sum((qty * price for qty, price in standing.values()), Decimal(0))
