"""Reads about custody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from accounts.selectors import active_holds
from custody.models import CustodyRecord, VaultAccount
from custody.states import CustodyStatus as S
from orders.selectors import OrderFacts, StuckRow, hold_subjects, order_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldShares:
    """Shares that the custodian confirmed, claimed for one tranche of an order."""

    record_id: UUID
    sequence: int
    quantity: Decimal
    is_complete: bool
    order: OrderFacts


def held_shares(*, record_id: UUID) -> HeldShares:
    record = CustodyRecord.objects.get(pk=record_id)
    return HeldShares(
        record_id=record.pk,
        sequence=record.sequence,
        quantity=record.quantity,
        is_complete=record.status == S.COMPLETED,
        order=order_facts(order_id=record.order_id),
    )


def held_quantity(*, symbol: str) -> Decimal:
    """Shares in custody by our books: the running total, kept in the transaction that completes a record."""
    return VaultAccount.objects.values_list("held_quantity", flat=True).get(asset__symbol=symbol)


def completed_total(*, symbol: str) -> Decimal:
    """Shares in custody by our books, added up from the records."""
    rows = CustodyRecord.objects.filter(vault_account__asset__symbol=symbol, status=S.COMPLETED)
    return rows.aggregate(total=Sum("quantity"))["total"] or Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    symbol: str
    name: str
    vendor_id: str
    vendor_asset_id: str


def vaults() -> list[Vault]:
    return [_vault(row) for row in VaultAccount.objects.select_related("asset").order_by("asset__symbol")]


def vault_of(*, symbol: str) -> Vault:
    """Raises VaultAccount.DoesNotExist."""
    return _vault(VaultAccount.objects.select_related("asset").get(asset__symbol=symbol))


def _vault(row: VaultAccount) -> Vault:
    return Vault(symbol=row.asset.symbol, name=row.name, vendor_id=row.vendor_id, vendor_asset_id=row.vendor_asset_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyProof:
    """What a customer may see of the custody of their order."""

    sequence: int
    quantity: Decimal
    status: str
    provider_id: str
    updated_at: datetime


def custody_of(*, order_id: UUID) -> list[CustodyProof]:
    rows = CustodyRecord.objects.filter(order_id=order_id).order_by("sequence")
    return [
        CustodyProof(
            sequence=r.sequence,
            quantity=r.quantity,
            status=r.status,
            provider_id=r.provider_id,
            updated_at=r.updated_at,
        )
        for r in rows
    ]


def stuck_custody(*, before: datetime, now: datetime) -> list[StuckRow]:
    """Records that have not moved since `before`, oldest first: open, failed, or complete and never minted."""
    rows = CustodyRecord.objects.filter(handed_over_at=None, updated_at__lt=before).order_by("updated_at")
    return [
        StuckRow(
            kind="custody record",
            row_id=str(record.pk),
            order_id=str(record.order_id),
            status=record.status,
            since=record.updated_at,
            waits_for=_WAITS_FOR[S(record.status)],
            holds=tuple(active_holds(subjects=hold_subjects(facts=order_facts(order_id=record.order_id)), now=now)),
        )
        for record in rows[:500]
    ]


_WAITS_FOR = {
    S.PENDING: "a worker to tell the custodian, or a look-up",
    S.SUBMITTED: "the custodian to complete it",
    S.COMPLETED: "a worker to request the mint",
    S.FAILED: "staff to try it again",
}
