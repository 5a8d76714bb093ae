"""Reconciling."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.services import place_hold
from agora.lib import log
from agora.lib.db import serializable
from custody.custodians import get_custodian
from custody.selectors import Vault, completed_total, vaults
from minting.selectors import supply
from orders.selectors import asset_by_symbol, filled_total
from reserves.models import Break, ReconciliationRun
from reserves.reconcile import Books, Difference, compare
from reserves.states import BreakKind

logger = log.get(__name__)

FRESH = timedelta(seconds=10)  # a run this recent stands for one asked for now
EVERY = timedelta(minutes=15)
OWNER = "reconciliation"  # of the holds placed here
STOPPING = {BreakKind.SUPPLY_OVER_CUSTODY, BreakKind.SUPPLY_NOT_OURS, BreakKind.VAULT_SHORT}


def refresh(*, now: datetime, fresh: timedelta = FRESH) -> None:
    """Reconcile each asset whose last run is older than `fresh`. Raises Unavailable, Uncertain."""
    for vault in vaults():
        last = ReconciliationRun.objects.filter(asset__symbol=vault.symbol).order_by("-as_of").first()
        if last is None or last.as_of <= now - fresh:
            reconcile(vault=vault, now=now)


def reconcile(*, vault: Vault, now: datetime) -> ReconciliationRun | None:
    """Compare one asset's books, keep the run, open and close breaks; None before the watcher has seen a block.

    Read from the chain backwards, so that a mint under way can only make the earlier books larger, never smaller.
    """
    tokens = supply(symbol=vault.symbol)
    if tokens is None:
        return None
    in_custody = completed_total(symbol=vault.symbol)
    books = Books(
        minted=tokens.by_rows,
        supply=tokens.on_chain,
        in_custody=in_custody,
        vault_balance=get_custodian().balance(vault_id=vault.vendor_id, asset_id=vault.vendor_asset_id),
        filled=filled_total(symbol=vault.symbol),
    )
    return _keep(symbol=vault.symbol, books=books, block_number=tokens.block_number, now=now)


@serializable
def _keep(*, symbol: str, books: Books, block_number: int, now: datetime) -> ReconciliationRun:
    asset = asset_by_symbol(symbol=symbol)
    run = ReconciliationRun.objects.create(
        asset=asset,
        as_of=now,
        block_number=block_number,
        filled=books.filled,
        in_custody=books.in_custody,
        vault_balance=books.vault_balance,
        minted=books.minted,
        supply=books.supply,
    )
    found = compare(books)
    for difference in found:
        _open(asset_id=asset.pk, symbol=symbol, difference=difference, now=now)
    gone = Break.objects.filter(asset=asset, closed_at=None).exclude(kind__in=[d.kind for d in found])
    gone.update(closed_at=now)
    return run


def _open(*, asset_id: int, symbol: str, difference: Difference, now: datetime) -> None:
    row, created = Break.objects.get_or_create(
        asset_id=asset_id,
        kind=difference.kind,
        closed_at=None,
        defaults={"quantity": difference.quantity, "opened_at": now, "seen_at": now},
    )
    if not created:
        row.quantity, row.seen_at = difference.quantity, now
        row.save(update_fields=["quantity", "seen_at"])
    if difference.kind in STOPPING:
        problem = f"{difference.kind.label}: {difference.quantity}"
        place_hold(subject=f"asset:{symbol}", owner=OWNER, reason=problem, now=now)
    logger.error("break", asset=symbol, kind=difference.kind, quantity=str(difference.quantity))
