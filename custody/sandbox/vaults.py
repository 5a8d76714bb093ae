"""Vault accounts, their keys and their wallets (https://developers.fireblocks.com/reference/vault-objects)."""

from __future__ import annotations

import base64
import sqlite3
from decimal import Decimal
from typing import Any

from coincurve import PrivateKey
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from custody.sandbox import wire
from custody.sandbox.store import Store
from custody.sandbox.wire import ApiError

INBOX = "agora-settlement-inbox"


def create_account(store: Store, body: dict[str, Any]) -> dict[str, Any]:
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise ApiError(400, 1002, "Create Vault Account failed: name is required")
    key = PrivateKey()
    address = to_checksum_address(keccak(key.public_key.format(compressed=False)[1:])[-20:])
    with store.atomic():
        row = store.one("SELECT COALESCE(MAX(id), -1) + 1 AS id FROM vault_accounts")
        assert row is not None
        store.run(
            "INSERT INTO vault_accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row["id"],
            name,
            bool(body.get("hiddenOnUI")),
            bool(body.get("autoFuel")),
            body.get("customerRefId"),
            key.to_hex(),
            key.public_key.format().hex(),
            address,
        )
        store.log("vault_account_created", vault_id=str(row["id"]), name=name)
    return render_account(store, account(store, row["id"]))


def account(store: Store, vault_id: object) -> sqlite3.Row:
    text = str(vault_id)
    row = store.one("SELECT * FROM vault_accounts WHERE id = ?", int(text)) if text.isdecimal() else None
    if row is None:
        raise ApiError(404, wire.NO_VAULT_ACCOUNT, "The Provided Vault Account ID is invalid: " + text)
    return row


def account_named(store: Store, name_or_id: str) -> sqlite3.Row:
    row = store.one("SELECT * FROM vault_accounts WHERE name = ? ORDER BY id LIMIT 1", name_or_id)
    return row or account(store, name_or_id)


def page(store: Store, query: dict[str, str]) -> dict[str, Any]:
    limit = query.get("limit", "300")
    if not limit.isdecimal() or not 1 <= int(limit) <= 500 or ("namePrefix" in query and "nameSuffix" in query):
        raise ApiError(400, wire.INVALID_FILTER, "GetVaultAccounts request has invalid values")
    descending = query.get("orderBy", "DESC") == "DESC"
    rows = store.all(f"SELECT * FROM vault_accounts ORDER BY id {'DESC' if descending else 'ASC'}")  # noqa: S608
    start = int(base64.urlsafe_b64decode(query["after"])) if query.get("after") else None
    kept = [row for row in rows if _matches(store, row, query)]
    if start is not None:
        kept = [row for row in kept if (row["id"] < start if descending else row["id"] > start)]
    shown, more = kept[: int(limit)], len(kept) > int(limit)
    after = base64.urlsafe_b64encode(str(shown[-1]["id"]).encode()).decode() if more else None
    return {"accounts": [render_account(store, row) for row in shown], "paging": {"after": after} if more else {}}


def _matches(store: Store, row: sqlite3.Row, query: dict[str, str]) -> bool:
    name = row["name"]
    if not name.startswith(query.get("namePrefix", "")) or not name.endswith(query.get("nameSuffix", "")):
        return False
    return "assetId" not in query or find_wallet(store, row["id"], query["assetId"]) is not None


def render_account(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    wallets = store.all("SELECT * FROM wallets WHERE vault_id = ? ORDER BY asset_id", row["id"])
    rendered = {
        "id": str(row["id"]),
        "name": row["name"],
        "hiddenOnUI": bool(row["hidden"]),
        "autoFuel": bool(row["auto_fuel"]),
        "assets": [render_wallet(store, wallet) for wallet in wallets],
    }
    return rendered | ({"customerRefId": row["customer_ref_id"]} if row["customer_ref_id"] else {})


def create_wallet(store: Store, vault_id: object, asset_id: str) -> dict[str, Any]:
    owner = account(store, vault_id)
    if find_wallet(store, owner["id"], asset_id) is not None:
        raise ApiError(400, wire.UNLISTED, f"Asset {asset_id} already exists in vault account {owner['id']}")
    with store.atomic():
        total = store.settings["inbox_balance"] if owner["name"] == INBOX else "0"
        store.run("INSERT INTO wallets VALUES (?, ?, ?)", owner["id"], asset_id, total)
        store.log("wallet_created", vault_id=str(owner["id"]), asset_id=asset_id)
    return {"id": asset_id, "address": owner["address"], "legacyAddress": "", "tag": "", "status": "READY"}


def find_wallet(store: Store, vault_id: int, asset_id: str) -> sqlite3.Row | None:
    return store.one("SELECT * FROM wallets WHERE vault_id = ? AND asset_id = ?", vault_id, asset_id)


def wallet(store: Store, vault_id: object, asset_id: str) -> sqlite3.Row:
    row = find_wallet(store, account(store, vault_id)["id"], asset_id)
    if row is None:
        raise ApiError(404, wire.NO_ASSET, f"Asset {asset_id} doesn't exist in vault account {vault_id}")
    return row


def render_wallet(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    available = available_balance(store, row)
    return {
        "id": row["asset_id"],
        "total": row["total"],
        "balance": row["total"],
        "available": plain(available),
        "pending": "0",
        "frozen": "0",
        "lockedAmount": plain(Decimal(row["total"]) - available),
    }


def available_balance(store: Store, row: sqlite3.Row) -> Decimal:
    """What no outgoing transaction has locked; summed from the transactions, so that it can't go astray."""
    locked = store.all(
        "SELECT amount FROM transactions WHERE locked = 1 AND source_id = ? AND asset_id = ?",
        row["vault_id"],
        row["asset_id"],
    )
    return Decimal(row["total"]) - sum((Decimal(tx["amount"]) for tx in locked), Decimal(0))


def add(store: Store, vault_id: int, asset_id: str, amount: Decimal) -> None:
    """Credit (or debit) a wallet. Incoming funds open it where there is none."""
    row = find_wallet(store, vault_id, asset_id)
    if row is None:
        store.run("INSERT INTO wallets VALUES (?, ?, '0')", vault_id, asset_id)
    total = (Decimal(row["total"]) if row else Decimal(0)) + amount
    if total < 0:
        raise AssertionError(f"Vault account {vault_id} would hold {total} {asset_id}")
    store.run("UPDATE wallets SET total = ? WHERE vault_id = ? AND asset_id = ?", plain(total), vault_id, asset_id)


def addresses(store: Store, vault_id: object, asset_id: str) -> list[dict[str, Any]]:
    wallet(store, vault_id, asset_id)
    owner = account(store, vault_id)
    return [
        {
            "assetId": asset_id,
            "address": owner["address"],
            "description": "",
            "tag": "",
            "type": "Permanent",
            "addressFormat": "",
            "legacyAddress": "",
            "enterpriseAddress": "",
            "bip44AddressIndex": 0,
            "userDefined": False,
        }
    ]


def plain(amount: Decimal) -> str:
    """No exponent, no trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
