"""The Idempotency-Key: one effect a key, whatever happens to the requests that carry it."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from accounts.models import IdempotentRequest
from accounts.services import claim_key, keep_answer, prune_idempotency_keys, release_key
from accounts.services.idempotency import LEASE, Claim, StoredAnswer
from agora.lib.api.idempotency import IdempotencyInFlight, IdempotencyKeyInvalid, IdempotencyKeyReused, read_key
from agora.tests.rows import new_asset, new_person
from agora.tests.tables import unchanged
from agora.tests.world import WALLETS, Person
from orders.models import Order

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = "/api/v1/orders"
ONE: dict[str, Any] = {"caller": "customer:1", "method": "POST", "path": "/x", "key": "k", "fingerprint": "f"}


@pytest.fixture
def alice(transactional_db: None) -> Person:
    new_asset()
    return new_person("alice")


def _post(person: Person, key: str = "", path: str = ORDERS, **fields: Any) -> Any:
    body = {"asset": "AAPL", "quantity": "0.25", "recipient_wallet": person.wallet, **fields}
    headers = {**person.auth, **({"Idempotency-Key": key} if key else {})}
    return Client().post(path, json.dumps(body), content_type="application/json", headers=headers)


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ('"with \\"quotes\\" and \\\\"', 'with "quotes" and \\'),
        ('" "', " "),
        (None, ""),
    ],
)
def test_a_key_is_read(header: str | None, key: str) -> None:
    assert read_key(header) == key


@pytest.mark.parametrize(
    "header", ["", " ", '""', '"', '"a', 'a"', "a b", '"a" b', '"\\n"', "naïve", "x" * 256, "a\tb"]
)
def test_a_key_in_another_form_is_refused(header: str) -> None:
    with pytest.raises(IdempotencyKeyInvalid):
        read_key(header)


def test_the_first_answer_is_given_again(alice: Person) -> None:
    first = _post(alice, '"k1"')

    with unchanged():
        second = _post(alice, "k1")  # the same key without its quotes

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second.headers["Location"] == first.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


def test_the_first_answer_is_given_again_though_the_order_has_moved_on(alice: Person) -> None:
    first = _post(alice, "k1")
    Client().post(f"{ORDERS}/{first.json()['order_id']}/cancel", headers=alice.auth)

    assert _post(alice, "k1").json()["status"] == "PENDING"


def test_a_key_with_another_body_is_refused(alice: Person) -> None:
    _post(alice, "k1")

    with unchanged():
        answer = _post(alice, "k1", quantity="0.26")

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_a_key_in_a_wrong_form_is_refused(alice: Person) -> None:
    with unchanged():
        answer = _post(alice, "two words")

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


def test_a_refusal_changes_nothing_so_its_key_is_free_again(alice: Person) -> None:
    with unchanged():
        refused = _post(alice, "k1", asset="MSFT")

    answer = _post(alice, "k1")

    assert (refused.status_code, answer.status_code) == (422, 201)


def test_another_customer_s_key_is_another_key(alice: Person) -> None:
    bob = new_person("bob", wallet=WALLETS[1])

    answers = [_post(person, "k1") for person in (alice, bob)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["order_id"] != answers[1].json()["order_id"]


def test_a_key_is_another_one_at_another_path(alice: Person) -> None:
    order = _post(alice, "k1").json()

    cancelled = _post(alice, "k1", path=f"{ORDERS}/{order['order_id']}/cancel")

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "CANCELLED")


def test_a_request_that_died_before_it_was_answered_is_run_again_to_the_same_order(alice: Person) -> None:
    """kill -9 between the order's commit and the answer's: the key lapses, and it names the order for ever."""
    first = _post(alice, "k1")
    IdempotentRequest.objects.update(status=None, body="", claimed_until=timezone.now() + LEASE)
    early = _post(alice, "k1")
    IdempotentRequest.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))

    late = _post(alice, "k1")

    assert (early.status_code, early.json()["code"], early.headers["Retry-After"]) == (
        409,
        "idempotency_in_flight",
        "1",
    )
    assert (late.status_code, late.json()["order_id"]) == (200, first.json()["order_id"])
    assert Order.objects.count() == 1
    assert IdempotentRequest.objects.get().status == 200


def test_a_key_older_than_seventy_two_hours_still_names_its_order(alice: Person) -> None:
    first = _post(alice, "k1")
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=73))
    assert prune_idempotency_keys(now=timezone.now()) == 1

    again = _post(alice, "k1")

    assert (again.status_code, again.json()["order_id"]) == (200, first.json()["order_id"])


def test_a_key_that_was_not_pruned_in_time_is_free_all_the_same(alice: Person) -> None:
    _post(alice, "k1")
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=73))

    other = _post(alice, "k1", quantity="0.26")

    # The key is; the order that it named is not: ids are for ever.
    assert (other.status_code, other.json()["code"]) == (409, "client_order_id_reused")


def test_two_hundred_at_once_with_one_key_make_one_order(alice: Person, live_server: LiveServer) -> None:
    body = {"asset": "AAPL", "quantity": "0.1", "recipient_wallet": alice.wallet}
    answers = _flood(live_server, alice, body, {"Idempotency-Key": f'"{uuid4()}"'})

    assert Order.objects.count() == 1
    counted = Counter(answer.status_code for answer in answers)
    assert set(counted) <= {201, 409}
    firsts = [a for a in answers if a.status_code == 201 and "Idempotency-Replayed" not in a.headers]
    assert len(firsts) == 1
    assert {a.json()["order_id"] for a in answers if a.status_code == 201} == {str(Order.objects.get().pk)}
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"idempotency_in_flight"}


def test_two_hundred_at_once_with_one_client_order_id_make_one_order(alice: Person, live_server: LiveServer) -> None:
    body = {"asset": "AAPL", "quantity": "0.1", "recipient_wallet": alice.wallet, "client_order_id": "one"}
    answers = _flood(live_server, alice, body, {})

    assert Order.objects.count() == 1
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 199}


def _flood(
    server: LiveServer, person: Person, body: dict[str, Any], headers: dict[str, str]
) -> list[requests.Response]:
    """200 requests of 20 callers, all of which begin together."""
    together, sent = Barrier(20), {**person.auth, "Connection": "close", **headers}

    def post(number: int) -> requests.Response:
        if number < 20:
            together.wait(timeout=10)
        return requests.post(f"{server.url}{ORDERS}", json=body, headers=sent, timeout=60)

    with ThreadPoolExecutor(20) as callers:
        return list(callers.map(post, range(200)))


# --- The claim itself ------------------------------------------------------------------------------------------------
def _claim(now: Any, **changed: Any) -> Claim | StoredAnswer:
    return claim_key(**{**ONE, **changed}, now=now)


def test_a_claim_stands_until_its_lease_is_over() -> None:
    now = timezone.now()
    first = _claim(now)
    with pytest.raises(IdempotencyInFlight):
        _claim(now + LEASE - timedelta(seconds=1))

    second = _claim(now + LEASE)

    assert isinstance(first, Claim)
    assert isinstance(second, Claim)
    assert second != first


def test_a_lapsed_claim_is_for_the_same_body_only() -> None:
    now = timezone.now()
    _claim(now)

    with pytest.raises(IdempotencyKeyReused):
        _claim(now + LEASE, fingerprint="another")


def test_who_lost_their_claim_neither_answers_nor_lets_go_for_the_other() -> None:
    now = timezone.now()
    first, second = _claim(now), _claim(now + LEASE)
    assert isinstance(first, Claim)
    assert isinstance(second, Claim)

    keep_answer(claim=first, answer=StoredAnswer(201, "first"))
    release_key(claim=first)
    keep_answer(claim=second, answer=StoredAnswer(200, "second"))

    assert _claim(now + LEASE) == StoredAnswer(200, "second")


def test_an_answer_is_kept_for_seventy_two_hours() -> None:
    now = timezone.now()
    claim = _claim(now)
    assert isinstance(claim, Claim)
    keep_answer(claim=claim, answer=StoredAnswer(201, "{}"))

    assert isinstance(_claim(now + timedelta(hours=71, minutes=59)), StoredAnswer)
    assert isinstance(_claim(now + timedelta(hours=72, seconds=1), fingerprint="another"), Claim)
