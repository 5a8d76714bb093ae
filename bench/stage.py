"""An installation of its own to measure: a database with customers who may buy, each with an API key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from eth_utils.address import to_checksum_address

from accounts.services import (
    approve_customer,
    bind_wallet,
    issue_api_token,
    register_customer,
    register_tier,
    set_tier,
)
from orders.models import Asset, AssetPrice, MarketClock
from orders.services import register_asset

CUSTOMERS = 200


@dataclass(frozen=True, slots=True)
class Buyer:
    customer_id: str
    wallet: str
    key: str


def prepare(home: Path) -> list[Buyer]:
    """Migrated, AAPL offered at a price, customers approved. Once a home; afterwards it is read from a file."""
    kept = home / "buyers.json"
    call_command("migrate", verbosity=0)
    if kept.exists():
        _open_market(Asset.objects.get(symbol="AAPL"))
        return [Buyer(**row) for row in json.loads(kept.read_text())]
    now = timezone.now()
    asset = register_asset(
        symbol="AAPL",
        name="Apple Inc.",
        token_symbol="AAPL-RAT",  # noqa: S106 - a ticker
        min_quantity=Decimal("0.01"),
        max_quantity=Decimal(1000),
    )
    register_tier(country="BR", level=9, daily_limit_usd=Decimal(10**9), portfolio_cap_usd=None)
    call_command("register_rules", verbosity=0)
    _open_market(asset)
    buyers = []
    for number in range(CUSTOMERS):
        user = get_user_model().objects.create_user(username=f"bench-{number}")  # without a password
        customer = register_customer(user=user, full_name=f"Bench {number}", country="BR", now=now)
        approve_customer(customer=customer, actor="bench", now=now)
        set_tier(customer=customer, level=9)
        wallet = to_checksum_address(f"0x{number + 1:040x}")
        bind_wallet(customer=customer, address=wallet, now=now)
        buyers.append(Buyer(str(customer.pk), wallet, issue_api_token(user=user, name="bench", now=now)))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    kept.write_text(json.dumps([{"customer_id": b.customer_id, "wallet": b.wallet, "key": b.key} for b in buyers]))
    return buyers


def _open_market(asset: Asset) -> None:
    """A price and an open session that stay good for as long as a run takes: no follower refreshes them here."""
    now = timezone.now()
    later = now + timedelta(days=1)
    AssetPrice.objects.update_or_create(
        asset=asset, defaults={"price_usd": Decimal("190.25"), "at": now, "checked_at": now, "source": "bench"}
    )
    MarketClock.objects.update_or_create(
        broker="alpaca",
        defaults={"is_open": True, "next_open": later, "next_close": later, "at": now, "checked_at": now},
    )


def empty() -> None:
    """Forget every order, and what was made for many of them; the buyers stay."""
    tables = ("orders_order", "accounts_limituse", "accounts_limitday", "django_q_ormq", "accounts_idempotentrequest")
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
        cursor.execute("DROP TABLE IF EXISTS bench_buyers CASCADE")
        cursor.execute("UPDATE custody_vaultaccount SET held_quantity = 0")
        cursor.execute("UPDATE minting_token SET committed_wei = 0")
        cursor.execute("SET session_replication_role = replica")
        made = (
            "SELECT c.id FROM accounts_customer c JOIN accounts_user u ON u.id = c.user_id WHERE u.username ~ '^made-'"
        )
        cursor.execute("DELETE FROM accounts_publicevent WHERE subject_kind = 'order'")
        for table in ("accounts_wallet", "accounts_customerevent"):
            cursor.execute(f"DELETE FROM {table} WHERE customer_id IN ({made})")  # noqa: S608 - names of ours
        cursor.execute(f"DELETE FROM accounts_customer WHERE id IN ({made})")  # noqa: S608
        cursor.execute("DELETE FROM accounts_user WHERE username ~ '^made-'")
        cursor.execute("SET session_replication_role = DEFAULT")
