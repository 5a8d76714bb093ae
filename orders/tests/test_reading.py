"""Lists, pages, moves and ETags: what an integrator reads, and how they go on reading."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from agora.lib.api import pagination
from agora.tests.rows import NOON, new_asset, new_order, new_person, walk_to
from agora.tests.world import WALLETS, Person
from orders.models import Order

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1"


@pytest.fixture
def alice(transactional_db: None) -> Person:
    new_asset()
    return new_person("alice")


def _get(person: Person, path: str, **headers: str) -> Any:
    return Client().get(f"{API}/{path}", headers={**person.auth, **headers})


def _orders(person: Person, number: int) -> list[str]:
    return [str(new_order(customer=person.customer, client_order_id=f"n{n}").pk) for n in range(number)]


def test_pages_of_orders_hold_each_once_while_new_ones_come(alice: Person) -> None:
    made = _orders(alice, 5)
    new_order(customer=new_person("bob", wallet=WALLETS[1]).customer)

    first = _get(alice, "orders?limit=2").json()
    new_order(customer=alice.customer, client_order_id="late", created_at=NOON)
    seen, cursor = [row["order_id"] for row in first["results"]], first["next_cursor"]
    while cursor:
        page = _get(alice, f"orders?limit=2&cursor={cursor}").json()
        seen += [row["order_id"] for row in page["results"]]
        cursor = page["next_cursor"]

    assert sorted(seen) == sorted(made)  # all were made at noon: the id tells them apart
    assert len(_get(alice, "orders").json()["results"]) == 6


def test_orders_are_found_by_status_and_client_order_id(alice: Person) -> None:
    made = _orders(alice, 3)
    walk_to(Order.objects.get(pk=made[1]), "REJECTED")

    assert [row["order_id"] for row in _get(alice, "orders?status=REJECTED").json()["results"]] == [made[1]]
    assert [row["order_id"] for row in _get(alice, "orders?client_order_id=n2").json()["results"]] == [made[2]]
    assert _get(alice, "orders?status=%00").json()["results"] == []


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=201", "limit=-1", "limit=x", "limit=", "limit=1e2", "limit=%D9%A1"),
        *("cursor=x", "cursor=AAAA", "cursor=%00", "cursor=" + "A" * 2000),
        "cursor=" + pagination.encode("2026-11-20T12:00:00", "x"),
        "cursor=" + pagination.encode("2026-11-20T12:00:00", "01890000-0000-7000-8000-000000000000"),  # no zone
        "cursor=" + pagination.encode("0001-01-01T00:00:00+23:00", "01890000-0000-7000-8000-000000000000"),
        "cursor=" + pagination.encode(2**70),
        "cursor=" + pagination.encode(-1),
    ],
)
def test_a_page_that_we_never_named_is_refused(alice: Person, query: str) -> None:
    answer = _get(alice, f"orders?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


def test_an_order_s_events_are_its_moves(alice: Person) -> None:
    order = walk_to(new_order(customer=alice.customer), "SUBMITTED")

    events = _get(alice, f"orders/{order.pk}/events").json()["results"]

    assert [(event["sequence"], event["status"], event["previous_status"]) for event in events] == [
        (1, "PENDING", ""),
        (2, "SUBMITTING", "PENDING"),
        (3, "SUBMITTED", "SUBMITTING"),
    ]


def test_an_order_that_has_not_changed_is_not_sent_again(alice: Person) -> None:
    order = new_order(customer=alice.customer)
    path = f"orders/{order.pk}"
    etag = _get(alice, path).headers["ETag"]

    same = _get(alice, path, **{"If-None-Match": f'"other", W/{etag}'})
    walk_to(order, "SUBMITTING")
    changed = _get(alice, path, **{"If-None-Match": etag})

    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", etag)
    assert (changed.status_code, changed.json()["status"]) == (200, "SUBMITTING")
    assert changed.headers["ETag"] != etag
    assert changed.headers["Cache-Control"] == "private, no-cache"
