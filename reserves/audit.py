"""The invariants of this app: each query returns no rows, or something is wrong (DESIGN §7)."""

from agora.lib.invariants import Invariant

INVARIANTS = [
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
]
