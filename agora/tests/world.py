"""One installation in one process: its customers, and a hand to turn its loops."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from accounts.models import Customer, User
from accounts.services import (
    approve_customer,
    bind_wallet,
    issue_api_token,
    publish_disclosures,
    register_customer,
    register_tier,
    register_tiers,
    seal_audit_log,
    set_tier,
)
from agora.lib.invariants import check
from agora.management.commands.audit import all_invariants
from agora.tests.outside import Outside
from custody.services import sweep_custody
from minting.models import MintTx, Token
from minting.services import sweep_mints, watch_chain_once
from orders.models import Order
from orders.services import list_at_broker, place_order, record_price, register_asset, sweep_orders
from reserves.services import keep_attested

WALLETS = ("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")
PRICE = Decimal(220)  # US$, at intake; the broker fills at its own
LATER = timedelta(hours=1)  # what waits for its nudge is due by then


@dataclasses.dataclass
class Person:
    user: User
    customer: Customer
    wallet: str
    token: str  # API

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclasses.dataclass
class World:
    outside: Outside
    alice: Person
    bob: Person
    token: Token

    def place(self, quantity: str = "0.25", client_order_id: str = "", person: Person | None = None) -> Order:
        buyer = person or self.alice
        record_price(symbol="AAPL", price_usd=PRICE, at=timezone.now(), now=timezone.now())
        order, _ = place_order(
            customer=buyer.customer,
            symbol="AAPL",
            quantity=Decimal(quantity),
            recipient=buyer.wallet,
            client_order_id=client_order_id,
            now=timezone.now(),
        )
        return order

    def run_tasks(self) -> int:
        """Run what is queued, oldest first, as a worker would, until nothing is; how many ran."""
        ran = 0
        while row := OrmQ.objects.order_by("pk").first():
            task = row.task
            row.delete()
            import_string(task["func"])(*task["args"])
            ran += 1
        return ran

    def tick(self) -> None:
        """One turn of everything: tasks, the broker's list, the chain, reports, and the sweeps as if it were later."""
        self.run_tasks()
        list_at_broker(now=timezone.now())
        while watch_chain_once(now=timezone.now()):
            pass
        keep_attested(now=timezone.now())
        for sweep in (sweep_orders, sweep_custody, sweep_mints):
            sweep(now=timezone.now() + LATER)
        self.run_tasks()

    def until(self, condition: Callable[[], Any], within: float = 60.0) -> None:
        """Turn everything until the condition holds."""
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, f"not within {within:g} s: {self.describe()}"
            self.tick()
            time.sleep(0.01)

    def until_status(self, order: Order, *statuses: str) -> Order:
        self.until(lambda: Order.objects.filter(pk=order.pk, status__in=statuses).exists())
        return Order.objects.get(pk=order.pk)

    def until_minted(self, order: Order) -> Order:
        return self.until_status(order, "MINT_CONFIRMED", "SETTLED")

    def until_settled(self, order: Order) -> Order:
        self.until_minted(order)
        self.outside.mine(12)
        return self.until_status(order, "SETTLED")

    def balance(self, person: Person | None = None) -> Decimal:
        """Tokens at a wallet, by a bare eth_call."""
        data = "0x70a08231" + (person or self.alice).wallet[2:].lower().rjust(64, "0")
        return self._amount(data)

    def supply(self) -> Decimal:
        return self._amount("0x18160ddd")

    def _amount(self, data: str) -> Decimal:
        answer = self.outside.rpc("eth_call", {"to": self.token.address, "data": data}, "latest")
        return Decimal(int(answer, 16)).scaleb(-18)

    def violations(self) -> list[str]:
        """What `manage.py audit` would complain of."""
        verdicts = [check(invariant) for invariant in all_invariants()]
        return [f"{verdict.name}: {verdict.violations}" for verdict in verdicts if not verdict.holds]

    def describe(self) -> str:
        orders = [(o.status, o.broker_status, o.filled_quantity, o.reason) for o in Order.objects.all()]
        mints = [(m.status, m.reason) for m in MintTx.objects.all()]
        return f"orders {orders}, mints {mints}"

    # What the vendors' own logs say.
    def broker_orders(self) -> int:
        return len(self.outside.broker.control.log("effect", effect="order_created"))

    def custody_transactions(self, order_id: UUID | None = None) -> int:
        created = self.outside.custodian.control.log(after=self._custodian_mark, kind="transaction_created")
        return sum(str(entry.get("external_tx_id", "")).startswith("agora-custody-") for entry in created)

    def minted_logs(self) -> int:
        entries = self.outside.rpc(
            "eth_getLogs", {"address": self.token.address, "fromBlock": hex(self.token.deployed_block)}
        )
        transfers = [e for e in entries if e["topics"][0].startswith("0xddf252ad")]  # Transfer(address,address,uint256)
        return len(transfers)

    _custodian_mark: int = 0


def build_world(outside: Outside) -> World:
    asset = register_asset(
        symbol="AAPL",
        name="Apple Inc.",
        token_symbol="AAPL-RAT",
        min_quantity=Decimal("0.01"),
        max_quantity=Decimal(1000),
    )
    register_rules()
    record_price(symbol=asset.symbol, price_usd=PRICE, at=timezone.now(), now=timezone.now())
    call_command("deploy_token", asset.symbol, stdout=StringIO())
    token = Token.objects.get()
    alice, bob = (_person(name, wallet) for name, wallet in zip(("alice", "bob"), WALLETS, strict=True))
    seal_audit_log(now=timezone.now())  # as the follower would: no test takes a minute's silence for a fault
    log = outside.custodian.control.log(kind="transaction_created")
    world = World(outside, alice, bob, token)
    world._custodian_mark = max((entry["id"] for entry in log), default=0)
    return world


def register_rules() -> None:
    """Tiers 1 and 2 as at the start, and a ninth without a limit worth the name: most tests are not about limits."""
    register_tiers()
    publish_disclosures(now=timezone.now())
    register_tier(country="BR", level=9, daily_limit_usd=Decimal(10**9), portfolio_cap_usd=None)


def _person(name: str, wallet: str) -> Person:
    now = timezone.now()
    user = User.objects.create_user(name)
    customer = register_customer(user=user, full_name=name, country="BR", now=now)
    approve_customer(customer=customer, actor="test", now=now)
    set_tier(customer=customer, level=9)
    bind_wallet(customer=customer, address=wallet, now=now)
    return Person(user, customer, wallet, issue_api_token(user=user, name="test", now=now))
