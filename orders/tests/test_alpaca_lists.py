"""Orders and executions as they are listed: statuses, pages, corrections, exact numbers."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import pytest
import requests

from orders.brokers.alpaca import AlpacaBroker, client, wire
from orders.brokers.base import BrokerPhase, ExecutionKind, OrderRequest
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


@pytest.mark.parametrize(
    ("status", "phase"),
    [*wire.PHASES.items(), ("quantum_superposed", BrokerPhase.UNKNOWN)],
)
def test_each_status_has_a_phase_and_a_new_one_is_unknown(
    broker: AlpacaBroker, control: Control, status: str, phase: BrokerPhase
) -> None:
    request = buy()
    control.scenario({"do": "status", "status": status}, {"do": "hold"})
    broker.submit(request)
    while not control.log("effect", effect=status):
        time.sleep(0.01)

    found = broker.find_by_client_order_id(request.client_order_id)

    assert found is not None
    assert (found.status, found.phase) == (status, phase)


def test_all_pages_are_listed_once_though_orders_share_their_time(
    broker: AlpacaBroker, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "ORDERS_A_PAGE", 3)
    monkeypatch.setattr(client, "ACTIVITIES_A_PAGE", 2)
    control.settings(submitted_at="2026-11-22T10:00:00.000000001Z", fill_delay=0)
    asked = [buy() for _ in range(7)]
    for request in asked:
        broker.submit(request)
    while len(control.log("effect", effect="fill")) < 7:
        time.sleep(0.01)

    listed = [order.client_order_id for order in broker.list_orders(status="all")]

    assert listed == [request.client_order_id for request in asked]
    assert len({execution.execution_id for execution in broker.list_executions()}) == 7
    assert len(control.log("request", path="/v2/orders", method="GET")) == 3


def test_busts_and_corrections_are_read_from_the_list_where_it_has_them(broker: AlpacaBroker, control: Control) -> None:
    control.settings(corrections_in_activities=True, prices={"AAPL": "200"})
    control.scenario({"do": "fill"}, {"do": "correct", "qty": "0.2", "price": "199.5"}, {"do": "bust"})
    request = buy()
    broker.submit(request)
    while not control.log("effect", effect="trade_bust"):
        time.sleep(0.01)

    fill, correction, bust = broker.list_executions()

    assert [one.kind for one in (fill, correction, bust)] == [
        ExecutionKind.FILL,
        ExecutionKind.CORRECT,
        ExecutionKind.BUST,
    ]
    assert (correction.corrects, correction.quantity, correction.price) == (
        fill.execution_id,
        Decimal("0.2"),
        Decimal("199.5"),
    )
    assert (bust.corrects, bust.quantity) == (correction.execution_id, Decimal("0.2"))
    assert broker.position("AAPL") == 0


def test_an_unreadable_object_does_not_hide_the_rest_of_a_list(
    caplog: pytest.LogCaptureFixture,
) -> None:
    good = {"id": "1", "client_order_id": "a", "status": "new", "filled_qty": "0", "updated_at": "2026-01-01T00:00:00Z"}

    read = list(client._readable(wire.parse_order, iter([{"id": "2"}, good])))

    assert [order.client_order_id for order in read] == ["a"]
    assert "unreadable object" in caplog.text


@pytest.mark.parametrize(("typed", "kept"), [('{"p": 0.1}', "0.1"), ('{"p": 123.4500}', "123.4500")])
def test_json_numbers_of_market_data_never_become_floats(typed: str, kept: str) -> None:
    response = requests.Response()
    response._content = typed.encode()

    client.exact_numbers(response)

    assert response.json() == {"p": kept}


def test_the_sdk_is_not_loaded_with_the_port() -> None:
    probe = "import sys, orders.brokers; sys.exit('alpaca' in sys.modules or 'pandas' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
