"""Monitoring: rules and cases."""

from __future__ import annotations

CASE = [
    "INSERT INTO accounts_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active,"
    " date_joined) VALUES ('ana', '', false, '', '', '', true, true, now())",
    "INSERT INTO accounts_monitoringrule (code, version, kind, parameters, severity, is_active, places_hold, actor,"
    """ reason, created_at) VALUES ('r', 1, 'VELOCITY', '{"hours": 1, "orders": 2}', 'LOW', true, false, 'test',"""
    " 't', now() - interval '1 day')",
    "INSERT INTO accounts_case (id, version, attempts, created_at, updated_at, rule_id, customer_id, window_on,"
    " severity, due_at, evidence, status, assignee_id, first_assignee_id, outcome)"
    " SELECT gen_random_uuid(), 2, 0, now(), now(), r.id, u.customer_id, current_date, 'LOW',"
    " now() + interval '168 hours', jsonb_build_object('order_ids', jsonb_build_array(u.order_id), 'customer_ids',"
    " jsonb_build_array(u.customer_id)), 'ASSIGNED', a.id, a.id, ''"
    " FROM accounts_monitoringrule r, accounts_user a, (SELECT * FROM accounts_limituse LIMIT 1) u"
    " WHERE a.username = 'ana'",
    "INSERT INTO accounts_caseevent (case_id, sequence, from_status, to_status, actor, reason, data, at)"
    """ SELECT id, 1, '', 'OPEN', 'rule:r', 'hit', '{"act": "OPENED"}', now() FROM accounts_case""",
    "INSERT INTO accounts_caseevent (case_id, sequence, from_status, to_status, actor, reason, data, at)"
    " SELECT id, 2, 'OPEN', 'ASSIGNED', 'staff:1', 'mine', jsonb_build_object('act', 'ASSIGNED', 'assignee',"
    " assignee_id), now() FROM accounts_case",
]


SEEDS: dict[str, tuple[str, list[str]]] = {
    "a case went by a way that does not exist": (
        "accounts_case: every event is a legal move",
        [
            *CASE,
            "UPDATE accounts_case SET version = 3, status = 'OPEN', assignee_id = NULL, first_assignee_id = NULL",
            "INSERT INTO accounts_caseevent (case_id, sequence, from_status, to_status, actor, reason, data, at)"
            """ SELECT id, 3, 'ASSIGNED', 'OPEN', 'staff:1', 'r', '{"act": "ASSIGNED"}', now() FROM accounts_case""",
        ],
    ),
    "a case's event is gone": (
        "accounts_case: events are gapless and joined",
        [*CASE, "DELETE FROM accounts_caseevent WHERE sequence = 1"],
    ),
    "a case's status is not its last event's": (
        "accounts_case: the status is the last event's",
        [*CASE, "UPDATE accounts_case SET version = 3"],
    ),
    "a rule's version was skipped": (
        "a rule's versions are numbered in a row, each later than the one before",
        [*CASE, "UPDATE accounts_monitoringrule SET version = 2"],
    ),
    "a case was given more time": (
        "a case has its rule's severity and the clock of that",
        [*CASE, "UPDATE accounts_case SET due_at = due_at + interval '1 second'"],
    ),
    "a case was made less grave": (
        "a case has its rule's severity and the clock of that",
        [*CASE, "UPDATE accounts_monitoringrule SET severity = 'HIGH'"],
    ),
    "a case was closed by somebody else": (
        "a case's people and outcome are those of its events",
        [
            *CASE,
            "UPDATE accounts_case SET version = 3, status = 'CLOSED', outcome = 'NO_ISSUE', closed_by_id = assignee_id,"
            " closed_at = now()",
            "INSERT INTO accounts_caseevent (case_id, sequence, from_status, to_status, actor, reason, data, at)"
            " SELECT id, 3, 'ASSIGNED', 'CLOSED', 'staff:' || closed_by_id + 1, 'r',"
            """ '{"act": "CLOSED", "outcome": "NO_ISSUE"}', now() FROM accounts_case""",
        ],
    ),
    "a case's assignee was swapped": (
        "a case's people and outcome are those of its events",
        [*CASE, "UPDATE accounts_case SET assignee_id = assignee_id + 1"],
    ),
    "a case's hold was never placed": (
        "a case that asked for a hold has had one",
        [*CASE, "UPDATE accounts_monitoringrule SET places_hold = true"],
    ),
    "a case names somebody else's order": (
        "no order of a case's evidence belongs to somebody else",
        [
            *CASE,
            "UPDATE accounts_case SET evidence = jsonb_set(evidence, '{customer_ids}', '[]')",
        ],
    ),
}

SEEDS_OF_SEVERAL: dict[str, tuple[set[str], list[str]]] = {}
