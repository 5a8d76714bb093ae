"""Each invariant of `manage.py audit` finds the violation that is sown for it, and no other does."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import (
    approve_customer,
    approve_proposal,
    execute_proposal,
    propose,
    register_customer,
    seal_audit_log,
)
from agora.management.commands.audit import all_invariants
from agora.tests.outside import Outside
from agora.tests.rows import new_order
from agora.tests.shared import shared_database
from agora.tests.world import World, build_world
from orders.models import Order
from reserves.tests.reports import published

GUARDS = [
    "every trigger still stands and is enabled",
    "every constraint and unique index still stands and is valid",
    "every unique column still is",
]
STANDS_STILL = "an order that is not done moves or is held"


@pytest.fixture(scope="module")
def settled(outside: Outside, django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """A settled order of alice's and one of bob's, and a published report of them.

    Shared: each test sows its violation in a transaction that it undoes.
    """
    outside.reset()
    with shared_database(django_db_blocker), outside.configured():
        world = build_world(outside)
        orders = [world.place("0.25"), world.place("0.5", person=world.bob)]
        for order in orders:
            world.until_settled(order)
        published()
        _add_staffs_acts(world)
        yield world


def _add_staffs_acts(world: World) -> None:
    """A decision of staff, and something that two people did; sealed."""
    staff = [User.objects.create_user(name, is_staff=True) for name in ("ann", "ben")]
    now = timezone.now()
    una = register_customer(user=User.objects.create_user("una"), full_name="Una", country="BR", now=now)
    approve_customer(customer=una, actor=f"staff:{staff[0].pk}", reason="seen", now=now)
    proposal = propose(
        action="customer.set_tier",
        subject=f"customer:{una.pk}",
        payload={"level": "2"},
        proposer=staff[0],
        reason="seen",
        now=now,
    )
    approve_proposal(
        proposal_id=proposal.pk, approver=staff[1], payload_hash=proposal.payload_hash, reason="", now=timezone.now()
    )
    execute_proposal(proposal_id=proposal.pk, executor=staff[1], now=timezone.now())
    seal_audit_log(now=timezone.now())


@contextmanager
def _sown(*statements: str, guarded: bool = False) -> Iterator[None]:
    """The statements, with no trigger in their way unless `guarded`, undone at the end."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not guarded:
            cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
        yield
        transaction.set_rollback(True)


def _audit(*options: str) -> tuple[int, str]:
    """The command's exit code and what it said."""
    said = io.StringIO()
    try:
        call_command("audit", *options, stdout=said, no_color=True)
    except SystemExit as exit_:
        return int(exit_.code or 0), said.getvalue()
    return 0, said.getvalue()


def _violated() -> tuple[int, list[str]]:
    """The exit code and the names of what does not hold."""
    code, said = _audit("--json")
    verdict = json.loads(said)
    names = [invariant["name"] for invariant in verdict["invariants"] if not invariant["holds"]]
    assert verdict["ok"] is (names == [])
    return code, names


def _detour(event: str, status: str) -> list[str]:
    """The second step of each row led to that status, and the third began there."""
    return [
        f"UPDATE {event} SET to_status = '{status}' WHERE sequence = 2",
        f"UPDATE {event} SET from_status = '{status}' WHERE sequence = 3",
    ]


def _deletion_step(sequence: int, before: str, after: str, more: str = "") -> list[str]:
    """One more event of each deletion request, and the row at it."""
    return [
        "INSERT INTO accounts_deletionevent (request_id, sequence, from_status, to_status, actor, reason, data, at)"
        f" SELECT id, {sequence}, '{before}', '{after}', 'test', '', '{{}}', now() FROM accounts_deletionrequest",
        f"UPDATE accounts_deletionrequest SET status = '{after}', version = {sequence} {more}",
    ]


