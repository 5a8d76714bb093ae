"""Alpaca (https://docs.alpaca.markets) as our broker. The only package that may import alpaca-py."""

from orders.brokers.alpaca.client import AlpacaBroker

__all__ = ["AlpacaBroker"]
