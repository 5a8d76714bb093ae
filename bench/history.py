"""Many stored orders, as true as those that went through the loop: `manage.py audit` finds nothing wrong with them.

By INSERT … SELECT, a statement a table. Columns that are not given take their model's default, so that a new column
needs no line here. Triggers and foreign keys are off while they are written (`session_replication_role`): what those
would have refused, the audit would find.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, models, transaction
from django.db.models.fields import AutoFieldMixin
from eth_utils.crypto import keccak
from psycopg import sql

from accounts.models import Customer, CustomerEvent, LimitDay, LimitUse, PublicEvent, User, Wallet
from custody.models import CustodyEvent, CustodyRecord, VaultAccount
from minting.models import MintEvent, MintTx, Token, TxAttempt
from orders.models import Asset, BrokerMessage, Fill, Order, OrderEvent

PER_CUSTOMER = 50  # orders of one customer, two a day
QUANTITY, PRICE_USD = "0.25", "190.25"
COST_USD = "47.57"
MINTER, CONTRACT, CODE = "0x" + "aa" * 20, "0x" + "bb" * 20, "0x00"
ORDER_PATH = ["PENDING", "SUBMITTING", "SUBMITTED", "FILLED", "CUSTODY_CONFIRMED", "MINT_CONFIRMED", "SETTLED"]
CUSTODY_PATH = ["PENDING", "SUBMITTED", "COMPLETED"]
MINT_PATH = ["PENDING", "SIMULATED", "SIGNED", "SENT", "CONFIRMED", "SETTLED", "FINALIZED"]
ANNOUNCED = ["accepted", "submitting", "submitted", "filled", "in_custody", "minted", "settled"]
# Of order i: ids in the order of their making, as ours are; the customer; the time, older orders first.
_ID = "('0190' || lpad(to_hex(i), 8, '0') || '7000{kind}' || lpad(to_hex(i), 12, '0'))::uuid"
ORDER_ID, RECORD_ID, MINT_ID, ATTEMPT_ID, CUSTOMER_ID = (
    _ID.format(kind=kind) for kind in ("8000", "8001", "8002", "8003", "8004")
)
DAY = f"(date '2026-01-01' + (((i - 1) % {PER_CUSTOMER}) / 2)::int)"
AT = f"({DAY} + time '15:00' + make_interval(secs => (i % 3600)))"


def grow(*, start: int, end: int) -> None:
    """Settled orders `start` + 1 … `end`, each with all its rows, and customers enough for them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        asset, vault, token = _asset(cursor)
        _customers(cursor, start=start, end=end)
        source = f"generate_series({start + 1}, {end}) i JOIN bench_buyers buyer ON buyer.n = (i - 1) / {PER_CUSTOMER}"
        shares = {"quantity": QUANTITY, "filled_quantity": QUANTITY, "broker_filled_quantity": QUANTITY}
        done = {"custody_quantity": QUANTITY, "minted_quantity": QUANTITY, "settled_quantity": QUANTITY}
        made = {"created_at": AT, "updated_at": AT, "attempts": "0", "next_attempt_at": "NULL"}
        _insert(
            cursor,
            Order,
            source,
            {
                **shares,
                **done,
                **made,
                "id": ORDER_ID,
                "version": "7",
                "customer_id": "buyer.id",
                "asset_id": str(asset),
                "recipient": "buyer.address",
                "client_order_id": "'mine-' || i",
                "broker_client_order_id": f"'agora-' || replace({ORDER_ID}::text, '-', '')",
                "status": "'SETTLED'",
                "broker": "'alpaca'",
                "broker_order_id": "'b-' || i",
                "broker_status": "'filled'",
                "broker_phase": "'FILLED'",
                "broker_updated_at": AT,
                "filled_avg_price": PRICE_USD,
                "custody_reference": "'tx-' || i",
                "mint_tx_hash": _hash("i"),
            },
        )
        _events(cursor, OrderEvent, source, "order_id", ORDER_ID, ORDER_PATH)
        _announce(cursor, source, start=start)
        _limits(cursor, source, start=start, end=end)
        fill = {"order_id": ORDER_ID, "broker": "'alpaca'", "execution_id": "'e-' || i", "kind": "'FILL'"}
        fill |= {"quantity": QUANTITY, "price_usd": PRICE_USD, "executed_at": AT, "recorded_at": AT}
        _insert(cursor, Fill, source, fill)
        for word in ("submit", "stream"):
            said = {"source": f"'{word}'", "order_id": ORDER_ID, "broker_order_id": "'b-' || i", "outcome": "'APPLIED'"}
            said |= {"digest": f"encode(sha256(('{word}' || i)::bytea), 'hex')", "received_at": AT}
            payload = "jsonb_build_object('id', 'b-' || i, 'status', 'filled', 'filler', repeat('x', 300))"
            _insert(cursor, BrokerMessage, source, {**said, "payload": payload})
        record = {**made, "id": RECORD_ID, "version": "3", "order_id": ORDER_ID, "vault_account_id": str(vault)}
        record |= {"sequence": "1", "quantity": QUANTITY, "status": "'COMPLETED'", "attempt": "1"}
        record |= {"external_tx_id": f"'agora-custody-' || {RECORD_ID} || '-1'", "provider_id": "'tx-' || i"}
        _insert(cursor, CustodyRecord, source, {**record, "provider_status": "'COMPLETED'", "handed_over_at": AT})
        _events(cursor, CustodyEvent, source, "record_id", RECORD_ID, CUSTODY_PATH)
        _mints(cursor, source, made, token)
        for table, column, scale in (
            ("custody_vaultaccount", "held_quantity", 0),
            ("minting_token", "committed_wei", 18),
        ):
            total = f"{QUANTITY} * 10::numeric ^ {scale} * {end - start}"
            cursor.execute(f"UPDATE {table} SET {column} = {column} + {total} WHERE asset_id = {asset}")  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _asset(cursor: Any) -> tuple[int, int, int]:
    """AAPL's row, vault and token; the token has no reserve gate, and nothing of it is on a chain."""
    asset = Asset.objects.get(symbol="AAPL")
    vault, _ = VaultAccount.objects.get_or_create(
        asset=asset,
        defaults={"custodian": "fireblocks", "name": "bench", "vendor_id": "1", "vendor_asset_id": "AAPL"},
    )
    token, _ = Token.objects.get_or_create(
        asset=asset,
        chain_id=31337,
        defaults={
            "address": CONTRACT,
            "code_hash": "0x" + keccak(hexstr=CODE).hex(),
            "minter": MINTER,
            "deployed_block": 0,
        },
    )
    # The customer and wallet of the n-th fifty orders: our buyers first, then those that are made here.
    cursor.execute("""
        CREATE TABLE IF NOT EXISTS bench_buyers AS
            SELECT row_number() OVER (ORDER BY w.id) - 1 AS n, c.id, w.address
            FROM accounts_customer c JOIN accounts_wallet w ON w.customer_id = c.id;
        CREATE UNIQUE INDEX IF NOT EXISTS bench_buyers_n ON bench_buyers (n);
    """)
    return asset.pk, vault.pk, token.pk


