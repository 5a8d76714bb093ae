"""Every pair of statuses of every state machine, tried by raw SQL: exactly the allowed moves pass.

Orders', custody records' and mints' pairs are in the apps' own test_states.py, where rows walk there legally.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from accounts.models import Case, Customer, DeletionRequest, WebhookEndpoint
from agora.lib.statemachine import Stateful
from agora.tests.audit_seeds.cases import CASE
from agora.tests.audit_seeds.minting import SWITCH_ASKED
from agora.tests.audit_seeds.notifying import ENDPOINT
from agora.tests.audit_seeds.people import DELETION_ASKED
from agora.tests.rows import new_order, new_token, status_pairs
from custody.models import CustodyRecord
from minting.models import MintTx, TokenSwitch
from orders.models import Order

ELSEWHERE = {Order, CustodyRecord, MintTx}
RESERVED = (  # what a case of monitoring is about
    "INSERT INTO accounts_limituse (customer_id, order_id, kind, amount_usd, day, at)"
    " SELECT customer_id, id, 'RESERVE', 1, current_date, now() FROM orders_order"
)
MACHINES: dict[type[Any], list[str]] = {  # and how a row of it comes about
    Customer: [],
    DeletionRequest: DELETION_ASKED,
    Case: [RESERVED, *CASE],
    WebhookEndpoint: ENDPOINT,
    TokenSwitch: SWITCH_ASKED,
}


def test_there_is_no_other_state_machine() -> None:
    found = {model for model in apps.get_models() if issubclass(model, Stateful)}

    assert found == ELSEWHERE | MACHINES.keys()


@pytest.mark.django_db
@pytest.mark.parametrize("model", MACHINES, ids=lambda model: model.__name__)
def test_the_database_lets_exactly_the_allowed_moves_pass(model: type[Any]) -> None:
    table = model._meta.db_table
    new_token(new_order().asset)
    with _without_triggers() as cursor:
        for statement in MACHINES[model]:
            cursor.execute(statement)
        _leave_the_moves_alone(cursor, table)  # what else a status asks of the row is another matter

    passed = {pair for pair in status_pairs(model.MOVES) if _passes(table, *pair)}

    stays = {(str(status), str(status)) for status in model.MOVES}  # no move: nothing to refuse
    assert passed == {(str(before), str(after)) for before, afters in model.MOVES.items() for after in afters} | stays


def _passes(table: str, before: str, after: str) -> bool:
    with transaction.atomic():
        with _without_triggers() as cursor:
            cursor.execute(f"UPDATE {table} SET status = %s", [before])
            assert cursor.rowcount == 1
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"UPDATE {table} SET status = %s", [after])
        except DatabaseError as refusal:
            if "Invalid transition" not in str(refusal):
                raise
            return False
        finally:
            transaction.set_rollback(True)
        return True


def _leave_the_moves_alone(cursor: Any, table: str) -> None:
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass", [table])
    for (name,) in cursor.fetchall():
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    cursor.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE 'pgtrigger_%%'"
        " AND tgname NOT LIKE 'pgtrigger_legal_moves_%%'",
        [table],
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")


@contextmanager
def _without_triggers() -> Iterator[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor
        cursor.execute("SET LOCAL session_replication_role = origin")
