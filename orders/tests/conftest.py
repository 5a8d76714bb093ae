"""The Alpaca sandbox for this folder's tests: one process, reset before each test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from orders.brokers.alpaca import AlpacaBroker
from orders.brokers.base import StreamItem, StreamOpened
from orders.sandbox.process import Control, Sandbox, running


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
def items(broker: AlpacaBroker) -> Iterator[Iterator[StreamItem]]:
    """The stream, opened."""
    with closing(broker.stream(threading.Event())) as opened:
        assert next(opened) == StreamOpened()
        yield opened
