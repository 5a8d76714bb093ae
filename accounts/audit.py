"""The invariants of this app: each query returns no rows, or something is wrong (DESIGN §7)."""

from accounts import audit_cases, audit_log
from accounts.notifying.audit import announced
from accounts.states import DELETION_MOVES, ENDPOINT_MOVES, MOVES
from agora.lib.invariants import Invariant, event_invariants

INVARIANTS = [
    *event_invariants(subject="accounts_customer", event="accounts_customerevent", column="customer_id", moves=MOVES),
    *event_invariants(
        subject="accounts_deletionrequest",
        event="accounts_deletionevent",
        column="request_id",
        moves=DELETION_MOVES,
    ),
    Invariant(
        "a closed account has a done deletion request, and the other way round",
        """
        SELECT c.id, c.status, d.status AS deletion FROM accounts_customer c
        LEFT JOIN accounts_deletionrequest d ON d.customer_id = c.id AND d.status IN ('CLOSED', 'ERASED')
        WHERE (c.status = 'CLOSED') IS DISTINCT FROM (d.id IS NOT NULL)
        """,
    ),
    Invariant(
        "of a closed account no contact, login, token or wallet is left",
        """
        SELECT c.id FROM accounts_customer c JOIN accounts_user u ON u.id = c.user_id
        WHERE c.status = 'CLOSED' AND (
            c.email <> '' OR c.kyc_sentence <> '' OR u.is_active OR u.email <> '' OR u.first_name <> ''
            OR u.last_name <> '' OR u.username <> 'closed-' || replace(c.id::text, '-', '')
            OR EXISTS (SELECT FROM accounts_wallet w WHERE w.customer_id = c.id)
            OR EXISTS (
                SELECT FROM accounts_webhookendpoint e
                WHERE e.customer_id = c.id AND (e.status <> 'DELETED' OR e.url <> '' OR e.description <> '')
            )
            OR EXISTS (SELECT FROM accounts_apisession s WHERE s.user_id = u.id)
            OR EXISTS (
                SELECT FROM accounts_apitoken t WHERE t.user_id = u.id AND (t.revoked_at IS NULL OR t.name <> '')
            )
        )
        """,
    ),
    Invariant(
        "of an erased account no name and no tax id is left, and none is kept longer than the law wants",
        """
        SELECT c.id, d.status, d.erase_after FROM accounts_deletionrequest d
        JOIN accounts_customer c ON c.id = d.customer_id
        WHERE d.status = 'ERASED' AND (c.full_name <> '' OR c.tax_id_sealed <> '' OR c.tax_id_index IS NOT NULL)
           OR d.status = 'CLOSED' AND d.erase_after < now() - interval '3 days'
        """,
    ),
    *event_invariants(
        subject="accounts_webhookendpoint",
        event="accounts_webhookendpointevent",
        column="endpoint_id",
        moves=ENDPOINT_MOVES,
    ),
    announced(kind="customer", event="accounts_customerevent", column="customer_id"),
    announced(kind="webhook_endpoint", event="accounts_webhookendpointevent", column="endpoint_id"),
    Invariant(
        "the feed's positions have no gap",
        """
        SELECT id, position, place FROM (
            SELECT id, position, row_number() OVER (ORDER BY position) AS place FROM accounts_publicevent
            WHERE position IS NOT NULL
        ) feed WHERE position <> place
        """,
    ),
    Invariant(
        "a subject's events stand in the feed in their sequence",
        """
        SELECT subject_id, sequence, before FROM (
            SELECT subject_id, sequence, lag(sequence) OVER (PARTITION BY subject_id ORDER BY position) AS before
            FROM accounts_publicevent WHERE position IS NOT NULL
        ) walk WHERE before >= sequence
        """,
    ),
    Invariant(
        "no event is sent while an earlier one of its subject waits for the same endpoint",
        """
        SELECT d.id, d.sequence, waits.sequence AS waits FROM accounts_webhookdelivery d
        JOIN accounts_webhookdelivery waits ON waits.endpoint_id = d.endpoint_id AND waits.subject_id = d.subject_id
            AND waits.sequence < d.sequence AND waits.status = 'PENDING' AND NOT waits.is_replay
        WHERE d.attempts > 0 AND NOT d.is_replay
        """,
    ),
    Invariant(
        "a delivery waits only for an active endpoint",
        """
        SELECT d.id, w.status FROM accounts_webhookdelivery d
        JOIN accounts_webhookendpoint w ON w.id = d.endpoint_id
        WHERE d.status = 'PENDING' AND w.status <> 'ACTIVE'
        """,
    ),
    Invariant(
        "a delivery that succeeded was answered so",
        """
        SELECT d.id FROM accounts_webhookdelivery d
        WHERE d.status = 'SUCCEEDED' AND NOT EXISTS (
            SELECT FROM accounts_webhookattempt a WHERE a.delivery_id = d.id AND a.status_code BETWEEN 200 AND 299
        )
        """,
    ),
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
    *audit_cases.INVARIANTS,
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
