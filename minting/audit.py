"""The invariants of this app: each query returns no rows, or something is wrong (DESIGN §7)."""

from agora.lib.invariants import Invariant, event_invariants, overdue_invariant
from minting.states import MOVES, SWITCH_MOVES

INVARIANTS = [
    Invariant(
        "nothing is signed for an order that was closed for good",
        """
        SELECT a.id, c.order_id FROM minting_txattempt a JOIN minting_minttx m ON m.id = a.mint_id
        JOIN orders_orderclosing c ON c.order_id = m.order_id WHERE a.allocated_at > c.closed_at
        """,
    ),
    *event_invariants(
        subject="minting_tokenswitch", event="minting_tokenswitchevent", column="switch_id", moves=SWITCH_MOVES
    ),
    *event_invariants(subject="minting_minttx", event="minting_mintevent", column="mint_id", moves=MOVES),
    Invariant(
        "a mint's amount is exactly its custody record's shares",
        """
        SELECT m.id, m.amount_wei, r.quantity FROM minting_minttx m
        JOIN custody_custodyrecord r ON r.id = m.custody_record_id
        WHERE m.amount_wei <> r.quantity * 10::numeric ^ 18 OR m.order_id <> r.order_id OR r.status <> 'COMPLETED'
        """,
    ),
    Invariant(
        "tokens go where their order says",
        """
        SELECT m.id FROM minting_minttx m JOIN orders_order o ON o.id = m.order_id WHERE m.recipient <> o.recipient
        """,
    ),
    Invariant(
        "an order's minted and settled quantities are the sums of its mints",
        """
        SELECT o.id, o.minted_quantity, o.settled_quantity FROM orders_order o
        LEFT JOIN minting_minttx m ON m.order_id = o.id
        GROUP BY o.id
        HAVING o.minted_quantity * 10::numeric ^ 18 <>
                coalesce(sum(m.amount_wei) FILTER (WHERE m.status IN ('CONFIRMED', 'SETTLED', 'FINALIZED')), 0)
            OR o.settled_quantity * 10::numeric ^ 18 <>
                coalesce(sum(m.amount_wei) FILTER (WHERE m.status IN ('SETTLED', 'FINALIZED')), 0)
        """,
    ),
    Invariant(
        "a token's promises are the sum of its mints",
        """
        SELECT t.address, t.committed_wei, coalesce(sum(m.amount_wei), 0) AS total FROM minting_token t
        LEFT JOIN minting_minttx m ON m.token_id = t.id AND m.status <> 'FAILED'
        GROUP BY t.id HAVING t.committed_wei <> coalesce(sum(m.amount_wei), 0)
        """,
    ),
    Invariant(
        "no more is promised than is in custody",
        """
        SELECT t.address, t.committed_wei, v.held_quantity FROM minting_token t
        JOIN custody_vaultaccount v ON v.asset_id = t.asset_id
        WHERE t.committed_wei > v.held_quantity * 10::numeric ^ 18
        """,
    ),
    Invariant(
        "a signer's nonces are contiguous",
        """
        SELECT signer, chain_id, nonce, before FROM (
            SELECT signer, chain_id, nonce, lag(nonce) OVER (PARTITION BY chain_id, signer ORDER BY nonce) AS before
            FROM (
                SELECT signer, chain_id, nonce FROM minting_txattempt WHERE bump = 0
                UNION SELECT signer, chain_id, nonce FROM minting_foreignnonce
            ) used
        ) walk WHERE nonce <> before + 1
        """,
    ),
    Invariant(
        "a nonce belongs to one mint",
        """
        SELECT chain_id, signer, nonce FROM minting_txattempt
        GROUP BY chain_id, signer, nonce HAVING count(DISTINCT mint_id) > 1
        """,
    ),
    Invariant(
        "a mint has one transaction that can land at a time",
        """
        SELECT mint_id, count(DISTINCT nonce) AS nonces FROM minting_txattempt
        WHERE reverted_at IS NULL AND superseded_at IS NULL GROUP BY mint_id HAVING count(DISTINCT nonce) > 1
        """,
    ),
    Invariant(
        "a replacement is the same transaction with both fees an eighth higher",
        """
        SELECT a.id, a.nonce, a.bump FROM minting_txattempt a WHERE a.bump > 0 AND NOT EXISTS (
            SELECT FROM minting_txattempt b
            WHERE b.mint_id = a.mint_id AND b.chain_id = a.chain_id AND b.signer = a.signer AND b.nonce = a.nonce
              AND b.bump = a.bump - 1 AND b.gas = a.gas AND a.max_fee_per_gas * 8 >= b.max_fee_per_gas * 9
              AND a.max_priority_fee_per_gas * 8 >= b.max_priority_fee_per_gas * 9
        )
        """,
    ),
    Invariant(
        "no transaction that can land has a nonce that somebody else used",
        """
        SELECT a.id, a.signer, a.nonce FROM minting_txattempt a
        JOIN minting_foreignnonce f ON f.chain_id = a.chain_id AND f.signer = a.signer AND f.nonce = a.nonce
        WHERE a.superseded_at IS NULL AND a.reverted_at IS NULL
        """,
    ),
    Invariant(
        "a mint in a block is in a transaction that we signed",
        """
        SELECT m.id, m.tx_hash FROM minting_minttx m WHERE m.status IN ('CONFIRMED', 'SETTLED', 'FINALIZED')
          AND NOT EXISTS (SELECT FROM minting_txattempt a WHERE a.mint_id = m.id AND a.tx_hash = m.tx_hash)
        """,
    ),
    Invariant(
        "recent blocks are linked by their parent hash",
        """
        SELECT number, parent_hash, before FROM (
            SELECT number, parent_hash, lag(hash) OVER w AS before, lag(number) OVER w AS previous
            FROM minting_block WINDOW w AS (PARTITION BY chain_id ORDER BY number)
        ) walk WHERE before IS NOT NULL AND (parent_hash <> before OR number <> previous + 1)
        """,
    ),
    Invariant(
        "a mint in a recent block stands in the block that we know at that height",
        """
        SELECT m.id, m.block_number, m.block_hash, b.hash FROM minting_minttx m
        JOIN minting_token t ON t.id = m.token_id
        JOIN minting_block b ON b.chain_id = t.chain_id AND b.number = m.block_number
        WHERE m.status IN ('CONFIRMED', 'SETTLED', 'FINALIZED') AND b.hash <> m.block_hash
        """,
    ),
    Invariant(
        "a settled mint has twelve blocks on it, its own included",
        """
        SELECT m.id, m.block_number, tip.number FROM minting_minttx m JOIN minting_token t ON t.id = m.token_id
        LEFT JOIN (SELECT chain_id, max(number) AS number FROM minting_block GROUP BY chain_id) tip
            ON tip.chain_id = t.chain_id
        WHERE m.status IN ('SETTLED', 'FINALIZED') AND m.block_number + 11 > coalesce(tip.number, 0)
          AND NOT EXISTS (  -- undone, the blocks in their place are not read yet
              SELECT FROM minting_reorg r WHERE r.chain_id = t.chain_id AND r.seen_at > now() - interval '1 minute'
          )
        """,
    ),
    Invariant(
        "a mint that has long been deep enough is settled",
        """
        SELECT m.id, m.block_number, tip.number FROM minting_minttx m JOIN minting_token t ON t.id = m.token_id
        JOIN (SELECT chain_id, max(number) AS number FROM minting_block GROUP BY chain_id) tip
            ON tip.chain_id = t.chain_id
        WHERE m.status = 'CONFIRMED' AND m.block_number + 100 < tip.number
          AND m.updated_at < now() - interval '15 minutes'
        """,
    ),
    Invariant(
        "no mint key is used twice, by our rows and by what was seen on-chain",
        """
        SELECT chain_id, contract, mint_key, count(*) FROM (
            SELECT t.chain_id, lower(t.address) AS contract, m.mint_key FROM minting_minttx m
            JOIN minting_token t ON t.id = m.token_id
            UNION ALL SELECT chain_id, lower(contract), mint_key FROM minting_foreignmint
        ) used GROUP BY chain_id, contract, mint_key HAVING count(*) > 1
        """,
    ),
    Invariant(
        "no signature was asked for under our prefix without a row of ours",
        """
        SELECT v.id, v.external_tx_id, v.provider_id FROM custody_vendormessage v
        LEFT JOIN minting_txattempt a
            ON a.id = substring(v.external_tx_id FROM '^agora-sign-([0-9a-f]{32})-[0-9]+$')::uuid
        WHERE v.external_tx_id LIKE 'agora-sign-%%' AND a.id IS NULL
        """,
    ),
    overdue_invariant(
        "a mint that is due is looked at",
        subject="minting_minttx",
        order="order_id",
        statuses=("PENDING", "SIMULATED", "SIGNED", "SENT"),
    ),
    Invariant(
        "no mint on-chain without a row that promised it",
        "SELECT mint_key, tx_hash, amount_wei FROM minting_foreignmint",
    ),
    Invariant(
        "a mint that is not in a block is going to be looked at",
        """
        SELECT id, status, updated_at FROM minting_minttx
        WHERE status IN ('PENDING', 'SIMULATED', 'SIGNED', 'SENT') AND next_attempt_at IS NULL
        """,
    ),
]
