"""The rate port: how much of a currency a dollar is. For display only.

One HTTP call, with time-outs and no retry of its own; raises `Unavailable` (agora.lib.errors) for anything that is not
a rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    per_usd: Decimal  # so many of the currency for a dollar
    at: datetime  # when it was made


class RateFeed(Protocol):
    currency: str
    source: str  # as it is shown to customers

    def latest(self, *, now: datetime) -> Rate: ...