def _customers(cursor: Any, *, start: int, end: int) -> None:
    cursor.execute("SELECT count(*) FROM bench_buyers")
    known, wanted = cursor.fetchone()[0], -(-end // PER_CUSTOMER)
    if wanted <= known:
        return
    source = f"generate_series({known}, {wanted - 1}) i"
    at = "timestamptz '2025-12-01'"
    user = {"username": "'made-' || i", "password": "'!'", "is_active": "true", "date_joined": at}
    _insert(cursor, User, source, user)
    person = {"id": CUSTOMER_ID, "version": "2", "attempts": "0", "next_attempt_at": "NULL", "status": "'APPROVED'"}
    person |= {"user_id": "(SELECT id FROM accounts_user u WHERE u.username = 'made-' || i)", "country": "'BR'"}
    person |= {"full_name": "'Made ' || i", "tier_level": "9", "created_at": at, "updated_at": at}
    _insert(cursor, Customer, source, person)
    for n, (before, after) in enumerate((("", "PENDING"), ("PENDING", "APPROVED")), start=1):
        move = {"customer_id": CUSTOMER_ID, "sequence": str(n), "from_status": f"'{before}'", "at": at}
        _insert(cursor, CustomerEvent, source, {**move, "to_status": f"'{after}'", "actor": "'bench'"})
    wallet = {"customer_id": CUSTOMER_ID, "address": "'0x' || lpad(to_hex(i + 1), 40, '0')", "created_at": at}
    _insert(cursor, Wallet, source, wallet)
    cursor.execute(f"INSERT INTO bench_buyers SELECT i, {CUSTOMER_ID}, {wallet['address']} FROM {source}")  # noqa: S608


def _events(cursor: Any, model: type[models.Model], source: str, column: str, subject: str, path: list[str]) -> None:
    """Every step of a path."""
    steps = ", ".join(
        f"({n}, '{before}', '{after}')" for n, (before, after) in enumerate(zip(["", *path], path, strict=False), 1)
    )
    move = {column: subject, "sequence": "step.n", "from_status": "step.before", "to_status": "step.after"}
    source = f"{source} CROSS JOIN (VALUES {steps}) step (n, before, after)"
    _insert(cursor, model, source, {**move, "actor": "'bench'", "at": f"{AT} + make_interval(secs => step.n)"})


def _announce(cursor: Any, source: str, *, start: int) -> None:
    """Each move as integrators heard of it, numbered in the feed after what is there."""
    cursor.execute("SELECT coalesce(max(position), 0) FROM accounts_publicevent")
    last = cursor.fetchone()[0]
    steps = ", ".join(
        f"({n}, '{word}', '{status}')" for n, (word, status) in enumerate(zip(ANNOUNCED, ORDER_PATH, strict=True), 1)
    )
    event = {
        "event_id": "('0191' || lpad(to_hex(i), 8, '0') || '7000800' || step.n || lpad(to_hex(i), 12, '0'))::uuid",
        "type": "'order.' || step.word",
        "customer_id": "buyer.id",
        "subject_kind": "'order'",
        "subject_id": ORDER_ID,
        "sequence": "step.n",
        "data": f"jsonb_build_object('order_id', {ORDER_ID}, 'status', step.status, 'quantity', '{QUANTITY}')",
        "at": AT,
        "position": f"{last} + (i - {start} - 1) * 7 + step.n",
    }
    _insert(cursor, PublicEvent, f"{source} CROSS JOIN (VALUES {steps}) step (n, word, status)", event)


def _limits(cursor: Any, source: str, *, start: int, end: int) -> None:
    use = {"customer_id": "buyer.id", "order_id": ORDER_ID, "kind": "'RESERVE'", "day": DAY, "at": AT}
    _insert(cursor, LimitUse, source, {**use, "amount_usd": COST_USD})
    # Fifty orders begin with a new customer, and two of a day stand together: no day is cut in two.
    assert start % 2 == end % 2 == 0
    day = {"customer_id": "buyer.id", "day": DAY, "used_usd": f"2 * {COST_USD}", "limit_usd": "1000000000"}
    _insert(cursor, LimitDay, f"{source} WHERE i % 2 = 1", day)


def _mints(cursor: Any, source: str, made: Mapping[str, str], token: int) -> None:
    wei = f"{QUANTITY} * 10::numeric ^ 18"
    mint = {**made, "id": MINT_ID, "version": "7", "mint_key": "'alpaca:b-' || i || ':1'", "status": "'FINALIZED'"}
    mint |= {"recipient": "buyer.address", "amount_wei": wei, "gas": "120000", "tx_hash": _hash("i")}
    mint |= {"log_index": "0", "block_number": "-1000 - i", "block_hash": _hash("-i"), "token_id": str(token)}
    _insert(cursor, MintTx, source, {**mint, "custody_record_id": RECORD_ID, "order_id": ORDER_ID})
    _events(cursor, MintEvent, source, "mint_id", MINT_ID, MINT_PATH)
    attempt = {"id": ATTEMPT_ID, "mint_id": MINT_ID, "chain_id": "31337", "signer": f"'{MINTER}'", "nonce": "i"}
    attempt |= {"bump": "0", "gas": "120000", "max_fee_per_gas": "2000000000", "max_priority_fee_per_gas": "1"}
    attempt |= {"request_id": "'sign-' || i", "raw": "decode(repeat('ab', 200), 'hex')", "tx_hash": _hash("i")}
    _insert(cursor, TxAttempt, source, {**attempt, "allocated_at": AT, "signed_at": AT})


def _hash(of: str) -> str:
    return f"'0x' || encode(sha256(({of})::text::bytea), 'hex')"


def insertion(model: type[models.Model], given: Mapping[str, str], source: str = "") -> str:
    """A row of `model`, or one for each of `source`: expressions as given, and the model's defaults."""
    fields = [f for f in model._meta.concrete_fields if not isinstance(f, AutoFieldMixin)]
    unknown = set(given) - {field.column for field in fields}
    assert not unknown, f"{model.__name__} has no {unknown}"
    values = ", ".join(given.get(field.column) or _default(field) for field in fields)
    names = ", ".join(f'"{field.column}"' for field in fields)
    rows = f"SELECT {values} FROM {source}" if source else f"VALUES ({values})"  # noqa: S608 - names and expressions of ours
    return f"INSERT INTO {model._meta.db_table} ({names}) {rows}"


def _insert(cursor: Any, model: type[models.Model], source: str, given: Mapping[str, str]) -> None:
    cursor.execute(insertion(model, given, source))  # names and literals of ours


def _default(field: Any) -> str:
    value = field.get_db_prep_save(field.get_default(), connection)
    connection.ensure_connection()
    return sql.Literal(value).as_string(connection.connection)
