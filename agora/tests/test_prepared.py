"""Statements planned once a connection behave as Django's own: same rows, same errors, same transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from agora.lib import prepared
from agora.tests.rows import new_asset
from orders.models import Asset, PricePoint

pytestmark = pytest.mark.django_db(transaction=True)

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)


def _point(asset: Asset, price: str = "250.123456789") -> PricePoint:
    return PricePoint(asset=asset, hour=NINE, price_usd=Decimal(price))


def _kept() -> QuerySet[PricePoint]:
    return PricePoint.objects.filter(hour=NINE)


def test_an_inserted_row_is_the_one_that_save_would_have_made() -> None:
    row = _point(new_asset())

    assert prepared.insert(row)

    kept = _kept().get()
    assert (kept.pk, kept.hour, kept.price_usd) == (row.pk, NINE, Decimal("250.123456789"))
    row.price_usd = Decimal(1)
    row.save()  # an update: it knows that it is stored
    assert _kept().get().price_usd == 1


def test_a_second_row_of_a_unique_constraint_is_an_integrity_error() -> None:
    asset = new_asset()
    prepared.insert(_point(asset))

    with pytest.raises(IntegrityError, match="price_point_once_an_hour"), transaction.atomic():
        prepared.insert(_point(asset))

    assert _kept().count() == 1


def test_unless_leaves_what_is_there_and_the_transaction_usable() -> None:
    asset = new_asset()
    prepared.insert(_point(asset))

    with transaction.atomic():
        written = prepared.insert(_point(asset, "1"), unless="price_point_once_an_hour")
        assert (written, _kept().get().price_usd) == (False, Decimal("250.123456789"))


def test_what_was_inserted_goes_with_its_transaction() -> None:
    asset = new_asset()
    with transaction.atomic():
        prepared.insert(_point(asset))
        transaction.set_rollback(True)

    assert not _kept().exists()


def test_a_row_read_by_its_columns_is_the_models_row() -> None:
    asset = new_asset()
    sql = f"SELECT {prepared.columns(Asset, 'a')} FROM orders_asset a WHERE a.symbol = %(symbol)s"

    (values,) = prepared.fetch(sql, {"symbol": asset.symbol})

    read = prepared.from_row(Asset, values)
    assert [getattr(read, f.attname) for f in Asset._meta.concrete_fields] == list(values)
    assert (read, read.min_quantity) == (asset, Asset.objects.get().min_quantity)


def test_a_statement_is_planned_once_a_connection() -> None:
    new_asset()
    for _ in range(3):
        prepared.fetch("SELECT symbol FROM orders_asset WHERE symbol = %(symbol)s", {"symbol": "AAPL"})

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT symbol%%'"
        )
        assert cursor.fetchall() == [(3,)]


def test_a_kept_connection_whose_server_died_is_replaced_before_a_requests_first_statement() -> None:
    (pid,) = prepared.fetch("SELECT pg_backend_pid()", {})[0]
    rival = connection.copy()
    with rival.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    rival.close()
    connection.health_check_enabled, connection.health_check_done = True, False  # as when a request begins

    ((next_pid,),) = prepared.fetch("SELECT pg_backend_pid()", {})

    assert next_pid != pid
