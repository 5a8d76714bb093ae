"""What goes wrong, on order: scripts that match a transaction or a request and bend what happens to it.

A scenario is a JSON object:

    match     all given must hold: operation, external_tx_id (prefix), asset, amount (as a number), endpoint
              ("POST /v1/transactions", "GET /v1/transactions/external_tx_id/", … a prefix of method and path)
    times     how often it applies (default 1, null: always)

and one or more effects. On a transaction, when it is created:

    delay     seconds from SUBMITTED to its end
    hold      the status in which it stays until released …
    hold_seconds  … or for so long
    fail      {"status": "FAILED", "sub_status": "…"}: ends so instead (also COMPLETED with a sub-status)
    signature "wrong_key" | "wrong_digest" | "high_s": what a RAW returns
    webhooks  {"duplicate": n} each n times · {"reverse": true} last first · {"drop": true} none

On a request:

    http      {"fault": "status", "status": 429, "retry_after": 1} · {"fault": "timeout", "seconds": 30} ·
              {"fault": "drop"} closes the connection · {"fault": "malformed"} half a JSON body;
              {"fault": "not_found"} says so as Fireblocks does;
              "when": "before" (default; nothing happened) or "after" the effect
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from custody.sandbox.store import Store

MATCHERS = {"operation", "external_tx_id", "asset", "amount", "endpoint"}
ON_TRANSACTION = {"delay", "hold", "hold_seconds", "fail", "signature", "webhooks"}
ON_REQUEST = {"http"}
FAULTS = {"status", "not_found", "timeout", "drop", "malformed"}
MAGIC: dict[str, dict[str, Any]] = {
    "13.13": {"fail": {"status": "BLOCKED", "sub_status": "BLOCKED_BY_POLICY"}},
    "66.66": {"hold": "PENDING_AUTHORIZATION"},
    "99.99": {"fail": {"status": "COMPLETED", "sub_status": "COMPLETED_BUT_3RD_PARTY_FAILED"}},
}


def add(store: Store, scenario: dict[str, Any]) -> int:
    unknown = scenario.keys() - ON_TRANSACTION - ON_REQUEST - {"match", "times"}
    unknown |= scenario.get("match", {}).keys() - MATCHERS
    if unknown or not scenario.keys() & (ON_TRANSACTION | ON_REQUEST):
        raise ValueError(f"Not a scenario: unknown {sorted(unknown)}, or without an effect")
    if "http" in scenario and scenario["http"].get("fault") not in FAULTS:
        raise ValueError(f"http.fault is one of {sorted(FAULTS)}")
    cursor = store.run(
        "INSERT INTO scenarios (body, remaining) VALUES (?, ?)", json.dumps(scenario), scenario.get("times", 1)
    )
    return int(cursor.lastrowid or 0)


def claim_for_transaction(store: Store, facts: dict[str, str]) -> dict[str, Any]:
    """The effects on a transaction about to be created, and one use of the scenario less."""
    claimed = _claim(store, facts, ON_TRANSACTION)
    if not claimed and facts["operation"] == "TRANSFER":
        return dict(MAGIC.get(facts["amount"], {}))
    return claimed


def claim_for_request(store: Store, facts: dict[str, str]) -> dict[str, Any] | None:
    return _claim(store, facts, ON_REQUEST).get("http")


def request_facts(method: str, path: str, body: dict[str, Any]) -> dict[str, str]:
    by_external_id = path.partition("/v1/transactions/external_tx_id/")[2]
    return {
        "endpoint": f"{method} {path}",
        "operation": str(body.get("operation") or ("TRANSFER" if path == "/v1/transactions" else "")),
        "external_tx_id": str(body.get("externalTxId") or by_external_id),
        "asset": str(body.get("assetId") or ""),
        "amount": str(body.get("amount") or ""),
    }


def _claim(store: Store, facts: dict[str, str], effects: set[str]) -> dict[str, Any]:
    for row in store.all("SELECT * FROM scenarios WHERE remaining IS NULL OR remaining > 0 ORDER BY id"):
        scenario = json.loads(row["body"])
        chosen = {name: value for name, value in scenario.items() if name in effects}
        if chosen and all(_holds(name, wanted, facts) for name, wanted in scenario.get("match", {}).items()):
            store.run("UPDATE scenarios SET remaining = remaining - 1 WHERE id = ?", row["id"])
            store.log("scenario_applied", scenario_id=row["id"], effects=chosen, **facts)
            return chosen
    return {}


def _holds(name: str, wanted: object, facts: dict[str, str]) -> bool:
    if name in ("external_tx_id", "endpoint"):
        return facts[name].startswith(str(wanted))
    if name == "amount":
        try:
            return Decimal(facts[name]) == Decimal(str(wanted))
        except InvalidOperation:
            return False
    return facts[name] == wanted
