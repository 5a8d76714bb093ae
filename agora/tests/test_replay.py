"""`manage.py replay`: events and facts walked again, and every stored row that says otherwise found."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from agora.lib.replaying import Replay, walk
from agora.tests.rows import new_mint, new_order, new_record, walk_to
from orders.models import Fill, Order
from orders.states import MOVES
from orders.tests.test_states import new_fill


@dataclass
class Event:
    sequence: int
    from_status: str
    to_status: str
    data: dict[str, Any] = field(default_factory=dict)


GOOD = [Event(1, "", "PENDING"), Event(2, "PENDING", "SUBMITTING", {"n": 7}), Event(3, "SUBMITTING", "SUBMITTED")]


def test_a_walk_ends_where_the_last_event_leads_and_keeps_what_they_tell() -> None:
    assert walk(GOOD, moves=MOVES, tells={"SUBMITTING": {"number": "n"}}) == Replay("SUBMITTED", 3, {"number": 7}, [])


@pytest.mark.parametrize(
    ("events", "faults"),
    [
        ([GOOD[0], GOOD[2]], ["3: SUBMITTING → SUBMITTED after 1", "3: SUBMITTING → SUBMITTED from PENDING"]),
        ([GOOD[0], Event(2, "PENDING", "FILLED")], ["2: PENDING → FILLED is no move"]),
        ([Event(1, "PENDING", "SUBMITTING")], ["1: PENDING → SUBMITTING from ·"]),
    ],
)
def test_a_walk_says_what_is_wrong_with_the_events(events: list[Event], faults: list[str]) -> None:
    assert walk(events, moves=MOVES).faults == faults


@pytest.mark.django_db(transaction=True)
def test_rows_that_follow_from_their_events_and_facts_have_no_difference() -> None:
    _filled()

    assert _replay() == (0, {"ok": True, "rows": 2, "differences": 0, "first": []})  # an order, and who placed it


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("statement", "field", "replayed", "stored"),
    [
        ("UPDATE orders_order SET status = 'SUBMITTED'", "status", "FILLED", "SUBMITTED"),
        ("UPDATE orders_order SET version = 9", "version", "4", "9"),
        ("UPDATE orders_order SET filled_quantity = 0.5", "filled_quantity", "1.000000000", "0.500000000"),
        ("UPDATE orders_order SET minted_quantity = 1", "minted_quantity", "0", "1.000000000"),
        ("DELETE FROM orders_orderevent WHERE sequence = 2", "events", "3: SUBMITTING → SUBMITTED after 1", ""),
        ("UPDATE accounts_customer SET status = 'PENDING'", "status", "APPROVED", "PENDING"),
    ],
)
def test_a_row_that_says_otherwise_is_found(statement: str, field: str, replayed: str, stored: str) -> None:
    _filled()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)

    code, said = _replay()

    assert code == 1
    assert (field, replayed, stored) in [(one["field"], one["replayed"], one["stored"]) for one in said["first"]]


@pytest.mark.django_db(transaction=True)
def test_records_and_mints_count_by_their_own_events() -> None:
    """Nobody told the order of them."""
    order = _filled()
    record = walk_to(new_record(order=order), "COMPLETED")
    walk_to(new_mint(custody_record=record), "SETTLED")

    code, said = _replay("--order", str(order.pk))

    assert (code, said["rows"]) == (1, 1)
    found = {(one["kind"], one["field"]): one["replayed"] for one in said["first"]}
    assert found.pop(("order", "custody_quantity")) == "1.000000000"
    minted = [Decimal(found.pop(("order", column))) for column in ("minted_quantity", "settled_quantity")]
    assert minted == [1, 1]
    assert found.pop(("order", "status")) == "SETTLED"
    assert {kind for kind, _ in found} == {"mint"}  # its events name no block: they were made up


@pytest.mark.django_db(transaction=True)
def test_an_order_that_is_not_there_is_refused() -> None:
    with pytest.raises(CommandError, match="There is no order"):
        _replay("--order", str(UUID(int=1)))


def _filled() -> Order:
    order = new_order(filled_quantity=Decimal(1), filled_avg_price=Decimal(200))
    new_fill(order, quantity=Decimal(1))
    assert Fill.objects.count() == 1
    walked: Order = walk_to(walk_to(order, "SUBMITTED"), "FILLED")  # not by way of a cancel
    return walked


def _replay(*options: str) -> tuple[int, dict[str, Any]]:
    said = StringIO()
    try:
        call_command("replay", "--json", *options, stdout=said)
    except SystemExit as exit_:
        return int(exit_.code or 0), json.loads(said.getvalue())
    return 0, json.loads(said.getvalue())
