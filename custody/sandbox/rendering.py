"""A transaction as the API and the webhooks show it (https://developers.fireblocks.com/transactions: objects)."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from custody.sandbox.store import Store


def render(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    amount, moves = row["amount"], row["operation"] == "TRANSFER"
    number = float(amount)  # a lossy JSON number, as there: "deprecated, use amountInfo for accuracy"
    return {
        "id": row["id"],
        "externalTxId": row["external_tx_id"],
        "createdAt": row["created_at"],
        "lastUpdated": row["last_updated"],
        "assetId": row["asset_id"],
        "source": _peer(store, row["source_id"]),
        "destination": _peer(store, row["destination_id"]),
        "amount": number if moves else None,
        "requestedAmount": number if moves else None,
        "netAmount": number if moves and row["status"] == "COMPLETED" else -1,
        "networkFee": -1,
        "amountUSD": None,
        "amountInfo": {"amount": amount, "requestedAmount": amount, "netAmount": amount} if moves else {},
        "feeInfo": {},
        "feeCurrency": row["asset_id"],
        "sourceAddress": "",
        "destinationAddress": "",
        "destinationAddressDescription": "",
        "destinationTag": "",
        "status": row["status"],
        "subStatus": row["sub_status"],
        "txHash": row["tx_hash"],
        "signedBy": [],
        "createdBy": "agora-sandbox",
        "rejectedBy": "",
        "addressType": "",
        "note": row["note"],
        "exchangeTxId": "",
        "operation": row["operation"],
        "customerRefId": None,
        "numOfConfirmations": int(row["status"] == "COMPLETED" and moves),
        "destinations": [],
        "blockInfo": {},
        "signedMessages": json.loads(row["signed_messages"]),
        "extraParameters": json.loads(row["request"]).get("extraParameters") or {},
        "assetType": "ERC20",
    }


def _peer(store: Store, vault_id: int | None) -> dict[str, Any]:
    if vault_id is None:
        return {"id": None, "type": "UNKNOWN", "name": "N/A", "subType": ""}
    row = store.one("SELECT name FROM vault_accounts WHERE id = ?", vault_id)
    name = row["name"] if row else ""
    return {"id": str(vault_id), "type": "VAULT_ACCOUNT", "name": name, "subType": ""}
