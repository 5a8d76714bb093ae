"""Reports, attestations, and the books against each other."""

from __future__ import annotations

from agora.tests.audit_seeds.sql import CONSTRAINTS

SEEDS: dict[str, tuple[str, list[str]]] = {
    "the books differ": (
        "no difference between the books is open",
        [
            "INSERT INTO reserves_break (asset_id, kind, quantity, opened_at, seen_at)"
            " SELECT id, 'CUSTODY_OVER_FILLED', 1, now(), now() FROM orders_asset"
        ],
    ),
    "a report was edited": (
        "a report's hash is that of its content",
        ["UPDATE reserves_reservereport SET content = replace(content, 'AAPL-RAT', 'AAPL-CAT')"],
    ),
    "a report's figure was edited": (
        "a report's figures are those of its content",
        ["UPDATE reserves_reserveline SET quantity = quantity + 1 WHERE name = 'in_custody'"],
    ),
    "a holder is gone from a report": (
        "the last published report of an asset owes its holders what its tree says",
        ["DELETE FROM reserves_liabilityleaf WHERE index = 0"],
    ),
    "whoever proposed a report approved it": (
        "a published report was approved by a second person with a fresh second factor, and signed as it is",
        ["UPDATE reserves_reportapproval SET signer_id = (SELECT proposer_id FROM reserves_reportrequest)"],
    ),
    "a report names one that never was": (
        "each published report names the one before it",
        [
            "UPDATE reserves_reservereport SET previous_hash = '0xother'",
            "UPDATE reserves_reportpublication SET previous_hash = '0xother'",
        ],
    ),
    "a report is signed by the minter": (
        "no report is signed by a minter's key or the gate's",
        ["UPDATE reserves_reportsignature SET attestor = (SELECT minter FROM minting_token)"],
    ),
    "a report is signed by one of the gate's": (
        "no report is signed by a minter's key or the gate's",
        [
            "UPDATE reserves_reportsignature SET attestor ="
            " (SELECT signatures -> 0 ->> 'attestor' FROM reserves_reserveattestation LIMIT 1)"
        ],
    ),
    "less is attested than was minted": (
        "the supply of a gated token is within the reserves that were attested last",
        ["UPDATE reserves_reserveattestation SET reserves_wei = 1"],
    ),
    "more is attested than is held": (
        "no more was attested than is in custody",
        ["UPDATE reserves_reserveattestation SET reserves_wei = reserves_wei + 10::numeric ^ 18"],
    ),
    "an attestation is signed twice by one": (
        "every attestation is signed by as many different attestors as it takes",
        [
            "UPDATE reserves_reserveattestation"
            " SET signatures = jsonb_build_array(signatures -> 0, signatures -> 0) WHERE threshold > 1"
        ],
    ),
    "an attestation's number was skipped": (
        "a token's attestations are numbered in a row",
        [
            "INSERT INTO reserves_reserveattestation (token_id, chain_id, oracle, sequence, reserves_wei, as_of,"
            " valid_until, threshold, signatures, publisher, nonce, raw, tx_hash, prepared_at)"
            " SELECT token_id, chain_id, oracle, sequence + 2, reserves_wei, as_of, valid_until, threshold, signatures,"
            " publisher, nonce + 1000, raw, 'another', prepared_at FROM reserves_reserveattestation"
            " ORDER BY sequence DESC LIMIT 1"
        ],
    ),
}

SEEDS_OF_SEVERAL: dict[str, tuple[set[str], list[str]]] = {
    "a report was approved with an old second factor": (
        {
            "a published report was approved by a second person with a fresh second factor, and signed as it is",
            CONSTRAINTS,
        },
        [
            "ALTER TABLE reserves_reportapproval DROP CONSTRAINT approval_second_factor_fresh",
            "UPDATE reserves_reportapproval SET second_factor_at = approved_at - interval '301 seconds'",
        ],
    ),
    "shares are missing, and nobody was stopped": (
        {"no difference between the books is open", "an asset whose supply is over its custody is on hold"},
        [
            "INSERT INTO reserves_break (asset_id, kind, quantity, opened_at, seen_at)"
            " SELECT id, 'VAULT_SHORT', 1, now(), now() FROM orders_asset"
        ],
    ),
    "a mint makes more than is in custody": (
        {
            "a mint's amount is exactly its custody record's shares",
            "an order's minted and settled quantities are the sums of its mints",
            "of each asset no more is minted than is in custody, and no more in custody than was filled",
            "a token's promises are the sum of its mints",
            "the supply of a gated token is within the reserves that were attested last",
        },
        ["UPDATE minting_minttx SET amount_wei = amount_wei + 1"],
    ),
}