def _switch(status: str, *moves: tuple[str, str]) -> list[str]:
    """A stop of each token at that status, after those moves."""
    columns = "id, version, attempts, created_at, updated_at, token_id, turn, what, status, asked_by, reason"
    row = f"SELECT gen_random_uuid(), {len(moves)}, 0, now(), now(), id, 'STOP', 'MINTING', '{status}', 'x', 'x'"
    steps = [
        "INSERT INTO minting_tokenswitchevent (switch_id, sequence, from_status, to_status, actor, reason, data, at)"
        f" SELECT id, {number}, '{before}', '{after}', 'x', '', '{{}}', now() FROM minting_tokenswitch"
        for number, (before, after) in enumerate(moves, start=1)
    ]
    return [
        f"INSERT INTO minting_tokenswitch ({columns}, problem, chain_id, signer, tx_hash)"
        f" {row}, '', chain_id, '', '' FROM minting_token",
        *steps,
    ]


_LEAVER = "(SELECT customer_id FROM accounts_deletionrequest)"
DELETION_ASKED = [
    "INSERT INTO accounts_deletionrequest"
    " (id, version, attempts, created_at, updated_at, customer_id, status, reason, sentence)"
    " SELECT id, 1, 0, now(), now(), id, 'REQUESTED', '', '' FROM accounts_customer ORDER BY id LIMIT 1",
    *_deletion_step(1, "", "REQUESTED"),
]
DELETION_DONE = [
    *DELETION_ASKED,
    *_deletion_step(2, "REQUESTED", "CLOSED", ", erase_after = now() + interval '1 year'"),
]
ACCOUNT_CLOSED = [
    *DELETION_DONE,
    "INSERT INTO accounts_customerevent (customer_id, sequence, from_status, to_status, actor, reason, data, at)"
    " SELECT id, version + 1, status, 'CLOSED', 'test', '', '{}', now()"
    f" FROM accounts_customer WHERE id IN {_LEAVER}",
    f"UPDATE accounts_customer SET status = 'CLOSED', version = version + 1 WHERE id IN {_LEAVER}",
    "INSERT INTO accounts_publicevent (event_id, type, customer_id, subject_kind, subject_id, sequence, data, at)"
    " SELECT gen_random_uuid(), 'customer.closed', id, 'customer', id, version, '{}', now()"
    f" FROM accounts_customer WHERE id IN {_LEAVER}",
    "UPDATE accounts_user u SET is_active = false, username = 'closed-' || replace(c.id::text, '-', '')"
    f" FROM accounts_customer c WHERE c.user_id = u.id AND c.id IN {_LEAVER}",
    "DELETE FROM accounts_apitoken",
    f"DELETE FROM accounts_wallet WHERE customer_id IN {_LEAVER}",
]


# A name for the case → the invariant that must speak, and the statements that break it.
FIRST = "(SELECT id FROM {} ORDER BY id LIMIT 1)"
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


def _unannounced(kind: str, which: str) -> str:
    return f"DELETE FROM accounts_publicevent WHERE subject_kind = '{kind}' AND {which}"


# A case of alice's, opened by a rule and given to somebody; then, perhaps, closed.
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


def _closing(at: str) -> str:
    return (
        "INSERT INTO orders_orderclosing (order_id, cause, resolution, reference, closed_by, reason, closed_at)"
        f" SELECT id, 'mint:x', 'REFUNDED', 'case 7', 'staff:1', 'x', {at} FROM orders_order"
        " ORDER BY created_at LIMIT 1"
    )


