"""The form of a receipt, as data: `verifier.html` holds the same two tables, and a test compares them.

A dict is an object with exactly these members, a list of one is a list of any length of it. A word names a pattern that
a whole string matches, or is `int` (0 to 2**53 - 1) or `bool`; with a `?` before it, null will do, too. The patterns
are written so that Python and JavaScript (with the `u` flag) read them alike.
"""

from __future__ import annotations

from typing import Any

FORMAT = "agora-receipt"
VERSION = 1
MAX_INT = 2**53 - 1  # beyond it, JavaScript's numbers are not exact (RFC 8785 §3.2.2.3)

PATTERNS: dict[str, str] = {
    "format": "agora-receipt",
    "sha256": "[0-9a-f]{64}",
    "uuid": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "text": "[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]{1,128}",
    "quantity": "(0|[1-9][0-9]{0,17})(\\.[0-9]{0,8}[1-9])?",
    "wei": "[1-9][0-9]{0,77}",
    "time": "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z",
    "address": "0x[0-9a-fA-F]{40}",
    "hash": "0x[0-9a-f]{64}",
    "client_order_id": "agora-[0-9a-f]{32}",
    "external_tx_id": "agora-custody-[0-9a-f]{32}-[1-9][0-9]{0,4}",
    "order_status": "PENDING|SUBMITTING|SUBMITTED|PARTIALLY_FILLED|FILLED|CUSTODY_CONFIRMED|MINT_CONFIRMED|SETTLED"
    "|REJECTED|CANCELLED|EXPIRED",
    "execution_kind": "FILL|BUST|CORRECT",
    "custody_status": "PENDING|SUBMITTED|COMPLETED|FAILED",
    "mint_status": "PENDING|SIMULATED|SIGNED|SENT|CONFIRMED|SETTLED|FINALIZED|FAILED",
    "missing": "broker_order|execution|more_executions|custody|mint|settlement",
}

CONTENT: dict[str, Any] = {
    "order": {
        "id": "uuid",
        "asset": "text",
        "quantity": "quantity",
        "recipient": "address",
        "status": "order_status",
        "statuses": [{"sequence": "int", "status": "order_status", "at": "time"}],
    },
    "broker": {
        "name": "text",
        "client_order_id": "client_order_id",
        "order_id": "?text",
        "status": "?text",
        "filled_quantity": "quantity",
        "filled_avg_price_usd": "?quantity",
        "executions": [
            {
                "execution_id": "text",
                "kind": "execution_kind",
                "quantity": "quantity",
                "price_usd": "quantity",
                "executed_at": "time",
                "corrects": "?text",
            }
        ],
    },
    "custody": {
        "movements": [
            {
                "sequence": "int",
                "custodian": "text",
                "transaction_id": "?text",
                "external_tx_id": "external_tx_id",
                "quantity": "quantity",
                "status": "custody_status",
                "completed_at": "?time",
            }
        ]
    },
    "mints": {
        "mints": [
            {
                "sequence": "int",
                "mint_key": "text",
                "chain_id": "int",
                "contract": "address",
                "token": "text",
                "recipient": "address",
                "amount_wei": "wei",
                "status": "mint_status",
                "status_at": "time",
                "tx_hash": "?hash",
                "block_number": "?int",
                "block_hash": "?hash",
                "log_index": "?int",
            }
        ]
    },
    "summary": {"as_of": "time", "complete": "bool", "missing": ["missing"]},
}
SECTIONS = tuple(CONTENT)  # in the order in which their hashes are chained

SHAPE: dict[str, Any] = {
    "format": "format",
    "version": "int",
    **{name: {"content": content, "sha256": "sha256"} for name, content in CONTENT.items()},
    "digest": "sha256",
}
