"""What PostgreSQL itself refuses of orders, whoever asks: illegal moves, changed facts, impossible rows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import ProtectedError

from agora.tests.rows import NOON, move_by_sql, new_asset, new_order, new_person, status_pairs, walk_to
from agora.tests.world import WALLETS
from orders.models import Asset, BrokerMessage, Fill, Order, OrderEvent
from orders.states import MOVES

ALLOWED = {
    ("PENDING", "SUBMITTING"),
    ("PENDING", "CANCELLED"),
    ("SUBMITTING", "SUBMITTED"),
    ("SUBMITTING", "REJECTED"),
    ("SUBMITTING", "CANCELLED"),
    ("SUBMITTED", "PARTIALLY_FILLED"),
    ("SUBMITTED", "FILLED"),
    ("SUBMITTED", "REJECTED"),
    ("SUBMITTED", "CANCELLED"),
    ("SUBMITTED", "EXPIRED"),
    ("PARTIALLY_FILLED", "FILLED"),
    ("PARTIALLY_FILLED", "REJECTED"),
    ("PARTIALLY_FILLED", "CANCELLED"),
    ("PARTIALLY_FILLED", "EXPIRED"),
    ("FILLED", "CUSTODY_CONFIRMED"),
    ("CUSTODY_CONFIRMED", "MINT_CONFIRMED"),
    ("CUSTODY_CONFIRMED", "FILLED"),
    ("MINT_CONFIRMED", "SETTLED"),
    ("MINT_CONFIRMED", "CUSTODY_CONFIRMED"),
    ("SETTLED", "MINT_CONFIRMED"),
    ("CANCELLED", "FILLED"),
    ("EXPIRED", "FILLED"),
    ("REJECTED", "FILLED"),
}
PAIRS = status_pairs(MOVES)


def test_the_table_of_moves_is_the_one_tested_here() -> None:
    assert {(str(before), str(after)) for before, afters in MOVES.items() for after in afters} == ALLOWED
    assert len(PAIRS) == 11**2


# --- Moves -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_database_lets_exactly_the_allowed_moves_pass(before: str, after: str) -> None:
    order = walk_to(new_order(), before)

    if (before, after) in ALLOWED:
        move_by_sql(order, after)
        expected = after
    elif before == after:  # staying is no move
        with connection.cursor() as cursor:
            cursor.execute("UPDATE orders_order SET status = status WHERE id = %s", [order.pk])
        expected = before
    else:
        with pytest.raises(DatabaseError, match="Invalid transition"), transaction.atomic():
            move_by_sql(order, after)
        expected = before

    order.refresh_from_db()
    assert order.status == expected


@pytest.mark.django_db(transaction=True)
def test_an_allowed_move_without_its_event_is_refused_at_commit() -> None:
    order = new_order()

    with pytest.raises(DatabaseError, match="is not its last event's"), transaction.atomic():
        move_by_sql(order, "SUBMITTING", with_event=False, check_now=False)

    order.refresh_from_db()
    assert (order.status, order.version) == ("PENDING", 1)


@pytest.mark.django_db(transaction=True)
def test_an_allowed_move_with_its_event_commits() -> None:
    order = new_order()

    with transaction.atomic():
        move_by_sql(order, "SUBMITTING", check_now=False)

    order.refresh_from_db()
    assert (order.status, order.version, order.events.count()) == ("SUBMITTING", 2, 2)


@pytest.mark.django_db(transaction=True)
def test_two_moves_in_one_transaction_commit_together_or_not_at_all() -> None:
    order = new_order()

    with pytest.raises(DatabaseError, match="is not its last event's"):
        _move_twice_with_one_event(order)

    order.refresh_from_db()
    assert (order.status, order.events.count()) == ("PENDING", 1)


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted({str(status) for status in MOVES} - {"PENDING"}))
def test_an_order_begins_pending(status: str) -> None:
    with pytest.raises(DatabaseError, match="Cannot insert rows"), transaction.atomic():
        new_order(status=status)

    assert not Order.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_order_without_its_first_event_is_refused_at_commit() -> None:
    template = new_order()

    with pytest.raises(DatabaseError, match="is not its last event's"):
        _insert_copy(template)

    assert Order.objects.get() == template


# --- Facts -----------------------------------------------------------------------------------------------------------
FACTS = ("orders_orderevent", "orders_fill", "orders_brokermessage")


@pytest.mark.django_db
@pytest.mark.parametrize("table", FACTS)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_a_fact_is_neither_changed_nor_deleted(table: str, statement: str) -> None:
    order = new_order()
    new_fill(order)
    BrokerMessage.objects.create(**_message())

    _refuses(statement.format(table), match="Cannot update or delete rows")

    assert (OrderEvent.objects.count(), Fill.objects.count(), BrokerMessage.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("status", [str(status) for status in MOVES])
def test_an_order_is_never_deleted(status: str) -> None:
    walk_to(new_order(), status)

    _refuses("DELETE FROM orders_order", match="Cannot delete rows")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("customer_id", "{other}"),
        ("asset_id", "{asset}"),
        ("quantity", "2"),
        ("recipient", WALLETS[1]),
        ("client_order_id", "other"),
        ("broker_client_order_id", "other"),
    ],
)
def test_an_instruction_is_fixed(column: str, value: str) -> None:
    order = new_order()
    other, asset = new_person("other", wallet=""), new_asset("MSFT")
    before = Order.objects.values().get()

    _refuses(
        f"UPDATE orders_order SET {column} = %s",
        value.format(other=other.customer.pk, asset=asset.pk),
        match="Cannot update rows",
    )

    assert Order.objects.values().get(pk=order.pk) == before


@pytest.mark.django_db
def test_a_customer_and_an_asset_with_orders_are_not_deleted() -> None:
    order = new_order()

    for row in (order.customer, order.asset):
        with pytest.raises(ProtectedError):
            row.delete()


# --- Constraints: each is violated once ------------------------------------------------------------------------------
IMPOSSIBLE_ORDERS: list[tuple[str, dict[str, Any]]] = [
    ("order_quantity_positive", {"quantity": Decimal(0)}),
    ("order_not_overfilled", {"filled_quantity": Decimal("1.000000001")}),
    ("order_not_overfilled", {"filled_quantity": Decimal("-0.000000001")}),
    ("order_custody_not_negative", {"custody_quantity": Decimal("-0.000000001")}),
    ("order_minted_not_negative", {"minted_quantity": Decimal(-1), "settled_quantity": Decimal(-1)}),
    ("order_settled_minted", {"minted_quantity": Decimal("0.1"), "settled_quantity": Decimal("0.100000001")}),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("constraint", "fields"), IMPOSSIBLE_ORDERS)
def test_an_impossible_order_is_refused(constraint: str, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        new_order(**fields)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["REJECTED", "CANCELLED", "EXPIRED"])
def test_an_order_with_a_fill_does_not_end_without_one(status: str) -> None:
    order = walk_to(new_order(filled_quantity=Decimal("0.1")), "SUBMITTED")

    with pytest.raises(IntegrityError, match="order_out_only_unfilled"), transaction.atomic():
        move_by_sql(order, status)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("order_once_a_client_id", {"client_order_id": "mine"}),
        ("order_once_a_broker_client_id", {"broker_client_order_id": "agora-1"}),
        ("order_once_at_the_broker", {"broker_order_id": "at-the-broker"}),
    ],
)
def test_an_order_is_unique(constraint: str, fields: dict[str, Any]) -> None:
    new_order(**fields)

    with pytest.raises(IntegrityError, match=constraint):
        new_order(**fields)


@pytest.mark.django_db
def test_orders_that_no_broker_knows_yet_are_not_each_others_duplicate() -> None:
    assert new_order(broker_order_id="") != new_order(broker_order_id="")


@pytest.mark.django_db
def test_an_event_has_its_sequence_once() -> None:
    order = new_order()

    with pytest.raises(IntegrityError, match="order_event_sequence"):
        order.events.create(sequence=1, from_status="", to_status="PENDING", actor="test", at=NOON)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("constraint", "fields"),
    [("fill_once_an_execution", {}), ("fill_quantity_not_negative", {"execution_id": "2", "quantity": Decimal(-1)})],
)
def test_a_fill_is_one_execution_of_something(constraint: str, fields: dict[str, Any]) -> None:
    order = new_order()
    new_fill(order)

    with pytest.raises(IntegrityError, match=constraint):
        new_fill(new_order(), **fields)


@pytest.mark.django_db
def test_a_broker_message_is_kept_once() -> None:
    BrokerMessage.objects.create(**_message())

    with pytest.raises(IntegrityError, match="orders_brokermessage_digest"):
        BrokerMessage.objects.create(**_message())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("asset_quantity_limits", {"min_quantity": Decimal(0)}),
        ("asset_quantity_limits", {"min_quantity": Decimal(2), "max_quantity": Decimal(1)}),
        ("orders_asset_symbol", {"symbol": "AAPL"}),
        ("orders_asset_token_symbol", {"token_symbol": "AAPL-RAT"}),
    ],
)
def test_an_impossible_asset_is_refused(constraint: str, fields: dict[str, Any]) -> None:
    new_asset("AAPL")
    ours = {"symbol": "MSFT", "name": "", "token_symbol": "MSFT-RAT", "min_quantity": 1, "max_quantity": 1}

    with pytest.raises(IntegrityError, match=constraint):
        Asset.objects.create(**{**ours, **fields})


def new_fill(order: Order, **fields: Any) -> Fill:
    ours = {"execution_id": "1", "kind": "FILL", "quantity": Decimal("0.1"), "price_usd": Decimal(200)}
    times = {"executed_at": NOON, "recorded_at": NOON + timedelta(seconds=1)}
    return Fill.objects.create(order=order, broker="alpaca", **{**ours, **times, **fields})


def _message() -> dict[str, Any]:
    return {"source": "stream", "digest": "d", "payload": {}, "outcome": "APPLIED", "received_at": NOON}


def _refuses(statement: str, *values: str, match: str) -> None:
    with pytest.raises(DatabaseError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def _insert_copy(order: Order) -> None:
    """The same row under another id, without an event."""
    names = [field.column for field in Order._meta.fields if field.column not in ("id", "client_order_id")]
    fixed = ", ".join(name if name != "broker_client_order_id" else "'copy'" for name in names)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO orders_order (id, client_order_id, {', '.join(names)})"
            f" SELECT gen_random_uuid(), 'copy', {fixed} FROM orders_order WHERE id = %s",
            [order.pk],
        )


@transaction.atomic
def _move_twice_with_one_event(order: Order) -> None:
    move_by_sql(order, "SUBMITTING", check_now=False)
    order.status, order.version = "SUBMITTING", 2
    move_by_sql(order, "SUBMITTED", with_event=False, check_now=False)
