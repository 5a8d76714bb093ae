"""What each failure at Alpaca is turned into, and that nothing happened there where we say so."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
        ({"status": 400, "code": 40010000, "message": "bad request"}, Unavailable),
        ({"status": 400, "code": 40010000, "message": "request body format is invalid"}, Rejected),
        ({"status": 422, "code": 40010001, "message": "us_equity orders not allowed for account"}, Unavailable),
        (
            {"status": 422, "code": 42210000, "message": "potential wash trade detected. use complex orders"},
            Unavailable,
        ),
        ({"status": 422, "code": 42210000, "message": "words of next year"}, Unavailable),
        ({"status": 422, "code": 40010001, "message": "Client order id must be unique."}, Uncertain),
        ({"status": 404, "code": 40410000, "message": "endpoint not found."}, Unavailable),
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


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 422, "code": 40010001, "message": "qty must be > 0"},
        {"status": 403, "code": 40310000, "message": "insufficient buying power"},
        {"status": 404, "code": 40410000, "message": "endpoint not found."},
        {"status": 404, "message": "order not found for x"},
        {"status": 422, "code": 42210000, "message": "client_order_id must be unique"},
    ],
    ids=lambda answer: answer["message"],
)
def test_a_refused_question_says_nothing_of_the_order(
    broker: AlpacaBroker, control: Control, answer: dict[str, Any]
) -> None:
    """Rejected, it would end an order that the broker may have; None, it would be sent again."""
    control.scenario({"do": "fail", **answer}, endpoint="GET /v2/orders:by_client_order_id")

    with pytest.raises(Unavailable):
        broker.find_by_client_order_id("agr-1")


@pytest.mark.parametrize("body", ["[" * 100_000, '{"code": ' + "9" * 5_000 + "}", ""], ids=("deep", "long", "empty"))
@pytest.mark.parametrize("status", [200, 403, 422, 500])
def test_no_body_is_a_plain_exception(status: int, body: str) -> None:
    with (
        answering(status, body) as url,
        closing(connect_to(url)) as broker,
    ):
        with pytest.raises(Uncertain):
            broker.submit(buy())
        with pytest.raises(Unavailable):
            broker.find_by_client_order_id("agr-1")


def test_the_words_of_a_refusal_can_be_kept() -> None:
    body = '{"code": 40310000, "message": "insufficient buying power \\u0000\\ud800"}'
    with answering(403, body) as url, closing(connect_to(url)) as broker, pytest.raises(Rejected) as refusal:
        broker.submit(buy())

    assert refusal.value.detail == "insufficient buying power \\0\\ud800"


ORDER = {
    "id": "1", "client_order_id": "odd", "symbol": "AAPL", "side": "buy", "qty": "1", "filled_qty": "0",
    "filled_avg_price": None, "status": "new", "updated_at": "2026-11-02T15:00:00Z", "submitted_at": None,
}  # fmt: skip


@pytest.mark.parametrize(
    "odd",
    [
        {**ORDER, "updated_at": "9999-12-31T23:59:59-05:00"},
        {**ORDER, "updated_at": "0001-01-01T00:00:00+05:00"},
        {**ORDER, "updated_at": None},
        {**ORDER, "id": {}},
        {**ORDER, "id": None},
        {"no": "id"},
        "a text",
        None,
    ],
    ids=str,
)
def test_one_odd_row_of_a_list_leaves_the_others(odd: Any) -> None:
    good = {**ORDER, "id": "2", "client_order_id": "good"}
    with answering(200, json.dumps([odd, good])) as url, closing(connect_to(url)) as broker:
        assert [order.client_order_id for order in broker.list_orders(status="open")] == ["good"]


def test_an_order_without_the_time_of_its_change_has_that_of_its_latest_moment() -> None:
    told = {**ORDER, "updated_at": None, "submitted_at": "2026-11-02T15:00:00Z", "filled_at": "2026-11-02T15:00:01Z"}
    with answering(200, json.dumps(told)) as url, closing(connect_to(url)) as broker:
        found = broker.find_by_client_order_id("odd")

    assert found is not None
    assert found.updated_at == datetime(2026, 11, 2, 15, 0, 1, tzinfo=UTC)


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A server that gives the same answer to whatever it is asked; its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()
