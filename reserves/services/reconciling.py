"""Reconciling."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from accounts.services import hold_once, place_hold, record_audit
from agora.lib import crashpoints, events, log, rows
from agora.lib.db import serializable
from agora.lib.money import plain
from custody.custodians import get_custodian
from custody.selectors import Vault, completed_total, vaults
from minting.selectors import supply
from orders.brokers import get_broker
from orders.selectors import asset_by_symbol, fill_book
from reserves.models import Break, BreakNote, ReconciliationRun
from reserves.reconcile import Books, Difference, compare, split_of
from reserves.states import BreakAction, BreakKind

logger = log.get(__name__)

FRESH = timedelta(seconds=10)  # a run this recent stands for one asked for now
EVERY = timedelta(minutes=15)
OWNER = "reserves"  # of the holds placed here; staff alone release them
STOPPING = {BreakKind.SUPPLY_OVER_CUSTODY, BreakKind.SUPPLY_NOT_OURS, BreakKind.VAULT_SHORT}


@transaction.atomic
def ask_reconciliation(*, actor: str, reason: str, now: datetime) -> None:
    """Have the books compared as soon as a worker is free: it has the vendors' keys, the web process has none."""
    record_audit(actor=actor, action="reconciliation.ask", subject="reconciliation", reason=reason, now=now)
    events.emit("reconciliation.asked", actor)


def refresh(*, now: datetime, fresh: timedelta = FRESH) -> None:
    """Reconcile each asset whose last run is older than `fresh`. Raises VendorError, when all had their turn."""

    def renew(vault: Vault) -> None:
        last = ReconciliationRun.objects.filter(asset__symbol=vault.symbol).order_by("-as_of").first()
        if last is None or last.as_of <= now - fresh:
            reconcile(vault=vault, now=now)

    rows.each(vaults(), renew, name="reconcile", hold=_leave_stale, each_asks=True)


def _leave_stale(vault: Vault, trouble: rows.Trouble) -> None:
    """No hold: what cannot be compared has an old run, which alarms by itself and says nothing about minting."""
    logger.error("not reconciled", asset=vault.symbol, trouble=str(trouble))


def reconcile(*, vault: Vault, now: datetime) -> ReconciliationRun | None:
    """Compare one asset's books, keep the run, open and close breaks; None before there is a settled block.

    Read from the chain backwards, so that a mint under way can only make the earlier books larger, never smaller.
    """
    tokens = supply(symbol=vault.symbol)
    if tokens is None:
        return None
    in_custody = completed_total(symbol=vault.symbol)
    balance = get_custodian().balance(vault_id=vault.vendor_id, asset_id=vault.vendor_asset_id)
    before = fill_book(symbol=vault.symbol)
    position = get_broker().positions().get(vault.symbol, Decimal(0))
    after = fill_book(symbol=vault.symbol)
    books = Books(
        minted=tokens.by_rows,
        supply=tokens.on_chain,
        in_custody=in_custody,
        vault_balance=balance,
        filled=before.filled,
        broker_position=position,
        is_broker_quiet=before.is_quiet and after == before,
    )
    crashpoints.here("reconcile.before_save")
    return _keep(symbol=vault.symbol, books=books, block=(tokens.block_number, tokens.block_hash), now=now)


@serializable
def _keep(*, symbol: str, books: Books, block: tuple[int, str], now: datetime) -> ReconciliationRun:
    asset = asset_by_symbol(symbol=symbol)
    run = ReconciliationRun.objects.create(
        asset=asset,
        as_of=now,
        block_number=block[0],
        block_hash=block[1],
        filled=books.filled,
        broker_position=books.broker_position,
        in_custody=books.in_custody,
        vault_balance=books.vault_balance,
        minted=books.minted,
        supply=books.supply,
    )
    found = [difference for difference in compare(books) if not _is_explained(asset.pk, difference)]
    for difference in found:
        row = _open(asset_id=asset.pk, symbol=symbol, difference=difference, now=now)
        if difference.kind == BreakKind.BROKER_OVER and (split := split_of(books)):
            hold_once(
                subject=f"asset:{symbol}",
                owner=f"suspected-split:{row.pk}",  # a break that people have looked at holds nothing again
                reason=f"the broker holds {split.numerator}:{split.denominator} of what it filled for us: a split?",
                now=now,
            )
    gone = Break.objects.filter(asset=asset, closed_at=None).exclude(kind__in=[d.kind for d in found])
    gone.update(closed_at=now)
    return run


def _is_explained(asset_id: int, difference: Difference) -> bool:
    """Whether staff have said what this is, and it has not grown since. What stops minting is never explained away."""
    notes = BreakNote.objects.filter(
        subject__asset_id=asset_id, subject__kind=difference.kind, action=BreakAction.RESOLVED
    )
    last = notes.order_by("-pk").first()
    explained = last.quantity if last and last.quantity is not None else Decimal(0)
    return difference.kind not in STOPPING and difference.quantity <= explained


def _open(*, asset_id: int, symbol: str, difference: Difference, now: datetime) -> Break:
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
        problem = f"{difference.kind.label}: {plain(difference.quantity)}"
        place_hold(subject=f"asset:{symbol}", owner=OWNER, reason=problem, now=now)
    logger.error("break", asset=symbol, kind=difference.kind, quantity=str(difference.quantity))
    return row
