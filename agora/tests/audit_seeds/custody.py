"""Custody records and vaults."""

from __future__ import annotations

from agora.tests.audit_seeds.sql import detour

SEEDS: dict[str, tuple[str, list[str]]] = {
    "a record went by a way that does not exist": (
        "custody_custodyrecord: every event is a legal move",
        detour("custody_custodyevent", "FAILED"),
    ),
    "a vault's total is off": (
        "a vault's running total is the sum of its completed records",
        ["UPDATE custody_vaultaccount SET held_quantity = held_quantity + 1"],
    ),
    "a completed record is handed over to nobody": (
        "a custody record that is not done is going to be looked at",
        ["UPDATE custody_custodyrecord SET handed_over_at = NULL, next_attempt_at = NULL"],
    ),
    "a record's time came long ago": (
        "a custody record that is due is looked at",
        ["UPDATE custody_custodyrecord SET next_attempt_at = now() - interval '16 minutes'"],
    ),
    "an orphan at the custodian": (
        "no transaction at the custodian carries our prefix without a row of ours",
        [
            "INSERT INTO custody_vendormessage (digest, event_id, event_type, provider_id, external_tx_id, body,"
            f" received_at) VALUES ('d', '', '', 'p', 'agora-custody-{'0' * 32}-1', '', now())"
        ],
    ),
    "a record's event is gone": (
        "custody_custodyrecord: events are gapless and joined",
        ["DELETE FROM custody_custodyevent WHERE sequence = 2"],
    ),
    "a record has lost its last event": (
        "custody_custodyrecord: the status is the last event's",
        ["DELETE FROM custody_custodyevent WHERE to_status = 'COMPLETED'"],
    ),
}

SEEDS_OF_SEVERAL: dict[str, tuple[set[str], list[str]]] = {
    "more custody than fills": (
        {
            "custody, minted and settled quantities never exceed the one before",
            "an order's custody quantity is the sum of its completed records",
        },
        ["UPDATE orders_order SET custody_quantity = custody_quantity + 1"],
    ),
    "less custody than mints": (
        {
            "custody, minted and settled quantities never exceed the one before",
            "an order's custody quantity is the sum of its completed records",
        },
        ["UPDATE orders_order SET custody_quantity = 0"],
    ),
}
