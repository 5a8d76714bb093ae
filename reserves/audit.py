"""The invariants of this app: each query returns no rows, or something is wrong (DESIGN §7)."""

from agora.lib.invariants import Invariant

INVARIANTS = [
    Invariant(
        "of each asset no more is minted than is in custody, and no more in custody than was filled",
        """
        SELECT a.symbol, o.filled, r.held, m.minted FROM orders_asset a
        LEFT JOIN (SELECT asset_id, sum(filled_quantity) AS filled FROM orders_order GROUP BY asset_id) o
            ON o.asset_id = a.id
        LEFT JOIN (
            SELECT v.asset_id, sum(r.quantity) AS held FROM custody_custodyrecord r
            JOIN custody_vaultaccount v ON v.id = r.vault_account_id WHERE r.status = 'COMPLETED' GROUP BY v.asset_id
        ) r ON r.asset_id = a.id
        LEFT JOIN (
            SELECT t.asset_id, sum(m.amount_wei) / 10::numeric ^ 18 AS minted FROM minting_minttx m
            JOIN minting_token t ON t.id = m.token_id
            WHERE m.status IN ('CONFIRMED', 'SETTLED', 'FINALIZED') GROUP BY t.asset_id
        ) m ON m.asset_id = a.id
        WHERE coalesce(m.minted, 0) > coalesce(r.held, 0) OR coalesce(r.held, 0) > coalesce(o.filled, 0)
        """,
    ),
    Invariant(
        "no difference between the books is open",
        """
        SELECT a.symbol, b.kind, b.quantity, b.opened_at FROM reserves_break b
        JOIN orders_asset a ON a.id = b.asset_id WHERE b.closed_at IS NULL
        """,
    ),
    Invariant(
        "the supply of a gated token is within the reserves that were attested last",
        """
        SELECT t.address, coalesce(attested.reserves_wei, 0) AS attested, supply.total AS supply FROM minting_token t
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(m.amount_wei), 0) AS total FROM minting_minttx m
            WHERE m.token_id = t.id AND m.status IN ('CONFIRMED', 'SETTLED', 'FINALIZED')
        ) supply
        LEFT JOIN LATERAL (
            SELECT a.reserves_wei FROM reserves_reserveattestation a
            WHERE a.token_id = t.id ORDER BY a.sequence DESC LIMIT 1
        ) attested ON true
        WHERE t.reserve_feed <> '' AND supply.total > coalesce(attested.reserves_wei, 0)
        """,
    ),
    Invariant(
        "no more was attested than is in custody",
        """
        SELECT a.id, a.sequence, a.reserves_wei, v.held_quantity FROM reserves_reserveattestation a
        JOIN minting_token t ON t.id = a.token_id JOIN custody_vaultaccount v ON v.asset_id = t.asset_id
        WHERE a.reserves_wei > v.held_quantity * 10::numeric ^ 18
        """,
    ),
    Invariant(
        "every attestation is signed by as many different attestors as it takes",
        """
        SELECT a.id, a.sequence FROM reserves_reserveattestation a
        WHERE (SELECT count(DISTINCT lower(s ->> 'attestor')) FROM jsonb_array_elements(a.signatures) s
               WHERE s ->> 'signature' ~ '^0x[0-9a-f]{130}$') < a.threshold
           OR octet_length(a.raw) = 0
        """,
    ),
    Invariant(
        "a token's attestations are numbered in a row",
        """
        SELECT token_id, sequence, before FROM (
            SELECT token_id, sequence, lag(sequence) OVER (PARTITION BY token_id ORDER BY sequence) AS before
            FROM reserves_reserveattestation
        ) walk WHERE sequence <> before + 1
        """,
    ),
    Invariant(
        "a report's hash is that of its content",
        """
        SELECT id, sequence FROM reserves_reservereport
        WHERE content_hash <> '0x' || encode(sha256(convert_to(content, 'UTF8')), 'hex')
        """,
    ),
    Invariant(
        "a report's figures are those of its content",
        """
        SELECT r.id, r.sequence FROM reserves_reservereport r
        WHERE (SELECT array_agg((l.name, l.quantity, l.source)::text ORDER BY l.name) FROM reserves_reserveline l
               WHERE l.report_id = r.id)
            IS DISTINCT FROM
              (SELECT array_agg((f ->> 'name', (f ->> 'quantity')::numeric(40, 18), f ->> 'source')::text
                                ORDER BY f ->> 'name')
               FROM jsonb_array_elements(r.content::jsonb -> 'figures') f)
        """,
    ),
    Invariant(
        "the last published report of an asset owes its holders what its tree says",
        """
        SELECT r.id, r.sequence, r.total_wei, r.holders, owed.total, owed.holders AS leaves FROM (
            SELECT DISTINCT ON (asset_id) report_id FROM reserves_reportpublication ORDER BY asset_id, sequence DESC
        ) last JOIN reserves_reservereport r ON r.id = last.report_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount_wei), 0) AS total, count(*) AS holders FROM reserves_liabilityleaf
            WHERE report_id = r.id
        ) owed
        WHERE (r.total_wei, r.holders) <> (owed.total, owed.holders)
           OR (r.liabilities_root, r.total_wei::text)
            <> (r.content::jsonb -> 'liabilities' ->> 'root', r.content::jsonb -> 'liabilities' ->> 'total_wei')
        """,
    ),
    Invariant(
        "a published report was approved by a second person with a fresh second factor, and signed as it is",
        """
        SELECT p.asset_id, p.sequence FROM reserves_reportpublication p
        JOIN reserves_reservereport r ON r.id = p.report_id
        JOIN reserves_reportrequest q ON q.id = r.request_id
        LEFT JOIN reserves_reportsignature s ON s.id = p.signature_id
        LEFT JOIN reserves_reportapproval a ON a.id = s.approval_id AND a.report_id = r.id
        WHERE a.id IS NULL OR a.signer_id = q.proposer_id OR a.content_hash <> r.content_hash
           OR a.approved_at NOT BETWEEN a.second_factor_at AND a.second_factor_at + interval '5 minutes'
           OR (p.asset_id, p.sequence, p.content_hash, p.previous_hash)
            <> (r.asset_id, r.sequence, r.content_hash, r.previous_hash)
        """,
    ),
    Invariant(
        "each published report names the one before it",
        """
        SELECT asset_id, sequence, previous_hash FROM (
            SELECT asset_id, sequence, previous_hash,
                lag(content_hash, 1, '0x' || repeat('0', 64)) OVER chain AS before, row_number() OVER chain AS expected
            FROM reserves_reportpublication WINDOW chain AS (PARTITION BY asset_id ORDER BY sequence)
        ) walk WHERE sequence <> expected OR previous_hash <> before
        """,
    ),
    Invariant(
        "no report is signed by a minter's key or the gate's",
        """
        SELECT s.id, s.attestor FROM reserves_reportsignature s
        WHERE lower(s.attestor) IN (SELECT lower(minter) FROM minting_token)
           OR lower(s.attestor) IN (
                SELECT lower(g ->> 'attestor') FROM reserves_reserveattestation a, jsonb_array_elements(a.signatures) g
           )
        """,
    ),
    Invariant(
        "an asset whose supply is over its custody is on hold",
        """
        SELECT a.symbol, b.kind, b.opened_at FROM reserves_break b JOIN orders_asset a ON a.id = b.asset_id
        WHERE b.closed_at IS NULL AND b.kind IN ('SUPPLY_OVER_CUSTODY', 'SUPPLY_NOT_OURS', 'VAULT_SHORT')
          AND NOT EXISTS (
            SELECT FROM accounts_hold h WHERE h.subject IN ('asset:' || a.symbol, 'everything')
              AND h.released_at IS NULL
        )
        """,
    ),
]
