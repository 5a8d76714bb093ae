"""The invariants of this app: each query returns no rows, or something is wrong (DESIGN §7)."""

from accounts import audit_log
from accounts.states import MOVES
from agora.lib.invariants import Invariant, event_invariants

INVARIANTS = [
    *event_invariants(subject="accounts_customer", event="accounts_customerevent", column="customer_id", moves=MOVES),
    Invariant(
        "a day's limit is the sum of its uses",
        """
        SELECT d.id, d.used_usd, u.total FROM accounts_limitday d
        FULL JOIN (
            SELECT customer_id, day, sum(amount_usd) AS total FROM accounts_limituse GROUP BY customer_id, day
        ) u ON u.customer_id = d.customer_id AND u.day = d.day
        WHERE d.used_usd IS DISTINCT FROM u.total
        """,
    ),
    Invariant(
        "no day is used beyond its limit, but for fills that crossed a cancel",
        """
        SELECT d.id, d.limit_usd, u.total FROM accounts_limitday d
        JOIN (
            SELECT customer_id, day, sum(amount_usd) AS total FROM accounts_limituse taken
            WHERE NOT EXISTS (
                SELECT FROM accounts_limituse r WHERE r.order_id = taken.order_id AND r.kind = 'REINSTATE'
            )
            GROUP BY customer_id, day
        ) u ON u.customer_id = d.customer_id AND u.day = d.day
        WHERE u.total > d.limit_usd
        """,
    ),
    Invariant(
        "a part of a limit is given back or counted again only after it was taken, and in the same amount",
        """
        SELECT u.order_id, u.kind, u.amount_usd FROM accounts_limituse u
        WHERE u.kind <> 'RESERVE' AND NOT EXISTS (
            SELECT FROM accounts_limituse r
            WHERE r.order_id = u.order_id AND r.kind = 'RESERVE' AND r.customer_id = u.customer_id
              AND r.day = u.day AND r.amount_usd = abs(u.amount_usd)
        )
        """,
    ),
    Invariant(
        "no tax id stands in plain text beside its sealed form",
        r"""
        SELECT id FROM accounts_customer
        WHERE tax_id_sealed <> '' AND tax_id_sealed !~ '^v1\.[a-z0-9-]+\.[A-Za-z0-9_-]+=*$'
        """,
    ),
    Invariant(
        "each consent is to a text that still reads as it did",
        """
        SELECT c.id FROM accounts_consent c JOIN accounts_disclosure d ON d.id = c.disclosure_id
        WHERE c.sha256 <> d.sha256 OR d.sha256 <> encode(sha256(convert_to(d.text, 'UTF8')), 'hex')
        """,
    ),
    Invariant(
        "who is approved has told us who they are and agreed, or was approved by staff",
        """
        SELECT c.id FROM accounts_customer c
        WHERE c.status = 'APPROVED' AND c.kyc_decided_attempt <> '' AND (
            c.submitted_at IS NULL OR c.email_confirmed_at IS NULL OR c.tax_id_sealed = ''
            OR (SELECT count(DISTINCT d.kind) FROM accounts_consent k
                JOIN accounts_disclosure d ON d.id = k.disclosure_id WHERE k.customer_id = c.id) < 2
        )
        """,
    ),
    *audit_log.INVARIANTS,
    Invariant(
        "what was carried out had been approved in time by another, exactly as it was carried out",
        """
        SELECT x.id, x.proposal_id FROM accounts_proposalexecution x
        JOIN accounts_proposal p ON p.id = x.proposal_id
        LEFT JOIN accounts_proposaldecision d ON d.proposal_id = p.id
        WHERE d.verdict IS DISTINCT FROM 'APPROVED' OR d.decided_by_id = p.proposer_id
           OR x.payload_hash IS DISTINCT FROM d.payload_hash OR x.payload_hash <> p.payload_hash
           OR d.decided_at >= p.expires_at OR x.executed_at >= p.expires_at OR x.executed_at < d.decided_at
        """,
    ),
]
