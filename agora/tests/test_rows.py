"""One odd row stops only itself; what meets all rows stops the loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, OperationalError, connection, transaction
from django.utils import timezone

from agora.lib import rows
from agora.lib.errors import AgoraError, Unavailable

ODD: dict[str, Callable[[], object]] = {
    "no number": lambda: Decimal("x"),
    "too large": lambda: int(1e30).to_bytes(2, "big"),
    "year 10000": lambda: timezone.now().replace(year=10_000),
    "not there": lambda: dict[str, str]()["status"],
    "null": lambda: None.strip(),  # type: ignore[attr-defined]
    "NUL": lambda: Group.objects.create(name="a\0b"),
    "too long": lambda: Group.objects.create(name="x" * 151),
    "twice": lambda: Group.objects.create(pk=Group.objects.create(name="one").pk, name="two"),
    "refused": lambda: (_ for _ in ()).throw(AgoraError("no")),
    "text": lambda: b"\xff".decode(),
}


@pytest.fixture(autouse=True)
def _nothing_met() -> Iterator[None]:
    rows.forget()
    yield
    rows.forget()


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.django_db(transaction=True)
def test_an_odd_row_is_held_with_its_place_and_the_others_go_on(odd: str, inside: bool) -> None:
    done: list[str] = []
    held: dict[str, str] = {}

    def do(row: str) -> None:
        if row == "odd":
            ODD[odd]()
        with connection.cursor() as cursor:  # a transaction that the odd row broke would refuse it
            cursor.execute("SELECT 1")
        done.append(row)

    def run() -> int:
        return rows.each(
            ["a", "odd", "b"], do, name="test", hold=lambda row, trouble: held.update({row: trouble.reason})
        )

    if inside:
        with transaction.atomic():
            assert run() == 2
    else:
        assert run() == 2

    assert (done, list(held)) == (["a", "b"], ["odd"])
    assert ".py:" in held["odd"]


@pytest.mark.parametrize("error", [OperationalError("gone"), DatabaseError("broken"), Unavailable("away")])
def test_what_concerns_all_rows_goes_up(error: Exception) -> None:
    with pytest.raises(type(error)):
        rows.each(["a", "b"], lambda row: _raise(error), name="test", hold=_never)


def test_each_row_asks_its_vendor_before_ones_trouble_is_raised() -> None:
    asked: list[str] = []

    def ask(row: str) -> None:
        asked.append(row)
        if row == "a":
            raise Unavailable("of a")

    with pytest.raises(Unavailable, match="of a"):
        rows.each(["a", "b"], ask, name="test", hold=_never, each_asks=True)
    assert asked == ["a", "b"]


@pytest.mark.parametrize(
    ("many", "error", "stops"), [(3, TypeError, True), (2, TypeError, False), (3, ValueError, False)]
)
def test_a_fault_of_ours_that_meets_every_row_stops_the_loop_when_all_are_held(
    many: int, error: type[Exception], stops: bool
) -> None:
    held: list[int] = []

    def run() -> None:
        rows.each(range(many), lambda row: _raise(error("x")), name="test", hold=lambda row, _: held.append(row))

    if stops:
        with pytest.raises(error):
            run()
    else:
        run()
    assert held == list(range(many))


def test_a_second_row_of_the_same_class_is_an_alarm_and_the_same_row_again_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def turn(odd: int) -> list[int]:
        caplog.clear()
        rows.each([odd, 7], lambda row: 1 / (row - odd), name="test", hold=lambda row, trouble: None)
        return [record.levelno for record in caplog.records]

    assert turn(1) == [logging.WARNING]
    assert turn(1) == [logging.WARNING]
    assert turn(2) == [logging.ERROR]


def test_a_row_that_cannot_be_held_costs_no_other() -> None:
    done: list[int] = []
    rows.each([0, 1], lambda row: done.append(1 // row), name="test", hold=lambda row, _: _raise(KeyError("x")))

    assert done == [1]


def _raise(error: Exception) -> None:
    raise error


def _never(row: object, trouble: rows.Trouble) -> None:
    raise AssertionError(row)
