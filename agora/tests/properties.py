"""The loop as a machine that Hypothesis plays with: orders, fills, cancels, busts, repetitions, deaths, reorgs, ticks.

Against real PostgreSQL, the vendors' sandboxes and a real chain; the invariants are the audit's, after each step, and
at the end the vendors' own logs and the chain.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from accounts.services import release_hold, seal_audit_log
from agora.lib import crashpoints
from agora.tests.world import World
from minting.models import MintTx
from orders.brokers import get_broker
from orders.brokers.base import Execution, ExecutionKind
from orders.models import Order
from orders.services import cancel_order, catch_up
from orders.services.ingesting import ingest_report

POINTS = [
    point
    for point in crashpoints.POINTS
    if point.partition(".")[0]
    in ("submit_order", "cancel_order", "executions", "custody", "mint", "observe", "watch", "attestation")
]
OPEN = ("SUBMITTED", "PARTIALLY_FILLED")
WAITING = ("new", "accepted", "partially_filled")  # at the broker
ENDS = ("SETTLED", "CANCELLED")
LIVES: dict[str, list[dict[str, Any]]] = {  # what the broker does with an order of one share, by itself
    "fills": [{"do": "fill"}],
    "fills in parts": [{"do": "fill", "qty": "0.3"}, {"do": "fill", "qty": "0.3"}, {"do": "fill"}],
    "waits": [{"do": "hold"}],
    "fills in part and waits": [{"do": "fill", "qty": "0.4"}, {"do": "hold"}],
    "breaks off before": [{"do": "drop", "when": "before"}],
    "breaks off after": [{"do": "drop", "when": "after"}, {"do": "fill"}],
}


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it; transactions are rolled back and locks go, as they would."""


