"""What each failure at Alpaca is turned into, and that nothing happened there where we say so."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
import requests
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NameResolutionError

from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError
from orders.brokers.alpaca import AlpacaBroker, failures
from orders.brokers.base import OrderRequest
from orders.sandbox.process import Control, Sandbox

TIMEOUT = (0.3, 0.3)


@pytest.fixture
def broker(sandbox: Sandbox, control: Control) -> Iterator[AlpacaBroker]:
    with closing(connect_to(sandbox.url)) as connected:
        yield connected


def connect_to(url: str) -> AlpacaBroker:
    return AlpacaBroker(
        key_id="sandbox-key", secret_key="sandbox-secret", url=url, data_url=url, stream_url=url, timeout=TIMEOUT
    )


def buy(quantity: str = "0.25", symbol: str = "AAPL") -> OrderRequest:
    return OrderRequest(client_order_id=f"test-{uuid.uuid4()}", symbol=symbol, quantity=Decimal(quantity))


def created(control: Control) -> list[str]:
    return [entry["client_order_id"] for entry in control.log("effect", effect="order_created")]


# --- Submitting: refused, nothing happened ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("quantity", "code", "words"),
    [
        ("0", "40010001", "qty must be > 0"),
        ("-1", "40010001", "qty must be > 0"),
        ("0.0123456789", "40010001", "qty must have at most 9 decimal places"),
        ("0.000000001", "40310000", "cost basis must be >= minimal amount of order 1"),
        ("1000000", "40310000", "insufficient buying power"),
    ],
)
def test_an_order_that_alpaca_refuses_is_rejected_in_its_words(
    broker: AlpacaBroker, control: Control, quantity: str, code: str, words: str
) -> None:
    with pytest.raises(Rejected) as refusal:
        broker.submit(buy(quantity))

    assert (refusal.value.detail, refusal.value.vendor_code) == (words, code)
    assert control.log("effect") == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            {"status": 403, "code": 40310000, "message": "trade denied due to pattern day trading protection"},
            Unavailable,
        ),
        (
            {"status": 403, "code": 40310000, "message": "potential wash trade detected. use complex orders"},
            Unavailable,
        ),
        ({"status": 422, "code": 40310000, "message": "insufficient qty available for order"}, Unavailable),
        ({"status": 403, "code": 40310000, "message": "words of next year"}, Unavailable),
        ({"status": 403, "code": 40310000, "message": "insufficient buying power"}, Rejected),
        ({"status": 422, "code": 42210000, "message": "invalid limit price 1.005. sub-penny increment"}, Rejected),
        ({"status": 422, "code": 42210000, "message": "asset AAPL is not tradable"}, Unavailable),
        ({"status": 422, "code": 49999999, "message": "unheard of"}, Uncertain),
        ({"status": 422, "message": "Unprocessable Entity"}, Uncertain),
        ({"status": 403, "message": "Access denied by security policy"}, Uncertain),
        ({"status": 403, "code": 42210000, "message": "a code of another status"}, Uncertain),
        ({"status": 418, "code": 40010001, "message": "a teapot"}, Uncertain),
        ({"status": 403, "message": "forbidden."}, Unavailable),
        ({"status": 401, "message": "unauthorized."}, Unavailable),
        ({"status": 404, "message": "Not Found"}, Uncertain),
        ({"status": 429, "code": 42910000, "message": "rate limit exceeded"}, Unavailable),
        ({"status": 400, "message": "bad request"}, Uncertain),
        ({"status": 400, "code": 40010000, "message": "bad request"}, Rejected),
        ({"status": 409, "message": "conflict"}, Uncertain),
        ({"status": 500, "message": "internal server error occurred"}, Uncertain),
        ({"status": 503, "message": "service unavailable"}, Uncertain),
        ({"status": 504, "message": "gateway timeout"}, Uncertain),
    ],
)
def test_each_status_of_a_submit_means_what_it_tells_about_the_order(
    broker: AlpacaBroker, control: Control, answer: dict[str, Any], expected: type[VendorError]
) -> None:
    control.scenario({"do": "fail", **answer})

    with pytest.raises(expected, match=answer["message"]):
        broker.submit(buy())

    assert len(control.log("request", method="POST")) == 1  # the SDK repeats nothing by itself
    assert control.log("effect") == []


def test_too_many_requests_tell_how_long_to_wait(broker: AlpacaBroker, control: Control) -> None:
    control.settings(rate_limit=1)
    broker.submit(buy())

    with pytest.raises(Unavailable, match="429 rate limit exceeded") as refusal:
        broker.submit(buy())

    assert refusal.value.retry_after is not None
    assert 0 <= refusal.value.retry_after <= 60
    assert len(created(control)) == 1


def test_a_header_retry_after_goes_before_the_reset_time(broker: AlpacaBroker, control: Control) -> None:
    headers = {"Retry-After": "7", "X-RateLimit-Reset": "1"}
    control.scenario({"do": "fail", "status": 429, "headers": headers})

    with pytest.raises(Unavailable) as refusal:
        broker.submit(buy())

    assert refusal.value.retry_after == 7.0


def test_a_refused_connection_is_unavailable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    with closing(connect_to(nobody)) as broker, pytest.raises(Unavailable, match="could not be reached"):
        broker.submit(buy())


def test_an_unknown_host_is_unavailable() -> None:
    unresolved = NameResolutionError("nosuchhost.invalid", HTTPConnection("nosuchhost.invalid"), socket.gaierror())
    error = requests.ConnectionError(MaxRetryError(HTTPConnectionPool("nosuchhost.invalid"), "/", unresolved))

    assert isinstance(failures.failure_of(error, effect=True), Unavailable)


# --- Submitting: nobody knows, so it is looked up -----------------------------------------------------------------
@pytest.mark.parametrize(
    "steps",
    [
        [{"do": "fail", "status": 500, "when": "after"}],
        [{"do": "fail", "status": 504, "when": "after"}],
        [{"do": "sleep", "seconds": 0.6, "when": "after"}],
        [{"do": "drop"}],
        [{"do": "garble"}],
        [{"do": "alter", "set": {"symbol": "MSFT"}}],
        [{"do": "alter", "set": {"qty": "0.26"}}],
        [{"do": "alter", "set": {"side": "sell"}}],
        [{"do": "alter", "set": {"client_order_id": "another"}}],
        [{"do": "alter", "set": {"filled_qty": "much"}}],
    ],
    ids=lambda steps: " ".join(str(value) for value in steps[0].values()),
)
def test_an_order_that_was_taken_but_not_confirmed_is_uncertain_and_found(
    broker: AlpacaBroker, control: Control, steps: list[dict[str, Any]]
) -> None:
    request = buy()
    control.scenario(*steps, client_order_id=request.client_order_id)

    with pytest.raises(Uncertain):
        broker.submit(request)

    found = broker.find_by_client_order_id(request.client_order_id)
    assert found is not None
    assert (found.symbol, found.side, found.quantity) == ("AAPL", "buy", Decimal("0.25"))
    assert created(control) == [request.client_order_id]


def test_a_connection_cut_before_the_effect_is_uncertain_and_leaves_nothing(
    broker: AlpacaBroker, control: Control
) -> None:
    request = buy()
    control.scenario({"do": "drop", "when": "before"})

    with pytest.raises(Uncertain):
        broker.submit(request)

    assert broker.find_by_client_order_id(request.client_order_id) is None
    assert control.log("effect") == []


def test_an_order_may_appear_only_after_a_lookup_that_did_not_find_it(broker: AlpacaBroker, control: Control) -> None:
    request = buy()
    control.scenario({"do": "sleep", "seconds": 0.8, "when": "before"})

    with pytest.raises(Uncertain, match="ReadTimeout"):
        broker.submit(request)

    assert broker.find_by_client_order_id(request.client_order_id) is None
    time.sleep(0.8)
    assert broker.find_by_client_order_id(request.client_order_id) is not None


@pytest.mark.parametrize("ended", [False, True])
def test_a_taken_id_is_uncertain_whether_the_older_order_is_open_or_ended(
    broker: AlpacaBroker, control: Control, ended: bool
) -> None:
    request = buy()
    control.scenario({"do": "hold"})
    first = broker.submit(request)
    if ended:
        broker.cancel(first.broker_order_id)

    with pytest.raises(Uncertain, match="must be unique") as refusal:
        broker.submit(request)

    assert refusal.value.vendor_code == ("40010001" if ended else "42210000")
    assert created(control) == [request.client_order_id]


# --- Reading: nothing can have happened ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    "step",
    [
        {"do": "fail", "status": 500},
        {"do": "fail", "status": 429},
        {"do": "sleep", "seconds": 0.5},
        {"do": "drop"},
        {"do": "garble"},
    ],
    ids=lambda step: f"{step['do']} {step.get('status', '')}",
)
def test_a_read_that_fails_is_unavailable(broker: AlpacaBroker, control: Control, step: dict[str, Any]) -> None:
    reads = {
        "GET /v2/orders:by_client_order_id": lambda: broker.find_by_client_order_id(request.client_order_id),
        "GET /v2/orders": lambda: broker.list_orders(status="all"),
        "GET /v2/account/activities/{activity_type}": lambda: broker.list_executions(),
        "GET /v2/clock": lambda: broker.clock(),
    }
    request = buy()
    broker.submit(request)
    time.sleep(0.1)
    for endpoint, read in reads.items():
        control.scenario(step, endpoint=endpoint)
        with pytest.raises(Unavailable):
            read()
        read()


def test_a_cancel_without_an_answer_is_uncertain_and_one_of_nothing_rejected(
    broker: AlpacaBroker, control: Control
) -> None:
    control.scenario({"do": "hold"})
    order = broker.submit(buy())
    control.scenario({"do": "drop"}, endpoint="DELETE /v2/orders/{order_id}")

    with pytest.raises(Uncertain):
        broker.cancel(order.broker_order_id)
    with pytest.raises(Rejected, match="order not found"):
        broker.cancel(str(uuid.uuid4()))

    assert len(control.log("effect", effect="canceled")) == 1


@pytest.mark.parametrize(("status", "code"), [(400, 40010001), (403, 40310000), (422, 40010001), (422, 42210000)])
def test_a_refused_look_up_says_nothing_of_the_order(
    broker: AlpacaBroker, control: Control, status: int, code: int
) -> None:
    """Taken for a refusal of the order, it would end one that the broker may have."""
    answer = {"do": "fail", "status": status, "code": code, "message": "insufficient buying power"}
    control.scenario(answer, endpoint="GET /v2/orders:by_client_order_id")
    with pytest.raises(Unavailable):
        broker.find_by_client_order_id("agora-1")
