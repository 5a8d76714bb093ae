"""The Alpaca sandbox for this folder's tests: one process, reset before each test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import pytest
from django.test import override_settings

from orders.brokers import get_broker
from orders.brokers.alpaca import AlpacaBroker
from orders.brokers.base import StreamItem, StreamOpened
from orders.rates import get_rate_feeds
from orders.sandbox.process import Control, Sandbox, running
from orders.services import register_asset


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running(tmp_path_factory.mktemp("alpaca")) as running_sandbox:
        yield running_sandbox


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    sandbox.control.reset()
    sandbox.control.settings(fill_delay=0.02, prices={"AAPL": "200"})
    return sandbox.control


@pytest.fixture
def broker(sandbox: Sandbox, control: Control) -> Iterator[AlpacaBroker]:
    connected = AlpacaBroker(
        key_id=sandbox.key_id,
        secret_key=sandbox.secret_key,
        url=sandbox.url,
        data_url=sandbox.url,
        stream_url=sandbox.stream_url,
    )
    with closing(connected):
        yield connected


@pytest.fixture
def market(sandbox: Sandbox, control: Control, transactional_db: None) -> Iterator[Control]:
    """The control plane of the broker that our services ask; AAPL is offered, and there is no price of it yet."""
    register_asset(
        symbol="AAPL",
        name="Apple Inc.",
        token_symbol="AAPL-RAT",
        min_quantity=Decimal("0.01"),
        max_quantity=Decimal(1000),
    )
    factories = (get_broker, get_rate_feeds)
    with override_settings(
        ALPACA_URL=sandbox.url,
        ALPACA_DATA_URL=sandbox.url,
        ALPACA_STREAM_URL=sandbox.stream_url,
        ALPACA_KEY_ID=sandbox.key_id,
        ALPACA_SECRET_KEY=sandbox.secret_key,
        PTAX_URL=f"{sandbox.url}/olinda/servico/PTAX/versao/v1/odata",
    ):
        for factory in factories:
            factory.cache_clear()
        yield control
    for factory in factories:
        factory.cache_clear()


@pytest.fixture
def items(broker: AlpacaBroker) -> Iterator[Iterator[StreamItem]]:
    """The stream, opened."""
    with closing(broker.stream(threading.Event())) as opened:
        assert next(opened) == StreamOpened()
        yield opened
