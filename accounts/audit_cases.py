"""The invariants of monitoring: each query returns no rows, or something is wrong."""

from accounts.states import CASE_MOVES, DUE_HOURS
from agora.lib.invariants import Invariant, event_invariants

INVARIANTS = [
    *event_invariants(subject="accounts_case", event="accounts_caseevent", column="case_id", moves=CASE_MOVES),
    Invariant(
        "a rule's versions are numbered in a row, each later than the one before",
        """
        SELECT code, version FROM (
            SELECT code, version, created_at, row_number() OVER steps AS expected, lag(created_at) OVER steps AS before
            FROM accounts_monitoringrule WINDOW steps AS (PARTITION BY code ORDER BY version)
        ) walk WHERE version <> expected OR created_at <= before
        """,
    ),
    Invariant(
        "a case has its rule's severity and the clock of that",
        """
        SELECT c.id, c.severity, c.due_at FROM accounts_case c JOIN accounts_monitoringrule r ON r.id = c.rule_id
        JOIN unnest(%s::text[], %s::int[]) AS clock(severity, hours) ON clock.severity = c.severity
        WHERE c.severity <> r.severity OR c.due_at <> c.created_at + make_interval(hours => clock.hours)
           OR NOT r.is_active
        """,
        (list(DUE_HOURS), list(DUE_HOURS.values())),
    ),
    Invariant(
        "a case's people and outcome are those of its events",
        """
        SELECT c.id FROM accounts_case c
        LEFT JOIN LATERAL (
            SELECT data ->> 'assignee' AS who FROM accounts_caseevent
            WHERE case_id = c.id AND data ->> 'act' IN ('ASSIGNED', 'ESCALATED') ORDER BY sequence DESC LIMIT 1
        ) assigned ON true
        LEFT JOIN accounts_caseevent escalated ON escalated.case_id = c.id AND escalated.data ->> 'act' = 'ESCALATED'
        LEFT JOIN accounts_caseevent closed ON closed.case_id = c.id AND closed.data ->> 'act' = 'CLOSED'
        WHERE (c.assignee_id::text, 'staff:' || c.escalated_by_id, 'staff:' || c.closed_by_id, c.outcome)
            IS DISTINCT FROM (assigned.who, escalated.actor, closed.actor, coalesce(closed.data ->> 'outcome', ''))
        """,
    ),
    Invariant(
        "a case that asked for a hold has had one",
        """
        SELECT c.id, c.customer_id FROM accounts_case c JOIN accounts_monitoringrule r ON r.id = c.rule_id
        WHERE r.places_hold AND NOT EXISTS (
            SELECT FROM accounts_hold h WHERE h.subject = 'customer:' || c.customer_id AND h.owner = 'monitoring'
              AND h.placed_at <= c.created_at AND (h.released_at IS NULL OR h.released_at >= c.created_at)
        )
        """,
    ),
    Invariant(
        "no order of a case's evidence belongs to somebody else",
        """
        SELECT c.id, o.id AS order_id FROM accounts_case c
        CROSS JOIN LATERAL jsonb_array_elements_text(coalesce(c.evidence -> 'order_ids', '[]')) named(order_id)
        LEFT JOIN accounts_limituse o ON o.order_id = named.order_id::uuid AND o.kind = 'RESERVE'
        WHERE o.id IS NULL OR NOT c.evidence -> 'customer_ids' ? o.customer_id::text
        """,
    ),
]
