"""Transactions: created, walked from status to status, rendered (https://developers.fireblocks.com/reference/statuses).

A TRANSFER goes SUBMITTED → QUEUED → PENDING_SIGNATURE → CONFIRMING → COMPLETED, a RAW SUBMITTED → PENDING_SIGNATURE →
COMPLETED. What is still to come is stored with the transaction as `steps`, so a restarted sandbox goes on with it.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

from custody.sandbox import scenarios, signing, vaults, webhooks, wire
from custody.sandbox.store import Store
from custody.sandbox.wire import ApiError

PATHS = {
    "TRANSFER": ("QUEUED", "PENDING_SIGNATURE", "CONFIRMING", "COMPLETED"),
    "RAW": ("PENDING_SIGNATURE", "COMPLETED"),
}
FINAL = {"COMPLETED", "FAILED", "REJECTED", "BLOCKED", "CANCELLED", "TIMEOUT"}
STOPPED_EARLY = {"BLOCKED", "REJECTED"}  # by policy, before anything was queued
CANCELLABLE = {"SUBMITTED", "QUEUED", "PENDING_AUTHORIZATION", "PENDING_SIGNATURE", "PENDING_AML_SCREENING"}


def create(store: Store, body: dict[str, Any], *, may_sign: bool = True) -> dict[str, str]:
    external_tx_id = body.get("externalTxId")
    if external_tx_id:
        _burn(store, str(external_tx_id))
    with store.atomic():
        row = _checked(store, body)
        facts = scenarios.request_facts("POST", "/v1/transactions", body) | {"amount": row["amount"]}
        effects = scenarios.claim_for_transaction(store, facts)
        if row["operation"] == "RAW" and not may_sign:
            effects = {"fail": {"status": "BLOCKED", "sub_status": "BLOCKED_BY_POLICY"}}
        steps = _steps(row["operation"], effects, store.settings)
        now = time.time()
        row |= {
            "id": str(uuid.uuid4()),
            "external_tx_id": external_tx_id,
            "note": str(body.get("note") or ""),
            "request": json.dumps(body),
            "status": "SUBMITTED",
            "sub_status": "",
            "tx_hash": "",
            "signed_messages": "[]",
            "created_at": int(now * 1000),
            "last_updated": int(now * 1000),
            "steps": json.dumps(steps),
            "options": json.dumps(effects),
            "next_at": _next_at(steps),
        }
        columns = ", ".join(row)
        store.run(
            f"INSERT INTO transactions ({columns}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
            *row.values(),
        )
        _note(store, row["id"], "transaction_created")
        webhooks.enqueue(store, "transaction.created", get(store, row["id"]))
    return {"id": row["id"], "status": "SUBMITTED"}


def _burn(store: Store, external_tx_id: str) -> None:
    """In a commit of its own: the id stays used although the request may be refused below."""
    with store.atomic():
        if store.one("SELECT 1 FROM burned_ids WHERE external_tx_id = ?", external_tx_id):
            message = "The external tx id that was provided in the request, already exists"
            raise ApiError(400, wire.DUPLICATE_EXTERNAL_TX_ID, message)
        store.run("INSERT INTO burned_ids VALUES (?)", external_tx_id)


def _checked(store: Store, body: dict[str, Any]) -> dict[str, Any]:
    operation, source = str(body.get("operation") or "TRANSFER"), body.get("source") or {}
    if operation not in PATHS or source.get("type") != "VAULT_ACCOUNT" or not body.get("assetId"):
        raise ApiError(400, wire.UNLISTED, "This sandbox does TRANSFER and RAW of an asset from a VAULT_ACCOUNT")
    row: dict[str, Any] = {
        "operation": operation,
        "asset_id": str(body["assetId"]),
        "amount": "0",
        "source_id": vaults.account(store, source.get("id"))["id"],
        "destination_id": None,
    }
    if operation == "RAW":
        signing.check(body)
        return row
    destination = body.get("destination") or {}
    if destination.get("type") != "VAULT_ACCOUNT":
        raise ApiError(400, wire.UNLISTED, "This sandbox moves to a VAULT_ACCOUNT only")
    row["destination_id"] = vaults.account(store, destination.get("id"))["id"]
    row["amount"] = _amount(body.get("amount"))
    return row


def _amount(value: object) -> str:
    try:
        amount = Decimal(str(value))
    except InvalidOperation as exc:
        raise ApiError(400, wire.UNLISTED, f"Invalid amount: {value}") from exc
    if not amount.is_finite() or amount <= 0:
        raise ApiError(400, wire.UNLISTED, f"Invalid amount: {value}")
    return vaults.plain(amount)


def _steps(operation: str, effects: dict[str, Any], settings: dict[str, Any]) -> list[dict[str, Any]]:
    path = [{"status": status, "sub_status": ""} for status in PATHS[operation]]
    ending = effects.get("fail")
    if ending:
        kept = [] if ending["status"] in STOPPED_EARLY else path[:-1]
        path = [*kept, {"status": ending["status"], "sub_status": ending.get("sub_status", "")}]
    total = effects.get("delay", settings["raw_seconds" if operation == "RAW" else "transfer_seconds"])
    steps: list[dict[str, Any]] = [step | {"delay": total / len(path), "held": False} for step in path]
    if "hold" in effects or "hold_seconds" in effects:
        _hold(steps, effects.get("hold", "SUBMITTED"), effects.get("hold_seconds"))
    return steps


def _hold(steps: list[dict[str, Any]], status: str, seconds: float | None) -> None:
    """The step after `status` waits, for `seconds` or for its release; the status is put in where it isn't passed."""
    statuses = ["SUBMITTED", *(step["status"] for step in steps)]
    if status not in statuses[:-1]:
        steps.insert(0, {"status": status, "sub_status": "", "delay": 0, "held": False})
        statuses.insert(1, status)
    waiting = steps[statuses.index(status)]
    waiting |= {"held": True} if seconds is None else {"delay": seconds}


