"""Placing an order over HTTP: once for each client_order_id, with exact quantities, answered in full."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.test import Client
from django_q.models import OrmQ
from pytest_django.live_server_helper import LiveServer

from agora.tests.rows import new_asset, new_person
from agora.tests.tables import unchanged
from agora.tests.world import WALLETS, Person
from orders.models import Order, OrderEvent

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = "/api/v1/orders"


@pytest.fixture
def alice(transactional_db: None) -> Person:
    new_asset()
    return new_person("alice")


def _post(person: Person, **fields: Any) -> Any:
    ours = {"asset": "AAPL", "quantity": "0.25", "recipient_wallet": person.wallet, "client_order_id": str(uuid4())}
    body = {**ours, **fields}
    return Client().post(ORDERS, json.dumps(body), content_type="application/json", headers=person.auth)


def test_an_order_is_answered_in_full(alice: Person) -> None:
    answer = _post(alice, client_order_id="mine-1")

    order = Order.objects.get()
    body = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/json")
    assert answer.headers["Location"] == f"/api/v1/orders/{order.pk}"
    created_at, first_step = body.pop("created_at"), body["steps"].pop(0)
    assert (datetime.fromisoformat(created_at), body.pop("updated_at")) == (order.created_at, created_at)
    assert first_step == {"name": "Pending", "at": created_at}
    assert body == {
        "order_id": str(order.pk),
        "client_order_id": "mine-1",
        "asset": "AAPL",
        "quantity": "0.25",
        "filled_quantity": "0",
        "filled_avg_price_usd": None,
        "recipient_wallet": WALLETS[0],
        "status": "PENDING",
        "cancel_requested_at": None,
        "broker_status": "",
        "broker_order_id": "",
        "custody_reference": "",
        "mint_tx_hash": "",
        "steps": [{"name": name, "at": None} for name in ("Filled", "In custody", "Minted")],
        "message": "We have your order and are about to send it to the broker.",
    }


def test_an_accepted_order_has_its_row_its_event_and_its_task(alice: Person) -> None:
    _post(alice)

    order = Order.objects.get()
    assert (order.customer, order.status, order.version) == (alice.customer, "PENDING", 1)
    event = OrderEvent.objects.get()
    assert (event.order, event.sequence, event.from_status, event.to_status) == (order, 1, "", "PENDING")
    assert event.actor == f"customer:{alice.customer.pk}"
    assert [(row.task["func"], row.task["args"]) for row in OrmQ.objects.all()] == [
        ("orders.tasks.submit_order", (str(order.pk),))
    ]


def test_the_location_leads_to_the_same_order(alice: Person) -> None:
    posted = _post(alice)

    got = Client().get(posted.headers["Location"], headers=alice.auth)

    assert (got.status_code, got.json()) == (200, posted.json())


def test_the_same_client_order_id_twice_is_one_order(alice: Person) -> None:
    first = _post(alice, client_order_id="mine-1")

    with unchanged():
        second = _post(alice, client_order_id="mine-1")

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert second.headers["Location"] == first.headers["Location"]


@pytest.mark.parametrize("quantity", ["0.250", 0.25, "2.5e-1"])
def test_the_same_quantity_written_otherwise_is_the_same_order(alice: Person, quantity: Any) -> None:
    first = _post(alice, client_order_id="mine-1")

    second = _post(alice, client_order_id="mine-1", quantity=quantity)

    assert (second.status_code, second.json()["order_id"]) == (200, first.json()["order_id"])


OTHER_CONTENT = [
    {"quantity": "0.250000001"},
    {"recipient_wallet": "0x90F79bf6EB2c4f870365E785982E1f101E93b906"},
    {"asset": "MSFT"},
    {"asset": "GONE"},
]


@pytest.mark.parametrize("other", OTHER_CONTENT, ids=str)
def test_the_same_client_order_id_for_another_order_is_a_conflict(alice: Person, other: dict[str, str]) -> None:
    new_asset("MSFT")
    _post(alice, client_order_id="mine-1")

    with unchanged():
        answer = _post(alice, client_order_id="mine-1", **other)

    assert (answer.status_code, answer.headers["Content-Type"]) == (409, "application/problem+json")
    assert answer.json()["code"] == "client_order_id_reused"


def test_an_order_without_an_id_or_a_key_is_refused(alice: Person) -> None:
    body = {"asset": "AAPL", "quantity": "0.25", "recipient_wallet": alice.wallet}

    with unchanged():
        answer = Client().post(ORDERS, json.dumps(body), content_type="application/json", headers=alice.auth)

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


def test_two_customers_may_use_the_same_client_order_id(alice: Person) -> None:
    bob = new_person("bob", wallet=WALLETS[1])

    answers = [_post(person, client_order_id="1") for person in (alice, bob)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["order_id"] != answers[1].json()["order_id"]


@pytest.mark.parametrize(
    ("sent", "quantity", "answered"),
    [
        ("0.1", "0.1", "0.1"),  # a float would be 0.1000000000000000055…
        ("1.123456789", "1.123456789", "1.123456789"),
        ("0.010000001", "0.010000001", "0.010000001"),
        ("999.999999999", "999.999999999", "999.999999999"),
        ("1000", "1000", "1000"),
        ("1e2", "100", "100"),
        ('"0.1"', "0.1", "0.1"),
        ('"1.000000000"', "1", "1"),
    ],
)
def test_a_quantity_is_kept_exactly(alice: Person, sent: str, quantity: str, answered: str) -> None:
    body = f'{{"asset": "AAPL", "quantity": {sent}, "recipient_wallet": "{alice.wallet}", "client_order_id": "1"}}'

    answer = Client().post(ORDERS, body, content_type="application/json", headers=alice.auth)

    assert (answer.status_code, answer.json()["quantity"]) == (201, answered)
    assert Order.objects.get().quantity == Decimal(quantity)


def test_twenty_callers_at_once_with_one_client_order_id_make_one_order(alice: Person, live_server: LiveServer) -> None:
    body = {"asset": "AAPL", "quantity": "0.1", "recipient_wallet": alice.wallet, "client_order_id": "mine-1"}
    headers = {**alice.auth, "Connection": "close"}  # and with it the server's connection to the database
    together = Barrier(20)

    def post(_: int) -> requests.Response:
        together.wait(timeout=10)
        return requests.post(f"{live_server.url}{ORDERS}", json=body, headers=headers, timeout=60)

    with ThreadPoolExecutor(20) as callers:
        answers = list(callers.map(post, range(20)))

    order = Order.objects.get()
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert {answer.json()["order_id"] for answer in answers} == {str(order.pk)}
    assert (OrderEvent.objects.count(), OrmQ.objects.count()) == (1, 1)


def test_twenty_different_orders_at_once_are_all_accepted(alice: Person, live_server: LiveServer) -> None:
    headers = {**alice.auth, "Connection": "close"}  # and with it the server's connection to the database
    together = Barrier(20)

    def post(number: int) -> requests.Response:
        body = {"asset": "AAPL", "quantity": "0.1", "recipient_wallet": alice.wallet, "client_order_id": f"n-{number}"}
        together.wait(timeout=10)
        return requests.post(f"{live_server.url}{ORDERS}", json=body, headers=headers, timeout=60)

    with ThreadPoolExecutor(20) as callers:
        answers = list(callers.map(post, range(20)))

    assert [answer.status_code for answer in answers] == [201] * 20
    assert Order.objects.count() == OrderEvent.objects.count() == OrmQ.objects.count() == 20
