"""Reads about the comparisons of the books, and the differences they found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from orders.selectors import asset_symbols
from reserves.models import Break, BreakNote, ReconciliationRun
from reserves.reconcile import Books, ratio
from reserves.states import BreakAction


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioPoint:
    at: datetime
    ratio: Decimal  # shares a token, the lowest of its stretch of time


def ratio_history(*, symbol: str, since: datetime, until: datetime, points: int = 240) -> list[RatioPoint]:
    """For a chart: at most that many points, oldest first. A dip between two points is shown, never averaged away."""
    seconds = max(1.0, (until - since).total_seconds() / points)
    statement = """
        SELECT max(r.as_of), trunc(min(least(r.in_custody, r.vault_balance) / r.supply), 4)
        FROM reserves_reconciliationrun r JOIN orders_asset a ON a.id = r.asset_id
        WHERE a.symbol = %s AND r.as_of >= %s AND r.as_of < %s AND r.supply > 0
        GROUP BY floor(extract(epoch FROM r.as_of - %s::timestamptz) / %s) ORDER BY 1
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [symbol, since, until, since, seconds])
        return [RatioPoint(at=at, ratio=lowest) for at, lowest in cursor.fetchall()]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakFacts:
    """A difference as staff see it."""

    break_id: int
    symbol: str
    kind: str
    label: str
    quantity: Decimal
    opened_at: datetime
    closed_at: datetime | None  # None: the last comparison still found it
    age_seconds: float  # from its opening until it closed, or until now
    owner: str  # "" while it is nobody's
    resolution: str  # why it is resolved; "" while it is not


def breaks(*, now: datetime, unresolved_only: bool = True) -> list[BreakFacts]:
    """Oldest first: what is still there, and what went away without anybody having said why."""
    rows = Break.objects.select_related("asset").prefetch_related("notes").order_by("opened_at", "pk")
    if unresolved_only:
        rows = rows.exclude(notes__action=BreakAction.RESOLVED)
    return [_break_facts(row, now) for row in rows]


def _break_facts(row: Break, now: datetime) -> BreakFacts:
    notes: list[BreakNote] = list(row.notes.all())
    owners = [note.owner for note in notes if note.action == BreakAction.ASSIGNED]
    resolutions = [note.reason for note in notes if note.action == BreakAction.RESOLVED]
    return BreakFacts(
        break_id=row.pk,
        symbol=row.asset.symbol,
        kind=row.kind,
        label=row.get_kind_display(),
        quantity=row.quantity,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        age_seconds=((row.closed_at or now) - row.opened_at).total_seconds(),
        owner=owners[-1] if owners else "",
        resolution=resolutions[-1] if resolutions else "",
    )
