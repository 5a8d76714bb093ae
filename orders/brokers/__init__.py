"""Whoever executes our orders, behind the port in `base`. Callers get the configured one from `get_broker`."""

from __future__ import annotations

import functools

from django.conf import settings

from orders.brokers.base import Broker


@functools.cache
def get_broker() -> Broker:
    """The broker of the settings, one a process (its HTTP connections are kept and shared by threads)."""
    # Not at the top: alpaca-py pulls in pandas and numpy, 60 MiB that the web processes never use.
    from orders.brokers.alpaca import AlpacaBroker

    return AlpacaBroker(
        key_id=settings.ALPACA_KEY_ID,
        secret_key=settings.ALPACA_SECRET_KEY,
        url=settings.ALPACA_URL,
        data_url=settings.ALPACA_DATA_URL,
        stream_url=settings.ALPACA_STREAM_URL,
    )
