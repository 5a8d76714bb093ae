"""A small installation on which a scenario plays, and what speaks against it at the end."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from agora.lib.errors import VendorError
from agora.tests.chaos import books, judge
from agora.tests.world import LATER, World
from custody.models import CustodyEvent
from custody.services import sweep_custody
from minting.models import MintEvent
from minting.services import sweep_mints, watch_chain_once
from orders.models import Order, OrderEvent
from orders.services import list_at_broker, sweep_orders
from reserves.services import keep_attested

ENDED = ("SETTLED", "REJECTED", "CANCELLED", "EXPIRED")
LONGEST = 40.0  # seconds
IDLE, IDLE_TURNS = 1.5, 6  # seconds, and rounds: longer than any grace or delay of the scenarios
DEEP = 13  # blocks: a mint under them is settled


@dataclasses.dataclass(frozen=True)
class Taken:
    """An order that a customer was told is taken."""

    order_id: str
    symbol: str
    quantity: Decimal
    wallet: str


@dataclasses.dataclass(frozen=True)
class Token:
    symbol: str
    address: str
    minter: str


class Case:
    def __init__(self, world: World) -> None:
        self.world = world
        self.taken: list[Taken] = []
        self.deliveries = 1  # of each task
        self.guards: list[str] = []  # what the code or the database refused, loudly
        self._before = self._read()

    def place(self, quantity: str = "0.25", client_order_id: str = "") -> Order:
        order = self.world.place(quantity, client_order_id)
        taken = Taken(str(order.pk), "AAPL", Decimal(quantity), order.recipient)
        if taken not in self.taken:
            self.taken.append(taken)
        return order

    def run_tasks(self) -> None:
        """As a worker would: a task that fails is noted, and the next one runs."""
        while self.run_one_task():
            continue

    def run_one_task(self) -> bool:
        row = OrmQ.objects.order_by("pk").first()
        if row is None:
            return False
        task = row.task
        row.delete()
        for _ in range(self.deliveries):
            self.guarded(lambda: import_string(task["func"])(*task["args"]))
        return True

    def turn(self) -> None:
        """Once round everything, as World.tick, whatever fails."""
        now = timezone.now()
        self.run_tasks()
        steps: list[Callable[[], Any]] = [
            lambda: list_at_broker(now=now),
            lambda: self._watch(),
            lambda: keep_attested(now=now),
            *[lambda sweep=sweep: sweep(now=now + LATER) for sweep in (sweep_orders, sweep_custody, sweep_mints)],
        ]
        for step in steps:
            self.guarded(step)
        self.run_tasks()

    def guarded(self, step: Callable[[], Any]) -> None:
        try:
            step()
        except VendorError:  # waited out, as the loops do
            return
        except Exception as problem:  # noqa: BLE001 - whatever a guard raises is the finding
            self.guards.append(f"{type(problem).__name__}: {str(problem).splitlines()[0]}")

    def until(self, condition: Callable[[], Any]) -> bool:
        """Turn until it holds, or until nothing has moved for a while, however slow the machine; whether it holds."""
        end = time.monotonic() + LONGEST
        seen, moved_at, turns = self._moves(), time.monotonic(), 0
        while not (holds := bool(condition())) and time.monotonic() < end:
            if turns > IDLE_TURNS and time.monotonic() > moved_at + IDLE:
                break
            self.turn()
            time.sleep(0.05)
            turns += 1
            if (now := self._moves()) != seen:
                seen, moved_at, turns = now, time.monotonic(), 0
        return holds

    def _moves(self) -> int:
        return OrderEvent.objects.count() + CustodyEvent.objects.count() + MintEvent.objects.count()

    def is_minted(self) -> bool:
        ids = [taken.order_id for taken in self.taken]
        return not Order.objects.filter(pk__in=ids).exclude(status__in=("MINT_CONFIRMED", *ENDED)).exists()

    def is_over(self) -> bool:
        return not Order.objects.filter(pk__in=[t.order_id for t in self.taken]).exclude(status__in=ENDED).exists()

    def finish(self) -> list[str]:
        """Give it time, and blocks; then everything that speaks against it. [] when all is well."""
        self.until(self.is_minted)
        self.world.outside.mine(DEEP)
        self.until(self.is_over)
        return self.evidence()

    def evidence(self) -> list[str]:
        stuck = [
            f"STUCK: {order.pk} is {order.status}"
            for order in Order.objects.filter(pk__in=[t.order_id for t in self.taken]).exclude(status__in=ENDED)
        ]
        told = self.told()
        found = [*judge.unbacked(told), *judge.findings(self.taken, told)]
        audit = [f"AUDIT: {violation}" for violation in self.world.violations()]
        return [*(f"GUARD: {guard}" for guard in self.guards[:3]), *found, *stuck, *audit]

    def unbacked(self) -> list[str]:
        """What must not be at any moment: more tokens than shares in custody."""
        return [*judge.unbacked(self.told())]

    def told(self) -> books.Books:
        """What the outside world has recorded since this case began."""
        return self._read().since(self._before)

    def _watch(self) -> None:
        for _ in range(50):  # a bug may have it look at the same block for ever
            if not watch_chain_once(now=timezone.now()):
                return

    def _read(self) -> books.Books:
        token, outside = self.world.token, self.world.outside
        return books.read(
            broker=outside.directory / "alpaca",
            custodian=outside.directory / "fireblocks",
            chain_url=outside.chain_url,
            tokens=[Token("AAPL", token.address, token.minter)],
            since=token.deployed_block,
        )
