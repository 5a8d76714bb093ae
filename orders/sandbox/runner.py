"""Drives each order through its script: the default fill, or the steps of a scenario. Goes on after a restart."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

from orders.sandbox import wire
from orders.sandbox.engine import Engine, Impossible
from orders.sandbox.refusals import order_wrong


class Runner:
    def __init__(self, engine: Engine) -> None:
        self._engine, self._store = engine, engine.store
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancels: dict[str, asyncio.Event] = {}
        self._open = asyncio.Event()
        self.market_changed()

    def market_changed(self) -> None:
        if self._engine.settings["market_open"]:
            self._open.set()
        else:
            self._open.clear()

    def resume(self) -> None:
        """Start what was under way when the process died."""
        for row in self._store.query("SELECT id FROM orders WHERE step < json_array_length(script)"):
            self.start(row["id"])

    def start(self, order_id: str) -> None:
        self._cancels[order_id] = asyncio.Event()
        if self._engine.order(order_id)["cancel_requested_at"]:
            self._cancels[order_id].set()
        task = asyncio.create_task(self._run(order_id))
        self._tasks[order_id] = task
        task.add_done_callback(lambda _: self._forget(order_id))

    def stop(self) -> None:
        for task in list(self._tasks.values()):
            task.cancel()

    def cancel(self, order_id: str) -> None:
        """What DELETE asks for. Refused when the order has ended; a second cancel is no error."""
        order = self._engine.order(order_id)
        if order["status"] in ("canceled", "pending_cancel"):
            return
        if order["status"] not in wire.OPEN_STATUSES:
            raise order_wrong(f'order is already in "{order["status"]}" state')
        if any(step["do"] == "wait_cancel" for step in self._left(order_id)):
            self._engine.request_cancel(order_id)
            self._cancels[order_id].set()
            return
        with self._engine.unit():
            self._engine.end(order_id, "canceled")
            self.finish(order_id)

    def finish(self, order_id: str) -> None:
        """Drop what is left of the script."""
        self._store.write("UPDATE orders SET step = json_array_length(script) WHERE id = ?", order_id)
        task = self._tasks.pop(order_id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _run(self, order_id: str) -> None:
        await self._open.wait()
        self._engine.release(order_id)
        while left := self._left(order_id):
            step = left[0]
            if step["do"] == "hold":
                self.finish(order_id)
                return
            if step["do"] == "wait_cancel":
                await self._cancels[order_id].wait()
            default = self._engine.settings["fill_delay"] if step["do"] == "fill" else 0
            await asyncio.sleep(float(step.get("after", default)))
            if step["do"] == "fill":
                await self._open.wait()
            with self._engine.unit():
                self._store.write("UPDATE orders SET step = step + 1 WHERE id = ?", order_id)
                self._do(order_id, step)

    def _do(self, order_id: str, step: dict[str, Any]) -> None:
        try:
            perform(self._engine, order_id, step)
        except Impossible as problem:  # driven by hand in between
            self._store.log("effect", effect="step_skipped", step=step, order_id=order_id, problem=str(problem))

    def _left(self, order_id: str) -> list[dict[str, Any]]:
        row = self._store.one("SELECT script, step FROM orders WHERE id = ?", order_id)
        return [] if row is None else json.loads(row["script"])[row["step"] :]

    def _forget(self, order_id: str) -> None:
        self._tasks.pop(order_id, None)
        self._cancels.pop(order_id, None)


def perform(engine: Engine, order_id: str, step: dict[str, Any]) -> None:
    """One step of an order's life, from a script or by hand. Impossible where the order is not in a state for it."""
    match step["do"]:
        case "fill":
            engine.fill(order_id, qty=_quantity(engine, order_id, step), price=_decimal(step, "price"))
        case "bust":
            engine.bust(step.get("execution_id") or engine.latest_execution(order_id))
        case "correct":
            execution_id = step.get("execution_id") or engine.latest_execution(order_id)
            engine.correct(execution_id, qty=Decimal(str(step["qty"])), price=Decimal(str(step["price"])))
        case "cancel":
            engine.end(order_id, "canceled", reason=step.get("reason", ""))
        case "expire":
            engine.end(order_id, "expired")
        case "reject_order" | "reject":
            engine.end(order_id, "rejected", reason=step.get("reason", "rejected by the exchange"))
        case "status":
            engine.end(order_id, step["status"], event=step.get("event", ""))
        case "say":
            engine.say(order_id, step["event"], step.get("fields", {}))


def _quantity(engine: Engine, order_id: str, step: dict[str, Any]) -> Decimal | None:
    if "part" in step:  # of the whole order, in billionths of a share rounded down
        whole = Decimal(engine.order(order_id)["qty"])
        return Decimal(int(whole * Decimal(step["part"]) * 10**9)) / 10**9
    return _decimal(step, "qty")


def _decimal(step: dict[str, Any], name: str) -> Decimal | None:
    return None if step.get(name) is None else Decimal(str(step[name]))
