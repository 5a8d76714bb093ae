"""Rows without vendors: people, an asset, and rows of the state machines at any status, walked there legally."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import approve_customer, bind_wallet, issue_api_token, register_customer, set_tier
from agora.lib import ids, transitions
from agora.lib.statemachine import Moves
from agora.tests.world import PRICE, WALLETS, Person, register_rules
from custody.models import CustodyRecord, VaultAccount
from minting.models import MintTx, Token
from orders.models import Asset, Order
from orders.services import record_price, register_asset

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FOR_GOOD = datetime(9999, 1, 1, tzinfo=UTC)
HASH = "0x" + "ab" * 32
PASSWORD = "correct horse battery staple"


def new_asset(symbol: str = "AAPL") -> Asset:
    asset = register_asset(
        symbol=symbol,
        name=f"{symbol} Inc.",
        token_symbol=f"{symbol}-RAT",
        min_quantity=Decimal("0.01"),
        max_quantity=Decimal(1000),
    )
    # As fresh as can be, for good: most tests are not about the price's age.
    record_price(symbol=symbol, price_usd=PRICE, at=FOR_GOOD, now=FOR_GOOD)
    return asset


def new_person(name: str, *, wallet: str = WALLETS[0], is_approved: bool = True) -> Person:
    now = timezone.now()
    user = User.objects.create_user(name)
    customer = register_customer(user=user, full_name=name, country="BR", now=now)
    if is_approved:
        approve_customer(customer=customer, actor="test", now=now)
    register_rules()
    set_tier(customer=customer, level=9)
    if wallet:
        bind_wallet(customer=customer, address=wallet, now=now)
    return Person(user, customer, wallet, issue_api_token(user=user, name="test", now=now))


@transaction.atomic
def new_order(**fields: Any) -> Order:
    """A PENDING order of one share; `fields` replace ours."""
    order_id = ids.new_id()
    ours: dict[str, Any] = {
        "id": order_id,
        "quantity": Decimal(1),
        "recipient": WALLETS[0],
        "client_order_id": str(order_id),
        "broker": "alpaca",
        "broker_client_order_id": ids.broker_client_order_id(order_id),
        "next_attempt_at": NOON,
    }
    if "customer" not in fields:
        ours["customer"] = _customer()
    order = Order(**{**ours, "asset": fields.get("asset") or new_asset(), **fields})
    transitions.start(order, actor="test", now=NOON)
    return order


@transaction.atomic
def new_record(**fields: Any) -> CustodyRecord:
    """A PENDING custody record of an order's whole quantity."""
    order = fields.get("order") or new_order()
    record_id = ids.new_id()
    ours: dict[str, Any] = {
        "id": record_id,
        "order": order,
        "sequence": 1,
        "vault_account": fields.get("vault_account") or new_vault(order.asset),
        "quantity": order.quantity,
        "external_tx_id": ids.custody_external_tx_id(record_id, 1),
        "next_attempt_at": NOON,
    }
    record = CustodyRecord(**{**ours, **fields})
    transitions.start(record, actor="test", now=NOON)
    return record


@transaction.atomic
def new_mint(**fields: Any) -> MintTx:
    """A PENDING mint that already names a block, so that it may walk to any status."""
    record = fields.get("custody_record") or new_record()
    ours: dict[str, Any] = {
        "token": fields.get("token") or new_token(record.order.asset),
        "custody_record": record,
        "order": record.order,
        "mint_key": f"alpaca:{record.order_id}:1",
        "recipient": record.order.recipient,
        "amount_wei": Decimal(10) ** 18,
        "tx_hash": HASH,
        "block_number": 7,
        "block_hash": HASH,
        "next_attempt_at": NOON,
    }
    mint = MintTx(**{**ours, **fields})
    transitions.start(mint, actor="test", now=NOON)
    return mint


def new_vault(asset: Asset, **fields: Any) -> VaultAccount:
    ours = {"custodian": "fireblocks", "name": "v", "vendor_id": "1", "vendor_asset_id": "A", "inbox_vendor_id": "0"}
    return VaultAccount.objects.get_or_create(asset=asset, defaults={**ours, **fields})[0]


def new_token(asset: Asset, **fields: Any) -> Token:
    ours = {"address": WALLETS[1], "code_hash": HASH, "minter": WALLETS[0], "deployed_block": 1}
    return Token.objects.get_or_create(asset=asset, chain_id=31337, defaults={**ours, **fields})[0]


def walk_to(row: Any, status: str) -> Any:
    """Bring a new row to a status by allowed moves only, the shortest way."""
    with transaction.atomic():
        for step in _way(row.MOVES, row.status, status):
            transitions.apply(row, to=step, actor="test", now=NOON)
    return row


def move_by_sql(row: Any, to: str, *, with_event: bool = True, check_now: bool = True) -> None:
    """The move as raw SQL in the open transaction: the row, its event and, before the commit, the deferred trigger."""
    table, event = row._meta.db_table, type(row).events.rel.related_model._meta.db_table
    column = type(row).events.field.column
    version = row.version + 1
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET status = %s, version = %s WHERE id = %s", [to, version, row.pk])
        if with_event:
            cursor.execute(
                f"INSERT INTO {event} ({column}, sequence, from_status, to_status, actor, reason, data, at)"
                " VALUES (%s, %s, %s, %s, 'test', '', '{}', now())",
                [row.pk, version, row.status, to],
            )
        if check_now:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def status_pairs(moves: Moves) -> list[tuple[str, str]]:
    return [(str(before), str(after)) for before in moves for after in moves]


def _way(moves: Moves, start: str, end: str) -> list[str]:
    ways: deque[list[str]] = deque([[]])
    seen = {start}
    while ways:
        way = ways.popleft()
        at = way[-1] if way else start
        if at == end:
            return way
        for after in sorted(moves[at]):
            if after not in seen:
                seen.add(after)
                ways.append([*way, after])
    raise AssertionError(f"no way from {start} to {end}")


def _customer() -> Any:
    user = User.objects.filter(username="buyer").first()
    return user.customer if user else new_person("buyer", wallet="").customer
