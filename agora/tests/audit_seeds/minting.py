"""Mints, their transactions, and blocks."""

from __future__ import annotations

from agora.tests.audit_seeds.sql import FIRST, detour


def _closing(at: str) -> str:
    return (
        "INSERT INTO orders_orderclosing (order_id, cause, resolution, reference, closed_by, reason, closed_at)"
        f" SELECT id, 'mint:x', 'REFUNDED', 'case 7', 'staff:1', 'x', {at} FROM orders_order"
        " ORDER BY created_at LIMIT 1"
    )


def _switch(status: str, *moves: tuple[str, str]) -> list[str]:
    """A stop of each token at that status, after those moves."""
    columns = "id, version, attempts, created_at, updated_at, token_id, turn, what, status, asked_by, reason"
    row = f"SELECT gen_random_uuid(), {len(moves)}, 0, now(), now(), id, 'STOP', 'MINTING', '{status}', 'x', 'x'"
    steps = [
        "INSERT INTO minting_tokenswitchevent (switch_id, sequence, from_status, to_status, actor, reason, data, at)"
        f" SELECT id, {number}, '{before}', '{after}', 'x', '', '{{}}', now() FROM minting_tokenswitch"
        for number, (before, after) in enumerate(moves, start=1)
    ]
    return [
        f"INSERT INTO minting_tokenswitch ({columns}, problem, chain_id, signer, tx_hash)"
        f" {row}, '', chain_id, '', '' FROM minting_token",
        *steps,
    ]


SWITCH_ASKED = _switch("REQUESTED", ("", "REQUESTED"))
SEEDS: dict[str, tuple[str, list[str]]] = {
    "a switch went by a way that does not exist": (
        "minting_tokenswitch: every event is a legal move",
        _switch("DONE", ("", "REQUESTED"), ("REQUESTED", "DONE")),
    ),
    "a switch's event is gone": (
        "minting_tokenswitch: events are gapless and joined",
        _switch("FAILED", ("REQUESTED", "FAILED")),
    ),
    "a switch's status is not its last event's": (
        "minting_tokenswitch: the status is the last event's",
        _switch("DONE", ("", "REQUESTED")),
    ),
    "a signature for a closed order": (
        "nothing is signed for an order that was closed for good",
        [
            _closing("'2000-01-01'"),
            "INSERT INTO accounts_hold (id, subject, owner, reason, placed_at, released_by)"
            " SELECT gen_random_uuid(), 'order:' || order_id, 'closed-for-good', 'x', now(), ''"
            " FROM orders_orderclosing",
        ],
    ),
    "a mint went by a way that does not exist": (
        "minting_minttx: every event is a legal move",
        detour("minting_mintevent", "SENT"),
    ),
    "a mint's event is gone": (
        "minting_minttx: events are gapless and joined",
        ["DELETE FROM minting_mintevent WHERE sequence = 2"],
    ),
    "a mint has lost its last event": (
        "minting_minttx: the status is the last event's",
        ["DELETE FROM minting_mintevent e USING minting_minttx m WHERE m.id = e.mint_id AND m.version = e.sequence"],
    ),
    "a mint's record is another order's": (
        "a mint's amount is exactly its custody record's shares",
        [
            "UPDATE minting_minttx SET custody_record_id = gen_random_uuid()",  # out of the unique index's way
            "UPDATE minting_minttx m SET custody_record_id = r.id FROM custody_custodyrecord r"
            " WHERE r.order_id <> m.order_id",
        ],
    ),
    "a mint goes elsewhere": (
        "tokens go where their order says",
        ["UPDATE minting_minttx SET recipient = '0x0000000000000000000000000000000000000001'"],
    ),
    "a token's promises are off": (
        "a token's promises are the sum of its mints",
        ["UPDATE minting_token SET committed_wei = committed_wei - 1"],
    ),
    "a nonce is missing": (
        "a signer's nonces are contiguous",
        [
            "UPDATE minting_txattempt SET nonce = nonce + 5 WHERE nonce = (SELECT max(nonce) FROM minting_txattempt)",
        ],
    ),
    "a replacement bids one wei more": (
        "a replacement is the same transaction with both fees an eighth higher",
        [
            "INSERT INTO minting_txattempt (id, mint_id, chain_id, signer, nonce, bump, gas, max_fee_per_gas,"
            " max_priority_fee_per_gas, request, request_id, tx_hash, allocated_at)"
            " SELECT gen_random_uuid(), mint_id, chain_id, signer, nonce, 1, gas, max_fee_per_gas + 1,"
            " max_priority_fee_per_gas, 1, 'again', '', now() FROM minting_txattempt ORDER BY nonce LIMIT 1"
        ],
    ),
    "somebody else used a nonce that we count on": (
        "no transaction that can land has a nonce that somebody else used",
        [
            "INSERT INTO minting_foreignnonce (chain_id, signer, nonce, seen_at)"
            " SELECT chain_id, signer, nonce, now() FROM minting_txattempt LIMIT 1"
        ],
    ),
    "a mint is in a transaction that is not ours": (
        "a mint in a block is in a transaction that we signed",
        ["UPDATE minting_minttx SET tx_hash = '0xother'"],
    ),
    "a block is missing": (
        "recent blocks are linked by their parent hash",
        [
            "DELETE FROM minting_block WHERE number = (SELECT max(number) - 1 FROM minting_block)",
        ],
    ),
    "a block does not follow its parent": (
        "recent blocks are linked by their parent hash",
        ["UPDATE minting_block SET parent_hash = '0xother' WHERE number = (SELECT max(number) FROM minting_block)"],
    ),
    "a mint stands in another block": (
        "a mint in a recent block stands in the block that we know at that height",
        ["UPDATE minting_minttx SET block_hash = '0xother'"],
    ),
    "somebody else minted": (
        "no mint on-chain without a row that promised it",
        [
            "INSERT INTO minting_foreignmint (chain_id, contract, mint_key, recipient, amount_wei, tx_hash, log_index,"
            " block_number, block_hash, seen_at) VALUES (1, '', 'theirs', '', 1, '', 0, 1, '', now())"
        ],
    ),
    "a mint was settled too early": (
        "a settled mint has twelve blocks on it, its own included",
        ["DELETE FROM minting_block WHERE number > (SELECT max(block_number) + 10 FROM minting_minttx)"],
    ),
    "a signature that nobody remembers": (
        "no signature was asked for under our prefix without a row of ours",
        [
            "INSERT INTO custody_vendormessage (digest, event_id, event_type, provider_id, external_tx_id, body,"
            f" received_at) VALUES ('d', '', '', 'p', 'agora-sign-{'0' * 32}-1', '', now())"
        ],
    ),
}