def _next_at(steps: list[dict[str, Any]]) -> float | None:
    return time.time() + steps[0]["delay"] if steps and not steps[0]["held"] else None


def advance(store: Store, transaction_id: str) -> None:
    """Take the next step of a transaction, with its effect on balances, in one commit."""
    with store.atomic():
        row = get(store, transaction_id)
        steps = json.loads(row["steps"])
        if not steps:
            return
        step = steps.pop(0)
        if row["operation"] == "TRANSFER" and not row["locked"] and step["status"] not in FINAL:
            if _is_covered(store, row):
                store.run("UPDATE transactions SET locked = 1 WHERE id = ?", row["id"])
            else:
                step, steps = {"status": "FAILED", "sub_status": "INSUFFICIENT_FUNDS"}, []
        if step["status"] == "COMPLETED":
            _complete(store, row)
        if step["status"] == "CONFIRMING":
            store.run("UPDATE transactions SET tx_hash = ? WHERE id = ?", "0x" + secrets.token_hex(32), row["id"])
        _move(store, row["id"], step["status"], step["sub_status"], steps)


def _is_covered(store: Store, row: sqlite3.Row) -> bool:
    wallet = vaults.find_wallet(store, row["source_id"], row["asset_id"])
    return wallet is not None and vaults.available_balance(store, wallet) >= Decimal(row["amount"])


def _complete(store: Store, row: sqlite3.Row) -> None:
    """Also when a third party fails afterwards: "the balance is deducted" (completed sub-statuses)."""
    if row["operation"] == "RAW":
        key = vaults.account(store, row["source_id"])
        signed = signing.signed_messages(row, key, json.loads(row["options"]).get("signature"))
        store.run("UPDATE transactions SET signed_messages = ? WHERE id = ?", json.dumps(signed), row["id"])
        _note(store, row["id"], "signed")
    else:
        amount = Decimal(row["amount"])
        vaults.add(store, row["source_id"], row["asset_id"], -amount)
        vaults.add(store, row["destination_id"], row["asset_id"], amount)


def _move(store: Store, transaction_id: str, status: str, sub_status: str, steps: list[dict[str, Any]]) -> None:
    store.run(
        "UPDATE transactions SET status = ?, sub_status = ?, steps = ?, next_at = ?, last_updated = ?,"
        " locked = locked AND ? WHERE id = ?",
        status,
        sub_status,
        json.dumps(steps),
        _next_at(steps),
        int(time.time() * 1000),
        status not in FINAL,
        transaction_id,
    )
    _note(store, transaction_id, status.lower() if status in FINAL else "status")
    webhooks.enqueue(store, "transaction.status.updated", get(store, transaction_id))


def release(store: Store, key: str) -> None:
    """Let a held transaction (ours or Fireblocks' id) go on at once."""
    row = store.one("SELECT * FROM transactions WHERE id = ? OR external_tx_id = ?", key, key)
    if row is None:
        raise _no_transaction(key)
    steps = json.loads(row["steps"])
    if steps:
        steps[0]["held"] = False
        store.run("UPDATE transactions SET steps = ?, next_at = ? WHERE id = ?", json.dumps(steps), 0, row["id"])


def cancel(store: Store, transaction_id: str) -> None:
    with store.atomic():
        row = get(store, transaction_id)
        if row["status"] not in CANCELLABLE:
            raise ApiError(400, wire.UNLISTED, f"Transaction in status {row['status']} can't be cancelled")
        _move(store, transaction_id, "CANCELLED", "CANCELLED_BY_USER_REQUEST", [])


def get(store: Store, transaction_id: str) -> sqlite3.Row:
    row = store.one("SELECT * FROM transactions WHERE id = ?", transaction_id)
    if row is None:
        raise _no_transaction(transaction_id)
    return row


def get_by_external_id(store: Store, external_tx_id: str) -> sqlite3.Row:
    row = store.one("SELECT * FROM transactions WHERE external_tx_id = ?", external_tx_id)
    if row is None:
        raise _no_transaction(external_tx_id)
    return row


def _no_transaction(key: str) -> ApiError:
    return ApiError(404, wire.UNLISTED, f"Transaction was not found: {key}")


def _note(store: Store, transaction_id: str, kind: str) -> None:
    row = get(store, transaction_id)
    columns = ("external_tx_id", "operation", "asset_id", "amount", "status", "sub_status", "note")
    store.log(kind, transaction_id=transaction_id, **{name: row[name] for name in columns})