SEEDS: dict[str, tuple[str, list[str]]] = {
    "a closed order that nothing holds": (
        "an order that was closed for good is held for good",
        [_closing("now()")],
    ),
    "a signature for a closed order": (
        "nothing is signed for an order that was closed for good",
        [
            _closing("'2000-01-01'"),
            "INSERT INTO accounts_hold (id, subject, owner, reason, placed_at, released_by)"
            " SELECT gen_random_uuid(), 'order:' || order_id, 'closed-for-good', 'x', now(), ''"
            " FROM orders_orderclosing",
        ],
    ),
    "a customer's event is gone": (
        "accounts_customer: events are gapless and joined",
        ["DELETE FROM accounts_customerevent WHERE sequence = 1", _unannounced("customer", "sequence = 1")],
    ),
    "a customer went by a way that does not exist": (
        "accounts_customer: every event is a legal move",
        [
            "UPDATE accounts_customerevent SET to_status = 'REJECTED' WHERE sequence = 1",
            "UPDATE accounts_customerevent SET from_status = 'REJECTED' WHERE sequence = 2",
        ],
    ),
    "a customer's status is not their last event's": (
        "accounts_customer: the status is the last event's",
        ["UPDATE accounts_customer SET status = 'PENDING'"],
    ),
    "a deletion request went by a way that does not exist": (
        "accounts_deletionrequest: every event is a legal move",
        [
            *DELETION_ASKED,
            *_deletion_step(2, "REQUESTED", "WITHDRAWN"),
            *_deletion_step(3, "WITHDRAWN", "REQUESTED"),
        ],
    ),
    "a deletion request's event is gone": (
        "accounts_deletionrequest: events are gapless and joined",
        [
            *DELETION_ASKED,
            *_deletion_step(2, "REQUESTED", "WITHDRAWN"),
            "DELETE FROM accounts_deletionevent WHERE sequence = 1",
        ],
    ),
    "a deletion request's status is not its last event's": (
        "accounts_deletionrequest: the status is the last event's",
        [*DELETION_ASKED, "UPDATE accounts_deletionrequest SET status = 'REFUSED'"],
    ),
    "a deletion is done and the account open": (
        "a closed account has a done deletion request, and the other way round",
        DELETION_DONE,
    ),
    "an account is closed and nobody asked": (
        "a closed account has a done deletion request, and the other way round",
        [*ACCOUNT_CLOSED, "DELETE FROM accounts_deletionevent", "DELETE FROM accounts_deletionrequest"],
    ),
    "a closed account still signs in": (
        "of a closed account no contact, login, token or wallet is left",
        [*ACCOUNT_CLOSED, "UPDATE accounts_user SET is_active = true"],
    ),
    "an identity is kept for too long": (
        "of an erased account no name and no tax id is left, and none is kept longer than the law wants",
        [*ACCOUNT_CLOSED, "UPDATE accounts_deletionrequest SET erase_after = now() - interval '4 days'"],
    ),
    "an erased account has a name": (
        "of an erased account no name and no tax id is left, and none is kept longer than the law wants",
        [*ACCOUNT_CLOSED, *_deletion_step(3, "CLOSED", "ERASED")],
    ),
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
    "a day's sum is off": (
        "a day's limit is the sum of its uses",
        ["UPDATE accounts_limitday SET used_usd = used_usd - 0.01"],
    ),
    "a part of a limit counts again that was never taken": (
        "a part of a limit is given back or counted again only after it was taken, and in the same amount",
        ["UPDATE accounts_limituse SET kind = 'REINSTATE'"],
    ),
    "a settled order gave its part back": (
        "an order that ended with nothing bought gave its part of the limit back, and no other did",
        [
            "INSERT INTO accounts_limituse (customer_id, order_id, kind, day, amount_usd, at)"
            " SELECT customer_id, order_id, 'RELEASE', day, -amount_usd, at FROM accounts_limituse",
            "UPDATE accounts_limitday SET used_usd = 0",
        ],
    ),
    "a part of a limit is nobody's": (
        "no part of a limit is taken by an order that does not exist",
        ["UPDATE accounts_limituse SET order_id = gen_random_uuid()"],
    ),
    "a consent is to another text": (
        "each consent is to a text that still reads as it did",
        [
            "INSERT INTO accounts_consent (customer_id, disclosure_id, sha256, ip_digest, at)"
            " SELECT c.id, d.id, repeat('0', 64), '', now() FROM accounts_customer c, accounts_disclosure d LIMIT 1"
        ],
    ),
    "a text was edited": (
        "each consent is to a text that still reads as it did",
        [
            "INSERT INTO accounts_consent (customer_id, disclosure_id, sha256, ip_digest, at)"
            " SELECT c.id, d.id, d.sha256, '', now() FROM accounts_customer c, accounts_disclosure d LIMIT 1",
            "UPDATE accounts_disclosure SET text = text || '!'",
        ],
    ),
    "a provider approved somebody who told us nothing": (
        "who is approved has told us who they are and agreed, or was approved by staff",
        ["UPDATE accounts_customer SET kyc_decided_attempt = 'x'"],
    ),
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
    "a decision of staff was never written down": (
        "each decision of staff about a customer has its audit entry",
        ["UPDATE accounts_customerevent SET at = at - interval '1 second' WHERE actor LIKE 'staff:%'"],
    ),
    "somebody approved what they proposed": (
        "what was carried out had been approved in time by another, exactly as it was carried out",
        ["UPDATE accounts_proposaldecision d SET decided_by_id = p.proposer_id FROM accounts_proposal p"],
    ),
    "one person alone let go on what was stopped": (
        "what stopped more than one order went on by two people, or was taken back by its owner a moment later",
        [
            "INSERT INTO accounts_hold (id, subject, owner, reason, placed_at, released_at, released_by) VALUES"
            " (gen_random_uuid(), 'minting', 'staff:1', 'x', now() - interval '1 hour', now(), 'staff:1')"
        ],
    ),
    "an order's event is gone": (
        "orders_order: events are gapless and joined",
        ["DELETE FROM orders_orderevent WHERE sequence = 2", _unannounced("order", "sequence = 2")],
    ),
    "an order's event begins elsewhere": (
        "orders_order: events are gapless and joined",
        ["UPDATE orders_orderevent SET from_status = 'CANCELLED' WHERE to_status = 'FILLED'"],
    ),
    "an order went by a way that does not exist": (
        "orders_order: every event is a legal move",
        _detour("orders_orderevent", "EXPIRED"),
    ),
    "a record went by a way that does not exist": (
        "custody_custodyrecord: every event is a legal move",
        _detour("custody_custodyevent", "FAILED"),
    ),
    "a mint went by a way that does not exist": (
        "minting_minttx: every event is a legal move",
        _detour("minting_mintevent", "SENT"),
    ),
    "a switch went by a way that does not exist": (
        "minting_tokenswitch: every event is a legal move",
        _switch("DONE", ("", "REQUESTED"), ("REQUESTED", "DONE")),
    ),
    "a switch's event is gone": (
        "minting_tokenswitch: events are gapless and joined",
        _switch("FAILED", ("REQUESTED", "FAILED")),
    ),
    "a switch's status is not its last event's": (
        "minting_tokenswitch: the status is the last event's",
        _switch("DONE", ("", "REQUESTED")),
    ),
    "an order's status is not its last event's": (
        "orders_order: the status is the last event's",
        ["UPDATE orders_order SET status = 'MINT_CONFIRMED'"],
    ),
    "an order has lost its last event": (
        "orders_order: the status is the last event's",
        [
            "DELETE FROM orders_orderevent e USING orders_order o WHERE o.id = e.order_id AND o.version = e.sequence",
            _unannounced("order", "type = 'order.settled'"),
        ],
    ),
    "a fill is gone": (
        "an order's filled quantity is the sum of its fills",
        [f"DELETE FROM orders_fill WHERE id = {FIRST.format('orders_fill')}"],
    ),
    "a fill is busted without the sum following": (
        "an order's filled quantity is the sum of its fills",
        [
            "INSERT INTO orders_fill (order_id, broker, execution_id, kind, quantity, price_usd, corrects, executed_at,"
            " recorded_at) SELECT order_id, broker, 'bust-1', 'BUST', quantity, price_usd, execution_id, now(), now()"
            f" FROM orders_fill WHERE id = {FIRST.format('orders_fill')}"
        ],
    ),
    "the broker says less": (
        "a filled order's executions add up to the broker's own sum",
        ["UPDATE orders_order SET broker_filled_quantity = broker_filled_quantity - 0.000000001"],
    ),
    "an orphan at the broker": (
        "no order at the broker carries our prefix without a row of ours",
        [
            "INSERT INTO orders_brokermessage (source, event, broker_order_id, digest, payload, outcome, received_at)"
            " VALUES ('list', '', 'stray', 'd', '{}', 'ORPHAN', now())"
        ],
    ),
    "a vault's total is off": (
        "a vault's running total is the sum of its completed records",
        ["UPDATE custody_vaultaccount SET held_quantity = held_quantity + 1"],
    ),
    "a completed record is handed over to nobody": (
        "a custody record that is not done is going to be looked at",
        ["UPDATE custody_custodyrecord SET handed_over_at = NULL, next_attempt_at = NULL"],
    ),
    "a record's event is gone": (
        "custody_custodyrecord: events are gapless and joined",
        ["DELETE FROM custody_custodyevent WHERE sequence = 2"],
    ),
    "a record has lost its last event": (
        "custody_custodyrecord: the status is the last event's",
        ["DELETE FROM custody_custodyevent WHERE to_status = 'COMPLETED'"],
    ),
    "a mint's event is gone": (
        "minting_minttx: events are gapless and joined",
        ["DELETE FROM minting_mintevent WHERE sequence = 2"],
    ),
    "a mint has lost its last event": (
        "minting_minttx: the status is the last event's",
        ["DELETE FROM minting_mintevent e USING minting_minttx m WHERE m.id = e.mint_id AND m.version = e.sequence"],
    ),
    "a mint's record is another order's": (
        "a mint's amount is exactly its custody record's shares",
        [
            "UPDATE minting_minttx SET custody_record_id = gen_random_uuid()",  # out of the unique index's way
            "UPDATE minting_minttx m SET custody_record_id = r.id FROM custody_custodyrecord r"
            " WHERE r.order_id <> m.order_id",
        ],
    ),
    "a mint goes elsewhere": (
        "tokens go where their order says",
        ["UPDATE minting_minttx SET recipient = '0x0000000000000000000000000000000000000001'"],
    ),
    "a token's promises are off": (
        "a token's promises are the sum of its mints",
        ["UPDATE minting_token SET committed_wei = committed_wei - 1"],
    ),
    "a nonce is missing": (
        "a signer's nonces are contiguous",
        [
            "UPDATE minting_txattempt SET nonce = nonce + 5 WHERE nonce = (SELECT max(nonce) FROM minting_txattempt)",
        ],
    ),
    "a nonce is used by two mints": (
        "a nonce belongs to one mint",
        [
            "UPDATE minting_txattempt SET bump = 1, nonce = (SELECT min(nonce) FROM minting_txattempt)"
            " WHERE nonce = (SELECT max(nonce) FROM minting_txattempt)"
        ],
    ),
    "a mint is in a transaction that is not ours": (
        "a mint in a block is in a transaction that we signed",
        ["UPDATE minting_minttx SET tx_hash = '0xother'"],
    ),
    "a block is missing": (
        "recent blocks are linked by their parent hash",
        [
            "DELETE FROM minting_block WHERE number = (SELECT max(number) - 1 FROM minting_block)",
        ],
    ),
    "a block does not follow its parent": (
        "recent blocks are linked by their parent hash",
        ["UPDATE minting_block SET parent_hash = '0xother' WHERE number = (SELECT max(number) FROM minting_block)"],
    ),
    "a mint stands in another block": (
        "a mint in a recent block stands in the block that we know at that height",
        ["UPDATE minting_minttx SET block_hash = '0xother'"],
    ),
    "somebody else minted": (
        "no mint on-chain without a row that promised it",
        [
            "INSERT INTO minting_foreignmint (chain_id, contract, mint_key, recipient, amount_wei, tx_hash, log_index,"
            " block_number, block_hash, seen_at) VALUES (1, '', 'theirs', '', 1, '', 0, 1, '', now())"
        ],
    ),
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

# What cannot be broken alone: the other invariants that the same rows violate are named too.
SEEDS_OF_SEVERAL: dict[str, tuple[set[str], list[str]]] = {
    "a day is used beyond its limit": (
        {"no day is used beyond its limit, but for fills that crossed a cancel", GUARDS[1]},
        [
            "ALTER TABLE accounts_limitday DROP CONSTRAINT limit_day_within",
            "UPDATE accounts_limitday SET limit_usd = 1",
        ],
    ),
    "a report was approved with an old second factor": (
        {
            "a published report was approved by a second person with a fresh second factor, and signed as it is",
            GUARDS[1],
        },
        [
            "ALTER TABLE reserves_reportapproval DROP CONSTRAINT approval_second_factor_fresh",
            "UPDATE reserves_reportapproval SET second_factor_at = approved_at - interval '301 seconds'",
        ],
    ),
    "a tax id stands in plain text": (
        {"no tax id stands in plain text beside its sealed form", GUARDS[1]},
        [
            "ALTER TABLE accounts_customer DROP CONSTRAINT customer_tax_id_sealed",
            f"UPDATE accounts_customer SET tax_id_sealed = '52998224725' WHERE id = {FIRST}".format(
                "accounts_customer"
            ),
        ],
    ),
    "shares are missing, and nobody was stopped": (
        {"no difference between the books is open", "an asset whose supply is over its custody is on hold"},
        [
            "INSERT INTO reserves_break (asset_id, kind, quantity, opened_at, seen_at)"
            " SELECT id, 'VAULT_SHORT', 1, now(), now() FROM orders_asset"
        ],
    ),
    "more custody than fills": (
        {
            "custody, minted and settled quantities never exceed the one before",
            "an order's custody quantity is the sum of its completed records",
        },
        ["UPDATE orders_order SET custody_quantity = custody_quantity + 1"],
    ),
    "less custody than mints": (
        {
            "custody, minted and settled quantities never exceed the one before",
            "an order's custody quantity is the sum of its completed records",
        },
        ["UPDATE orders_order SET custody_quantity = 0"],
    ),
    "more minted than the mints": (
        {
            "custody, minted and settled quantities never exceed the one before",
            "an order's minted and settled quantities are the sums of its mints",
        },
        ["UPDATE orders_order SET minted_quantity = minted_quantity + 1"],
    ),
    "a record claims more than was filled": (
        {
            "no more is claimed for an order than was filled",
            "an order's custody quantity is the sum of its completed records",
            "a vault's running total is the sum of its completed records",
            "a mint's amount is exactly its custody record's shares",
        },
        ["UPDATE custody_custodyrecord SET quantity = quantity + 1"],
    ),
    "a mint makes more than is in custody": (
        {
            "a mint's amount is exactly its custody record's shares",
            "an order's minted and settled quantities are the sums of its mints",
            "a token's promises are the sum of its mints",
            "the supply of a gated token is within the reserves that were attested last",
        },
        ["UPDATE minting_minttx SET amount_wei = amount_wei + 1"],
    ),
    "more is promised than is held": (
        {"no more is promised than is in custody", "a token's promises are the sum of its mints"},
        ["UPDATE minting_token SET committed_wei = committed_wei + 1"],
    ),
    "a second transaction of one mint can land": (
        {"a nonce belongs to one mint", "a mint has one transaction that can land at a time"},
        [
            "INSERT INTO minting_txattempt (id, mint_id, chain_id, signer, nonce, bump, gas, max_fee_per_gas,"
            " max_priority_fee_per_gas, request, request_id, tx_hash, allocated_at)"
            " SELECT gen_random_uuid(), m.id, a.chain_id, a.signer, a.nonce, 1, 1, 1, 1, 1, 'again', '', now()"
            " FROM minting_minttx m JOIN minting_txattempt a ON a.mint_id <> m.id ORDER BY a.nonce LIMIT 1"
        ],
    ),
    "the broker has said more than we can add up, for long": (
        {
            "the broker's sum and our executions agree within minutes, or the order is held",
            "a filled order's executions add up to the broker's own sum",
        },
        [
            "UPDATE orders_order SET broker_filled_quantity = broker_filled_quantity + 1,"
            " updated_at = now() - interval '6 minutes'"
        ],
    ),
    "a mint waits, and nobody will look at it": (
        {
            "a mint that is not in a block is going to be looked at",
            "minting_minttx: the status is the last event's",
            "an order's minted and settled quantities are the sums of its mints",
        },
        ["UPDATE minting_minttx SET status = 'SENT', next_attempt_at = NULL"],
    ),
}


def test_an_installation_in_order_passes(settled: World) -> None:
    code, said = _audit()

    names = [invariant.name for invariant in all_invariants()]
    assert code == 0
    assert said.splitlines() == [*[f"ok   {name}" for name in names], f"{len(names)} invariants, 0 violated"]


def test_json_is_one_object_that_names_every_invariant(settled: World) -> None:
    code, said = _audit("--json")

    assert code == 0
    assert json.loads(said) == {
        "ok": True,
        "invariants": [{"name": invariant.name, "holds": True, "violations": []} for invariant in all_invariants()],
    }


def test_every_invariant_has_its_seed_here() -> None:
    seeded = {name for name, _ in SEEDS.values()} | set().union(*(names for names, _ in SEEDS_OF_SEVERAL.values()))

    assert {invariant.name for invariant in all_invariants()} == {*seeded, STANDS_STILL, *GUARDS}


@pytest.mark.parametrize(("name", "statements"), SEEDS.values(), ids=SEEDS)
def test_a_violation_is_found_by_its_invariant_alone(settled: World, name: str, statements: list[str]) -> None:
    with _sown(*statements):
        assert _violated() == (1, [name])

    assert _violated() == (0, [])


@pytest.mark.parametrize(("names", "statements"), SEEDS_OF_SEVERAL.values(), ids=SEEDS_OF_SEVERAL)
def test_a_violation_is_found_by_all_that_it_touches(settled: World, names: set[str], statements: list[str]) -> None:
    with _sown(*statements):
        code, found = _violated()

    assert (code, set(found)) == (1, names)


def test_a_violation_is_shown_with_its_rows(settled: World) -> None:
    with _sown("UPDATE custody_vaultaccount SET held_quantity = 1.75"):
        code, said = _audit()

    lines = said.splitlines()
    failed = lines.index("FAIL a vault's running total is the sum of its completed records")
    assert lines[failed + 1].strip() == "name=agora-aapl held_quantity=1.750000000 total=0.750000000"
    assert lines[-1] == f"{len(all_invariants())} invariants, 1 violated"
    assert code == 1


@pytest.mark.parametrize(
    ("idle_for", "hold", "found"),
    [
        ("16 minutes", "", [STANDS_STILL]),
        ("14 minutes", "", []),
        ("1 day", "NULL", []),
        ("1 day", "now() + interval '1 day'", []),
        pytest.param(
            "1 day",
            "now() - interval '1 hour'",
            [STANDS_STILL],
        ),
    ],
)
def test_an_order_that_stands_still_is_found_unless_it_is_held(
    settled: World, idle_for: str, hold: str, found: list[str]
) -> None:
    with _sown(guarded=True):
        order = new_order()
        idle = [f"UPDATE orders_order SET next_attempt_at = NULL, updated_at = now() - interval '{idle_for}'"]
        if hold:
            idle[1:] = [
                "INSERT INTO accounts_hold (id, subject, owner, reason, placed_at, until, released_by)"
                f" VALUES (gen_random_uuid(), 'order:{order.pk}', 'test', '', now() - interval '1 day', {hold}, '')"
            ]
        with connection.cursor() as cursor:
            cursor.execute(f"{idle[0]} WHERE id = %s", [order.pk])
            for statement in idle[1:]:
                cursor.execute(statement)
        assert _violated() == (int(bool(found)), found)


# --- The guards themselves -------------------------------------------------------------------------------------------
def _triggers() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE 'pgtrigger_%'")
        return cursor.fetchall()


def test_each_dropped_trigger_is_found(settled: World) -> None:
    triggers = _triggers()
    assert sorted(triggers) == sorted(zip(*all_invariants()[-3].params, strict=True))

    for table, trigger in triggers:
        with _sown(f"DROP TRIGGER {trigger} ON {table}", guarded=True):
            code, said = _audit("--json")
        found = [one for one in json.loads(said)["invariants"] if not one["holds"]]
        expected = {"name": GUARDS[0], "holds": False, "violations": [f"relation={table} name={trigger}"]}
        assert (code, found) == (1, [expected])


def test_a_disabled_trigger_is_found(settled: World) -> None:
    with _sown("ALTER TABLE orders_order DISABLE TRIGGER ALL", guarded=True):
        assert _violated() == (1, [GUARDS[0]])


def test_a_trigger_that_fires_on_replicas_only_is_found(settled: World) -> None:
    with _sown(f"ALTER TABLE {_triggers()[0][0]} ENABLE REPLICA TRIGGER {_triggers()[0][1]}", guarded=True):
        assert _violated() == (1, [GUARDS[0]])


def test_each_dropped_constraint_is_found(settled: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname, conrelid::regclass::text FROM pg_constraint WHERE contype IN ('c', 'u')")
        tables = dict(cursor.fetchall())
    named = all_invariants()[-2].params[0]
    assert len(named) == len(set(named)) >= 38

    for name in named:
        drop = f"ALTER TABLE {tables[name]} DROP CONSTRAINT {name}" if name in tables else f"DROP INDEX {name}"
        with _sown(drop, guarded=True):
            code, said = _audit("--json")
        found = [one for one in json.loads(said)["invariants"] if not one["holds"]]
        assert (code, found) == (1, [{"name": GUARDS[1], "holds": False, "violations": [f"name={name}"]}])


def test_a_constraint_that_was_never_validated_is_found(settled: World) -> None:
    with _sown(
        "ALTER TABLE orders_order DROP CONSTRAINT order_quantity_positive",
        "ALTER TABLE orders_order ADD CONSTRAINT order_quantity_positive CHECK (quantity > 0) NOT VALID",
        guarded=True,
    ):
        assert _violated() == (1, [GUARDS[1]])


UNIQUE_FIELDS = [
    ("orders_order", "broker_client_order_id"),
    ("orders_brokermessage", "digest"),
    ("custody_custodyrecord", "external_tx_id"),
    ("minting_minttx", "custody_record_id"),
    ("minting_txattempt", "request_id"),
    ("accounts_wallet", "address"),
]


@pytest.mark.parametrize(("table", "column"), UNIQUE_FIELDS)
def test_a_dropped_unique_field_is_found(settled: World, table: str, column: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'u' AND conrelid = %s::regclass AND conkey = ARRAY["
            "(SELECT attnum FROM pg_attribute WHERE attrelid = conrelid AND attname = %s)]",
            [table, column],
        )
        name = cursor.fetchone()[0]

    with _sown(f"ALTER TABLE {table} DROP CONSTRAINT {name}", guarded=True):
        assert _violated() == (1, [GUARDS[2]])


# --- Paths ---------------------------------------------------------------------------------------------------------
def test_an_illegal_path_is_found(settled: World) -> None:
    with _sown():
        _write_event(new_order(), "REJECTED", moved=True)
        assert _violated()[0] == 1


def test_an_event_beyond_the_rows_version_is_found(settled: World) -> None:
    with _sown(guarded=True):  # every trigger in force: the database itself does not mind
        _write_event(new_order(), "SUBMITTING", moved=False)
        assert _violated()[0] == 1


def _write_event(order: Order, status: str, *, moved: bool) -> None:
    with connection.cursor() as cursor:
        if moved:
            cursor.execute("UPDATE orders_order SET status = %s, version = 2 WHERE id = %s", [status, order.pk])
        cursor.execute(
            "INSERT INTO orders_orderevent (order_id, sequence, from_status, to_status, actor, reason, data, at)"
            " VALUES (%s, 2, 'PENDING', %s, 'test', '', '{}', now())",
            [order.pk, status],
        )