SEEDS_OF_SEVERAL: dict[str, tuple[set[str], list[str]]] = {
    "a mint's time came long ago": (
        {
            "a mint that is due is looked at",
            "minting_minttx: the status is the last event's",
            "an order's minted and settled quantities are the sums of its mints",
        },
        ["UPDATE minting_minttx SET status = 'SENT', next_attempt_at = now() - interval '16 minutes'"],
    ),
    "a mint is deep, and nobody settles it": (
        {
            "a mint that has long been deep enough is settled",
            "minting_minttx: the status is the last event's",
            "an order's minted and settled quantities are the sums of its mints",
            "recent blocks are linked by their parent hash",
        },
        [
            "UPDATE minting_minttx SET status = 'CONFIRMED', updated_at = now() - interval '16 minutes'",
            "UPDATE minting_block SET number = number + 200 WHERE number = (SELECT max(number) FROM minting_block)",
        ],
    ),
    "a mint key is used again": (
        {
            "no mint key is used twice, by our rows and by what was seen on-chain",
            "no mint on-chain without a row that promised it",
        },
        [
            "INSERT INTO minting_foreignmint (chain_id, contract, mint_key, recipient, amount_wei, tx_hash, log_index,"
            " block_number, block_hash, seen_at) SELECT t.chain_id, t.address, m.mint_key, m.recipient, m.amount_wei,"
            " 'again', 0, 1, '', now() FROM minting_minttx m JOIN minting_token t ON t.id = m.token_id"
            f" WHERE m.id = {FIRST.format('minting_minttx')}"
        ],
    ),
    "more minted than the mints": (
        {
            "custody, minted and settled quantities never exceed the one before",
            "an order's minted and settled quantities are the sums of its mints",
        },
        ["UPDATE orders_order SET minted_quantity = minted_quantity + 1"],
    ),
    "a record claims more than was filled": (
        {
            "no more is claimed for an order than was filled",
            "an order's custody quantity is the sum of its completed records",
            "a vault's running total is the sum of its completed records",
            "of each asset no more is minted than is in custody, and no more in custody than was filled",
            "a mint's amount is exactly its custody record's shares",
        },
        ["UPDATE custody_custodyrecord SET quantity = quantity + 1"],
    ),
    "more is promised than is held": (
        {"no more is promised than is in custody", "a token's promises are the sum of its mints"},
        ["UPDATE minting_token SET committed_wei = committed_wei + 1"],
    ),
    "a nonce is used by two mints": (
        {
            "a nonce belongs to one mint",
            "a replacement is the same transaction with both fees an eighth higher",
        },
        [
            "UPDATE minting_txattempt SET bump = 1, nonce = (SELECT min(nonce) FROM minting_txattempt)"
            " WHERE nonce = (SELECT max(nonce) FROM minting_txattempt)"
        ],
    ),
    "a second transaction of one mint can land": (
        {
            "a nonce belongs to one mint",
            "a mint has one transaction that can land at a time",
            "a replacement is the same transaction with both fees an eighth higher",
        },
        [
            "INSERT INTO minting_txattempt (id, mint_id, chain_id, signer, nonce, bump, gas, max_fee_per_gas,"
            " max_priority_fee_per_gas, request, request_id, tx_hash, allocated_at)"
            " SELECT gen_random_uuid(), m.id, a.chain_id, a.signer, a.nonce, 1, 1, 1, 1, 1, 'again', '', now()"
            " FROM minting_minttx m JOIN minting_txattempt a ON a.mint_id <> m.id ORDER BY a.nonce LIMIT 1"
        ],
    ),
    "a mint waits, and nobody will look at it": (
        {
            "a mint that is not in a block is going to be looked at",
            "minting_minttx: the status is the last event's",
            "an order's minted and settled quantities are the sums of its mints",
        },
        ["UPDATE minting_minttx SET status = 'SENT', next_attempt_at = NULL"],
    ),
}