class Loop(RuleBasedStateMachine):
    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[Order] = []
        self.busted: set[UUID] = set()
        self.minted_before, self.placed_before = self.world.supply(), self.world.broker_orders()
        self.keys_before = self.world.minted_logs()

    @rule(life=st.sampled_from(sorted(LIVES)))
    def place(self, life: str) -> None:
        quantity = Decimal(1) + Decimal(Order.objects.count() + 1).scaleb(-6)
        self.broker.scenario(*LIVES[life], qty=str(quantity))
        self.orders.append(self.world.place(str(quantity)))

    @rule(pick=st.integers(0, 9), part=st.sampled_from(["", "0.1"]))
    def fill(self, pick: int, part: str) -> None:
        if order := self._pick(pick, OPEN):
            self._drive(order, "fill", **({"qty": part} if part else {}))

    @rule(pick=st.integers(0, 9))
    def cancel(self, pick: int) -> None:
        order = self._pick(pick, ("PENDING", "SUBMITTING", *OPEN))
        if order and order.pk not in self.busted:
            cancel_order(order_id=order.pk, actor="test", now=timezone.now())

    @rule(pick=st.integers(0, 9))
    def bust(self, pick: int) -> None:
        """The broker takes back an execution of an order that still waits for more: what is held stays true."""
        catch_up(now=timezone.now())
        order = self._pick(pick, ("PARTIALLY_FILLED",))
        if order and order.filled_quantity and order.cancel_requested_at is None and self._left(order):
            self.busted.add(order.pk)
            self._drive(order, "bust")
            self._hear_of_bust(order)

    @rule()
    def repeat(self) -> None:
        """Everything that the broker lists, twice more."""
        for _ in range(2):
            catch_up(now=timezone.now())

    @precondition(lambda self: self.orders)
    @rule(point=st.sampled_from(POINTS), hit=st.integers(1, 2))
    def die(self, point: str, hit: int) -> None:
        """Turn everything until the point's hit, and there be killed; if it is never reached, that was a turn."""
        left = hit

        def here(name: str) -> None:
            nonlocal left
            left -= name == point
            if name == point and left == 0:
                raise Killed(point)

        crashpoints.here, alive = here, crashpoints.here
        try:
            self.world.tick()
        except Killed:
            self.deaths.append(point)
        finally:
            crashpoints.here = alive

    @precondition(lambda self: self.orders)
    @rule(depth=st.integers(1, 5))
    def reorganise(self, depth: int) -> None:
        self.world.outside.rpc("anvil_reorg", depth, [])

    @rule(blocks=st.integers(1, 13))
    def mine(self, blocks: int) -> None:
        self.world.outside.mine(blocks)

    @rule()
    def tick(self) -> None:
        self.world.tick()

    @invariant()
    def audit_is_clean(self) -> None:
        seal_audit_log(now=timezone.now())  # as the follower would
        if violations := self.world.violations():
            self.failures.append(f"{violations}, deaths {self.deaths}")
        assert violations == []

    def teardown(self) -> None:
        """Quiesce: what waits is filled, holds for busts are released; then each effect is there once."""
        self.world.until(self._is_done, within=60.0)
        self.audit_is_clean()
        rows = [Order.objects.get(pk=order.pk) for order in self.orders]
        filled = sum((row.filled_quantity for row in rows), Decimal(0))
        assert self.world.supply() - self.minted_before == filled
        assert self.world.minted_logs() - self.keys_before == sum(row.status == "SETTLED" for row in rows)
        created = self.broker.log("effect", effect="order_created")[self.placed_before :]
        ids = [entry["client_order_id"] for entry in created]
        assert len(ids) == len(set(ids))
        assert set(ids) == {row.broker_client_order_id for row in rows if row.broker_order_id}

    deaths: ClassVar[list[str]] = []
    failures: ClassVar[list[str]] = []  # as they first were: played again, the world is another

    @property
    def broker(self) -> Any:
        return self.world.outside.broker.control

    def _is_done(self) -> bool:
        for order in Order.objects.filter(pk__in=[order.pk for order in self.orders]):
            if order.pk in self.busted:
                release_hold(subject=f"order:{order.pk}", owner="broker-facts", actor="test", now=timezone.now())
            if order.status in OPEN and order.cancel_requested_at is None and self._left(order):
                self._drive(order, "fill")
        if MintTx.objects.filter(status="CONFIRMED").exists():
            self.world.outside.mine(12)
        return not Order.objects.filter(pk__in=[o.pk for o in self.orders]).exclude(status__in=ENDS).exists()

    def _pick(self, number: int, statuses: tuple[str, ...]) -> Order | None:
        found = Order.objects.filter(pk__in=[order.pk for order in self.orders], status__in=statuses).order_by("pk")
        return found[number % len(found)] if found else None

    def _hear_of_bust(self, order: Order) -> None:
        """As the stream would say it, which nobody follows here: unheard of, a bust is a break of the books."""
        report = get_broker().find_by_client_order_id(order.broker_client_order_id)
        gone = order.fills.filter(kind="FILL").order_by("executed_at", "execution_id").last()
        assert report is not None
        assert gone is not None
        bust = Execution(
            execution_id=f"bust-{gone.execution_id}",
            broker_order_id=order.broker_order_id,
            kind=ExecutionKind.BUST,
            quantity=gone.quantity,
            price=gone.price_usd,
            executed_at=timezone.now(),
            corrects=gone.execution_id,
            raw={"bust": gone.execution_id},
        )
        said = {"source": "stream", "event": "trade_bust", "known": True, "reason": "", "raw": bust.raw}
        ingest_report(report=report, execution=bust, now=timezone.now(), **said)

    def _left(self, order: Order) -> Decimal:
        said = get_broker().find_by_client_order_id(order.broker_client_order_id)
        assert said is not None
        return said.quantity - said.filled_quantity if said.status in WAITING else Decimal(0)

    def _drive(self, order: Order, what: str, **fields: Any) -> None:
        if what != "fill" or self._left(order) > Decimal(fields.get("qty", "0")):
            self.broker.order(order.broker_order_id, what, **fields)
