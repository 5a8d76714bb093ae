"""The assets on offer and their prices, which move slowly, and alike for everyone with the same seed."""

from __future__ import annotations

import hashlib
import uuid
from decimal import Decimal
from typing import Any

# symbol: (name, exchange, price in cents around which it moves)
LISTED = {
    "AAPL": ("Apple Inc. Common Stock", "NASDAQ", 22_000),
    "MSFT": ("Microsoft Corporation Common Stock", "NASDAQ", 43_000),
    "SPY": ("SPDR S&P 500 ETF Trust", "ARCA", 58_000),
    "NVDA": ("NVIDIA Corporation Common Stock", "NASDAQ", 14_000),
    "TSLA": ("Tesla, Inc. Common Stock", "NASDAQ", 33_000),
    "BRK.B": ("Berkshire Hathaway Inc. Class B", "NYSE", 46_000),
}
PERIOD = 3_600  # seconds from low to low
SWING = 100  # a price moves by one part in SWING to either side


def assets() -> list[dict[str, Any]]:
    return [_asset(symbol) for symbol in LISTED]


def asset(name: str) -> dict[str, Any] | None:
    """By symbol or by id."""
    return next((one for one in assets() if name in (one["symbol"], one["id"])), None)


def price(symbol: str, *, seed: str, fixed: dict[str, str], at: float) -> Decimal:
    """The price at a Unix time, in dollars and cents: a triangle over PERIOD around the listed price."""
    if symbol in fixed:
        return Decimal(fixed[symbol])
    middle = LISTED[symbol][2]
    phase = int(hashlib.sha256(f"{seed}{symbol}".encode()).hexdigest(), 16) % PERIOD
    position = (int(at) + phase) % PERIOD
    height = min(position, PERIOD - position)  # 0 … PERIOD / 2
    swing = middle // SWING
    return Decimal(middle - swing + height * 4 * swing // PERIOD) / 100


def _asset(symbol: str) -> dict[str, Any]:
    """https://docs.alpaca.markets/reference/get-v2-assets-1"""
    name, exchange, _ = LISTED[symbol]
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{symbol}.sandbox")),
        "class": "us_equity",
        "exchange": exchange,
        "symbol": symbol,
        "name": name,
        "status": "active",
        "tradable": True,
        "marginable": True,
        "maintenance_margin_requirement": 30,
        "shortable": True,
        "easy_to_borrow": True,
        "fractionable": True,
        "attributes": [],
    }
