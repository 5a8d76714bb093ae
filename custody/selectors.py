"""Reads about custody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, Sum
from django.urls import reverse

from custody.models import CustodyRecord, VaultAccount, VendorMessage
from custody.states import CustodyStatus as S
from orders.selectors import (
    FAILED,
    OURS,
    OUTSIDE,
    UNCERTAIN,
    OrderFacts,
    StuckRow,
    cause_of,
    holds_of_orders,
    order_facts,
)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A webhook that the custodian sent us, in short."""

    pk: int
    event_type: str
    provider_id: str
    external_tx_id: str
    received_at: datetime
    url: str  # in the console


def notifications_about(*, external_tx_ids: Sequence[str]) -> list[Notification]:
    """What the custodian sent us about transactions of ours, transfers and signatures alike; the latest 200."""
    rows = VendorMessage.objects.filter(external_tx_id__in=[one for one in external_tx_ids if one]).defer("body")
    return [
        Notification(
            pk=row.pk,
            event_type=row.event_type,
            provider_id=row.provider_id,
            external_tx_id=row.external_tx_id,
            received_at=row.received_at,
            url=reverse("admin:custody_vendormessage_change", args=[row.pk]),
        )
        for row in rows.order_by("-received_at", "-pk")[:200]
    ]


def in_custody_books(*, order_ids: Sequence[str]) -> set[str]:
    """Those of these orders that have a record: the others' shares are not claimed yet."""
    found = CustodyRecord.objects.filter(order_id__in=order_ids).values_list("order_id", flat=True)
    return {str(order_id) for order_id in found.distinct()}


def stuck_custody(*, before: datetime, now: datetime) -> list[StuckRow]:
    """Records that have not moved since `before`, oldest first: open, failed, or complete and never minted."""
    found = CustodyRecord.objects.filter(handed_over_at=None, updated_at__lt=before)
    settled_outside = Q(status=S.FAILED, order__closing__isnull=False)
    rows = list(found.exclude(settled_outside).order_by("updated_at")[:500])
    holds = holds_of_orders(order_ids=[record.order_id for record in rows], now=now)
    return [
        StuckRow(
            kind="custody record",
            row_id=str(record.pk),
            order_id=str(record.order_id),
            status=record.status,
            since=record.updated_at,
            waits_for=_WAITS_FOR[S(record.status)],
            cause=cause_of(holds=holds[record.order_id], otherwise=_cause(record)),
            holds=holds[record.order_id],
        )
        for record in rows
    ]


def _cause(record: CustodyRecord) -> str:
    if record.status == S.FAILED:
        return FAILED
    if record.uncertain_since:
        return UNCERTAIN
    return OUTSIDE if record.status == S.SUBMITTED else OURS


_WAITS_FOR = {
    S.PENDING: "a worker to tell the custodian, or a look-up",
    S.SUBMITTED: "the custodian to complete it",
    S.COMPLETED: "a worker to request the mint",
    S.FAILED: "staff to try it again",
}
