"""Reads of whole histories: what receipts and data exports are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from custody.models import CustodyEvent, CustodyRecord
from custody.states import CustodyStatus as S


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyTrail:
    """A movement of shares into custody for one tranche of an order."""

    order_id: UUID
    sequence: int
    custodian: str
    provider_id: str  # the custodian's transaction, "" before it has one
    external_tx_id: str  # ours
    quantity: Decimal  # shares
    status: str
    completed_at: datetime | None


def custody_trails(*, order_ids: Iterable[UUID]) -> list[CustodyTrail]:
    """Of these orders, tranche by tranche."""
    rows = CustodyRecord.objects.select_related("vault_account").filter(order_id__in=list(order_ids))
    records = list(rows.order_by("order_id", "sequence"))
    completed = dict(
        CustodyEvent.objects.filter(record__in=records, to_status=S.COMPLETED).values_list("record_id", "at")
    )
    return [
        CustodyTrail(
            order_id=record.order_id,
            sequence=record.sequence,
            custodian=record.vault_account.custodian,
            provider_id=record.provider_id,
            external_tx_id=record.external_tx_id,
            quantity=record.quantity,
            status=record.status,
            completed_at=completed.get(record.pk),
        )
        for record in records
    ]
