"""kill -9 between an effect of the API and its answer, and around a cancel: one effect all the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from agora.tests import e2e
from agora.tests.e2e import Effects, one_of_each

LAPSE = (
    "from accounts.models import IdempotentRequest; from django.utils import timezone; "
    "print(IdempotentRequest.objects.filter(status=None).update(claimed_until=timezone.now()))"
)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[e2e.Platform]:
    with e2e.running(tmp_path_factory.mktemp("platform"), **e2e.HASTE) as up:
        yield up
        assert up.violations() == []


def _buy(platform: e2e.Platform, key: str) -> requests.Response:
    body = {"asset": "AAPL", "quantity": "0.25", "recipient_wallet": platform.wallet}
    headers = {**platform._auth(), "Idempotency-Key": f'"{key}"'}
    return requests.post(f"{platform.layout.web_url}/api/v1/orders", json=body, headers=headers, timeout=e2e.TIMEOUT)


def _cancel(platform: e2e.Platform, order_id: str) -> dict[str, Any]:
    url = f"{platform.layout.web_url}/api/v1/orders/{order_id}/cancel"
    answer = requests.post(url, headers=platform._auth(), timeout=e2e.TIMEOUT)
    assert answer.status_code in (200, 202), answer.text
    return dict(answer.json())


def test_a_web_server_killed_between_the_order_and_its_answer_gives_that_order_to_the_repetition(
    platform: e2e.Platform,
) -> None:
    before, key = platform.effects(), str(uuid4())
    platform.stop("web")
    platform.start("web", AGORA_CRASH_AT="api.before_answer")
    with pytest.raises(requests.RequestException):
        _buy(platform, key)
    platform.kill("web")
    platform.start("web")

    early = _buy(platform, key)
    assert (early.status_code, early.json()["code"]) == (409, "idempotency_in_flight")
    assert platform.python(LAPSE) == "1"  # as if a minute had gone by
    late = _buy(platform, key)
    again = _buy(platform, key)

    assert (late.status_code, again.headers.get("Idempotency-Replayed")) == (200, "true")
    assert again.content == late.content
    platform.until_minted(late.json()["order_id"])
    assert platform.effects() - before == one_of_each("0.25")


@pytest.mark.parametrize("point", ["cancel_order.before_call", "cancel_order.after_call"])
def test_a_worker_killed_while_it_cancels_leaves_a_cancelled_order(platform: e2e.Platform, point: str) -> None:
    before = platform.effects()
    platform.broker.scenario({"do": "hold"})
    order_id = platform.place("0.25")
    platform.until_status(order_id, "SUBMITTED")
    platform.kill("worker")
    platform.start("worker", AGORA_CRASH_AT=point)
    family = platform.family("worker")

    _cancel(platform, order_id)
    platform.until(lambda: any(e2e.is_dead(process) for process in family), order_id=order_id)
    platform.kill("worker")
    platform.start("worker")

    platform.until_status(order_id, "CANCELLED")
    assert platform.effects() - before == Effects(broker_orders=1)


def test_a_cancel_before_any_worker_looked_reaches_nobody(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.kill("worker")
    order_id = platform.place("0.25")

    assert _cancel(platform, order_id)["status"] == "CANCELLED"
    platform.start("worker")
    platform.until_minted(platform.place("0.1"))

    assert platform.order(order_id)["status"] == "CANCELLED"
    assert platform.effects() - before == one_of_each("0.1")
