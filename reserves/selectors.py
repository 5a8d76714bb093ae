"""Reads about reserves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orders.selectors import asset_symbols
from reserves.models import Break, ReconciliationRun
from reserves.reconcile import Books, ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """An asset's reserves at the last comparison."""

    symbol: str
    as_of: datetime
    block_number: int
    in_custody: Decimal
    supply: Decimal
    ratio: Decimal | None
    open_breaks: tuple[str, ...]


def positions() -> list[Position]:
    """The last comparison of each asset that has one."""
    return [position for symbol in asset_symbols() if (position := _position(symbol)) is not None]


def _position(symbol: str) -> Position | None:
    run = ReconciliationRun.objects.filter(asset__symbol=symbol).order_by("-as_of").first()
    if run is None:
        return None
    books = Books(
        filled=run.filled,
        in_custody=run.in_custody,
        vault_balance=run.vault_balance,
        minted=run.minted,
        supply=run.supply,
    )
    return Position(
        symbol=symbol,
        as_of=run.as_of,
        block_number=run.block_number,
        in_custody=run.in_custody,
        supply=run.supply,
        ratio=ratio(books),
        open_breaks=tuple(row.get_kind_display() for row in Break.objects.filter(asset__symbol=symbol, closed_at=None)),
    )
