"""What staff did: the audit log, and acts of two people."""

from __future__ import annotations

SEEDS: dict[str, tuple[str, list[str]]] = {
    "an audit entry was edited": (
        "each seal of the audit log is of exactly its entries, as they were",
        ["UPDATE accounts_auditentry SET reason = reason || '.' WHERE position = 1"],
    ),
    "an audit entry is gone": (
        "each seal of the audit log is of exactly its entries, as they were",
        ["DELETE FROM accounts_auditentry WHERE position = 1"],
    ),
    "the audit log's first seal is gone with its entries": (
        "the audit log's seals are gapless and each follows the one before it",
        [
            "DELETE FROM accounts_auditentry WHERE position <="
            " (SELECT last_position FROM accounts_auditseal WHERE sequence = 1)",
            "DELETE FROM accounts_auditseal WHERE sequence = 1",
        ],
    ),
    "the audit log's last seal is gone": (
        "no audit entry has a place that no seal covers",
        ["DELETE FROM accounts_auditseal WHERE sequence = (SELECT max(sequence) FROM accounts_auditseal)"],
    ),
    "nobody seals the audit log": (
        "an audit entry is sealed within a minute",
        [
            "INSERT INTO accounts_auditentry (id, at, actor, action, subject, before, after, reason, request_id,"
            " ip_digest) VALUES (gen_random_uuid(), now() - interval '2 minutes', 'a', 'b', 'c', '', '', '', '', '')"
        ],
    ),
    "somebody approved what they proposed": (
        "what was carried out had been approved in time by another, exactly as it was carried out",
        ["UPDATE accounts_proposaldecision d SET decided_by_id = p.proposer_id FROM accounts_proposal p"],
    ),
}

SEEDS_OF_SEVERAL: dict[str, tuple[set[str], list[str]]] = {}
