"""`manage.py stuck` names what does not move, since when, what it waits for and who holds it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.services import place_hold
from agora.management.commands.stuck import find_stuck
from agora.stuck import with_custody
from agora.tests.rows import new_order, new_record
from agora.tests.tables import unchanged
from agora.tests.world import World
from custody.models import CustodyRecord
from orders.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


def _stuck(*options: str) -> str:
    said = io.StringIO()
    with unchanged():
        call_command("stuck", *options, stdout=said)
    return said.getvalue()


def _stuck_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(_stuck("--json", "--older-than", "0"))
    return rows


def test_an_installation_where_all_is_done_has_nothing_stuck(world: World) -> None:
    world.until_settled(world.place())
    assert _stuck_rows() == []
    assert _stuck() == "0 rows have not moved for 60 s\n"


def test_an_order_that_the_broker_holds_back_is_listed(world: World) -> None:
    world.outside.broker.control.scenario({"do": "hold"})
    order = world.until_status(world.place(), "SUBMITTED")

    assert _stuck() == "0 rows have not moved for 60 s\n"
    (row,) = _stuck_rows()
    assert datetime.fromisoformat(row.pop("since")) == order.updated_at
    assert row == {
        "kind": "order",
        "row_id": str(order.pk),
        "order_id": str(order.pk),
        "status": "SUBMITTED",
        "waits_for": "the broker to fill it",
        "cause": "outside",
        "holds": [],
    }


def test_a_record_that_the_custodian_holds_back_is_listed_with_its_order(world: World) -> None:
    world.outside.custodian.control.scenario(match={"operation": "TRANSFER"}, hold="PENDING_AUTHORIZATION")
    order = world.place()
    world.until(lambda: CustodyRecord.objects.filter(status="SUBMITTED").exists())
    record = CustodyRecord.objects.get()

    rows = {row["kind"]: row for row in _stuck_rows()}

    assert set(rows) == {"order", "custody record"}
    assert (rows["order"]["status"], rows["order"]["waits_for"]) == ("FILLED", "the custodian")
    waiting = rows["custody record"]
    assert (waiting["row_id"], waiting["order_id"]) == (str(record.pk), str(order.pk))
    assert (waiting["status"], waiting["waits_for"]) == ("SUBMITTED", "the custodian to complete it")


def test_a_failed_transfer_is_listed_with_the_hold_it_placed(world: World) -> None:
    failure = {"status": "FAILED", "sub_status": "SIGNING_ERROR"}
    world.outside.custodian.control.scenario(match={"operation": "TRANSFER"}, fail=failure, times=1)
    order = world.place()
    world.until(lambda: CustodyRecord.objects.filter(status="FAILED").exists())

    row = next(row for row in _stuck_rows() if row["kind"] == "custody record")

    assert (row["status"], row["waits_for"]) == ("FAILED", "staff to try it again")
    (hold,) = row["holds"]
    assert (hold["subject"], hold["owner"]) == (f"order:{order.pk}", "custodian-facts")
    assert hold["reason"] == "the custodian failed the transfer: FAILED SIGNING_ERROR"


def test_the_age_and_the_reason_stand_in_the_line(transactional_db: None) -> None:
    order = new_order()
    now = timezone.now()
    Order.objects.update(updated_at=now - timedelta(hours=1, minutes=2, seconds=3))
    place_hold(subject=f"order:{order.pk}", owner="compliance", reason="a question", now=now - timedelta(seconds=1))
    place_hold(subject="asset:AAPL", owner="reconciliation", reason="a difference", now=now)

    line, summary = _stuck().splitlines()

    assert line in [
        f"   1:02:0{second}  order {order.pk} of order {order.pk} is PENDING: "
        "held by compliance: a question; held by reconciliation: a difference"
        for second in (3, 4)
    ]
    assert summary == "1 rows have not moved for 60 s"


def test_a_hold_that_ran_out_or_was_released_holds_nothing(transactional_db: None) -> None:
    order = new_order()
    now = timezone.now()
    Order.objects.update(updated_at=now - timedelta(minutes=5))
    yesterday = now - timedelta(days=1)
    place_hold(subject=f"order:{order.pk}", owner="a", reason="a", now=yesterday, until=now - timedelta(hours=1))

    line, _ = _stuck().splitlines()

    assert line.endswith("is PENDING: waits for a worker to submit it")


def test_the_oldest_stands_first_and_the_youngest_not_at_all(transactional_db: None) -> None:
    now = timezone.now()
    orders = [new_order() for _ in range(3)]
    for order, age in zip(orders, (90, 600, 30), strict=True):
        Order.objects.filter(pk=order.pk).update(updated_at=now - timedelta(seconds=age))

    rows = find_stuck(older_than=60, now=now)

    assert [row.row_id for row in rows] == [str(orders[1].pk), str(orders[0].pk)]


@pytest.mark.parametrize(
    ("has_vault", "cause", "words"),
    [(False, "ours", "there is no vault account for"), (True, "ours", "the broker to list all executions")],
)
def test_a_filled_order_that_custody_knows_nothing_of_does_not_wait_for_the_custodian(
    has_vault: bool, cause: str, words: str
) -> None:
    order = new_record().order if has_vault else new_order()
    if has_vault:  # another order of the same asset
        order = new_order(asset=order.asset)
    (row,) = [one for one in find_stuck(older_than=0, now=timezone.now()) if one.row_id == str(order.pk)]

    (told,) = with_custody([replace(row, status="FILLED", waits_for="the custodian", cause="ours")])

    assert told.cause == cause
    assert words in told.waits_for
