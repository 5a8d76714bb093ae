"""Announcing: the feed, endpoints, deliveries."""

from __future__ import annotations

from agora.tests.audit_seeds.sql import FIRST

ENDPOINT = [
    "INSERT INTO accounts_webhookendpoint (id, version, attempts, created_at, updated_at, customer_id, url,"
    " description, event_types, status, secret_sealed, previous_secret_sealed, failures, disabled_reason)"
    " SELECT gen_random_uuid(), 1, 0, now(), now(), id, 'https://hooks.example', '', '[]', 'ACTIVE', 'v1.k.AAAA', '',"
    " 0, ''"
    f" FROM accounts_customer WHERE id = {FIRST.format('accounts_customer')}",
    "INSERT INTO accounts_webhookendpointevent (endpoint_id, sequence, from_status, to_status, actor, reason, data, at)"
    " SELECT id, 1, '', 'ACTIVE', 'test', '', '{}', now() FROM accounts_webhookendpoint",
    "INSERT INTO accounts_publicevent (event_id, type, customer_id, subject_kind, subject_id, sequence, data, at)"
    " SELECT gen_random_uuid(), 'webhook_endpoint.created', customer_id, 'webhook_endpoint', id, 1, '{}', now()"
    " FROM accounts_webhookendpoint",
]


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


DELIVERY = (
    "INSERT INTO accounts_webhookdelivery (id, endpoint_id, event_id, subject_id, sequence, is_replay, status,"
    " attempts, next_attempt_at, created_at, ended_at, reason)"
    " SELECT gen_random_uuid(), w.id, p.id, p.subject_id, p.sequence, false, '{status}', {attempts}, now(), now(),"
    " CASE WHEN '{status}' <> 'PENDING' THEN now() END, ''"
    " FROM accounts_webhookendpoint w, accounts_publicevent p"
    " WHERE p.subject_kind = 'order' AND p.sequence = {sequence}"
)


def _endpoint_moved(before: str, after: str) -> list[str]:
    """The endpoint's second step, announced."""
    disabled = "now()" if after == "DISABLED" else "NULL"
    return [
        f"UPDATE accounts_webhookendpoint SET version = 2, status = '{after}', disabled_at = {disabled}",
        "INSERT INTO accounts_webhookendpointevent (endpoint_id, sequence, from_status, to_status, actor, reason, data,"
        f" at) SELECT id, 2, '{before}', '{after}', 'test', '', '{{}}', now() FROM accounts_webhookendpoint",
        "INSERT INTO accounts_publicevent (event_id, type, customer_id, subject_kind, subject_id, sequence, data, at)"
        " SELECT gen_random_uuid(), 'webhook_endpoint.disabled', customer_id, 'webhook_endpoint', id, 2, '{}', now()"
        " FROM accounts_webhookendpoint",
    ]


SEEDS: dict[str, tuple[str, list[str]]] = {
    "an endpoint is further than its events": (
        "accounts_webhookendpoint: the status is the last event's",
        [*ENDPOINT, "UPDATE accounts_webhookendpoint SET version = 2"],
    ),
    "an endpoint's second event comes from nowhere": (
        "accounts_webhookendpoint: events are gapless and joined",
        [
            *ENDPOINT,
            *_endpoint_moved("DISABLED", "ACTIVE"),
            "UPDATE accounts_webhookendpoint SET status = 'ACTIVE', disabled_at = NULL",
        ],
    ),
    "an endpoint went by a way that does not exist": (
        "accounts_webhookendpoint: every event is a legal move",
        [*ENDPOINT, *_endpoint_moved("ACTIVE", "ACTIVE")],
    ),
    "an order's move was not announced": (
        "orders_orderevent: every move is announced, and nothing else",
        ["DELETE FROM accounts_publicevent WHERE type = 'order.settled' AND position IS NULL"],
    ),
    "a customer was announced who did not move": (
        "accounts_customerevent: every move is announced, and nothing else",
        ["UPDATE accounts_publicevent SET sequence = 9 WHERE type = 'customer.approved'"],
    ),
    "an endpoint's move was not announced": (
        "accounts_webhookendpointevent: every move is announced, and nothing else",
        [*ENDPOINT, "DELETE FROM accounts_publicevent WHERE subject_kind = 'webhook_endpoint'"],
    ),
    "the feed has a gap": (
        "the feed's positions have no gap",
        ["UPDATE accounts_publicevent SET position = 2 WHERE id = (SELECT max(id) FROM accounts_publicevent)"],
    ),
    "an order's events stand the wrong way round in the feed": (
        "a subject's events stand in the feed in their sequence",
        [
            "UPDATE accounts_publicevent p SET position = numbered.place FROM ("
            " SELECT id, row_number() OVER (ORDER BY sequence DESC, id) AS place FROM accounts_publicevent"
            ") numbered WHERE p.id = numbered.id"
        ],
    ),
    "an event overtook another": (
        "no event is sent while an earlier one of its subject waits for the same endpoint",
        [
            *ENDPOINT,
            DELIVERY.format(sequence=1, status="PENDING", attempts=0),
            DELIVERY.format(sequence=2, status="GIVEN_UP", attempts=1),
        ],
    ),
    "a delivery waits for an endpoint that is gone": (
        "a delivery waits only for an active endpoint",
        [
            *ENDPOINT,
            *_endpoint_moved("ACTIVE", "DISABLED"),
            DELIVERY.format(sequence=1, status="PENDING", attempts=0),
        ],
    ),
    "a delivery succeeded without an answer": (
        "a delivery that succeeded was answered so",
        [*ENDPOINT, DELIVERY.format(sequence=1, status="SUCCEEDED", attempts=1)],
    ),
}

SEEDS_OF_SEVERAL: dict[str, tuple[set[str], list[str]]] = {}
