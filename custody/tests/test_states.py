"""What PostgreSQL itself refuses of custody, whoever asks: illegal moves, changed facts, impossible rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from agora.tests.rows import NOON, move_by_sql, new_asset, new_order, new_record, new_vault, status_pairs, walk_to
from custody.models import CustodyEvent, CustodyRecord, VendorMessage
from custody.states import MOVES

ALLOWED = {
    ("PENDING", "SUBMITTED"),
    ("SUBMITTED", "COMPLETED"),
    ("SUBMITTED", "FAILED"),
    ("FAILED", "PENDING"),
}
PAIRS = status_pairs(MOVES)


def test_the_table_of_moves_is_the_one_tested_here() -> None:
    assert {(str(before), str(after)) for before, afters in MOVES.items() for after in afters} == ALLOWED
    assert len(PAIRS) == 4**2


# --- Moves -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(("before", "after"), PAIRS, ids="-".join)
def test_the_database_lets_exactly_the_allowed_moves_pass(before: str, after: str) -> None:
    record = walk_to(new_record(), before)

    if (before, after) in ALLOWED:
        move_by_sql(record, after)
        expected = after
    elif before == after:  # staying is no move
        with connection.cursor() as cursor:
            cursor.execute("UPDATE custody_custodyrecord SET status = status WHERE id = %s", [record.pk])
        expected = before
    else:
        with pytest.raises(DatabaseError, match="Invalid transition"), transaction.atomic():
            move_by_sql(record, after)
        expected = before

    record.refresh_from_db()
    assert record.status == expected


@pytest.mark.django_db(transaction=True)
def test_an_allowed_move_without_its_event_is_refused_at_commit() -> None:
    record = new_record()

    with pytest.raises(DatabaseError, match="is not its last event's"), transaction.atomic():
        move_by_sql(record, "SUBMITTED", with_event=False, check_now=False)

    record.refresh_from_db()
    assert (record.status, record.version) == ("PENDING", 1)


@pytest.mark.django_db(transaction=True)
def test_an_allowed_move_with_its_event_commits() -> None:
    record = new_record()

    with transaction.atomic():
        move_by_sql(record, "SUBMITTED", check_now=False)

    record.refresh_from_db()
    assert (record.status, record.version, record.events.count()) == ("SUBMITTED", 2, 2)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["SUBMITTED", "COMPLETED", "FAILED"])
def test_a_record_begins_pending(status: str) -> None:
    order = new_order()

    with pytest.raises(DatabaseError, match="Cannot insert rows"), transaction.atomic():
        new_record(order=order, status=status)

    assert not CustodyRecord.objects.exists()


# --- Facts -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("table", ["custody_custodyevent", "custody_vendormessage"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_a_fact_is_neither_changed_nor_deleted(table: str, statement: str) -> None:
    new_record()
    VendorMessage.objects.create(digest="d", body="{}", received_at=NOON)

    _refuses(statement.format(table), match="Cannot (update|delete) rows")

    assert (CustodyEvent.objects.count(), VendorMessage.objects.count()) == (1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("status", [str(status) for status in MOVES])
def test_a_record_is_never_deleted(status: str) -> None:
    walk_to(new_record(), status)

    _refuses("DELETE FROM custody_custodyrecord", match="Cannot delete rows")


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["order_id", "sequence", "vault_account_id", "quantity"])
def test_a_claim_is_fixed(column: str) -> None:
    record = new_record()
    vault = new_vault(new_asset("MSFT"), vendor_id="2")
    other = {"order_id": new_order().pk, "sequence": 2, "vault_account_id": vault.pk, "quantity": Decimal("0.5")}
    before = CustodyRecord.objects.values().get()

    _refuses(f"UPDATE custody_custodyrecord SET {column} = %s", other[column], match="Cannot update rows")

    assert CustodyRecord.objects.values().get(pk=record.pk) == before


# --- Constraints: each is violated once ------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("quantity", [Decimal(0), Decimal("-0.000000001")])
def test_a_record_of_nothing_is_refused(quantity: Decimal) -> None:
    with pytest.raises(IntegrityError, match="custody_quantity_positive"):
        new_record(quantity=quantity)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("custody_once_a_tranche", {}),
        ("custody_once_at_the_custodian", {"sequence": 2, "provider_id": "at-the-custodian"}),
        ("custody_custodyrecord_external_tx_id", {"sequence": 2, "external_tx_id": "agora-custody-1"}),
    ],
)
def test_a_record_is_unique(constraint: str, fields: dict[str, Any]) -> None:
    order = new_order()
    new_record(order=order, **{**fields, "sequence": 1})

    with pytest.raises(IntegrityError, match=constraint):
        new_record(order=order, **fields)


@pytest.mark.django_db
def test_records_that_the_custodian_does_not_know_yet_are_not_each_others_duplicate() -> None:
    order = new_order()

    assert new_record(order=order, provider_id="") != new_record(order=order, sequence=2, provider_id="")


@pytest.mark.django_db
def test_an_event_has_its_sequence_once() -> None:
    record = new_record()

    with pytest.raises(IntegrityError, match="custody_event_sequence"):
        record.events.create(sequence=1, from_status="", to_status="PENDING", actor="test", at=NOON)


@pytest.mark.django_db
def test_a_webhook_is_kept_once() -> None:
    VendorMessage.objects.create(digest="d", body="{}", received_at=NOON)

    with pytest.raises(IntegrityError, match="custody_vendormessage_digest"):
        VendorMessage.objects.create(digest="d", body="[]", received_at=NOON)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("vault_once_at_the_custodian", {}),
        ("vault_held_not_negative", {"vendor_id": "2", "held_quantity": Decimal("-0.000000001")}),
    ],
)
def test_an_impossible_vault_is_refused(constraint: str, fields: dict[str, Any]) -> None:
    new_vault(new_asset("AAPL"))

    with pytest.raises(IntegrityError, match=constraint):
        new_vault(new_asset("MSFT"), **fields)


@pytest.mark.django_db
def test_an_asset_has_one_vault() -> None:
    vault = new_vault(new_asset())

    vault.pk, vault.vendor_id = None, "2"
    with pytest.raises(IntegrityError, match="custody_vaultaccount_asset_id"):
        vault.save(force_insert=True)


def _refuses(statement: str, *values: Any, match: str) -> None:
    with pytest.raises(DatabaseError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
