"""Claiming custody of what was filled."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import Sum

from agora.lib import events, ids, transitions
from agora.lib.db import serializable
from custody.custodians import get_custodian
from custody.models import CustodyRecord, VaultAccount
from orders.selectors import asset_by_symbol, order_facts

INBOX = "agora-settlement-inbox"


@serializable
def open_custody(*, order_id: UUID, now: datetime) -> None:
    """Record a claim for whatever is filled and not yet claimed: nothing, all of it, or a late fill's difference."""
    facts = order_facts(order_id=order_id)
    records = CustodyRecord.objects.filter(order_id=order_id)
    claimed = records.aggregate(total=Sum("quantity"))["total"] or Decimal(0)
    if facts.filled_quantity <= claimed:
        return
    record_id = ids.new_id()
    record = CustodyRecord(
        id=record_id,
        order_id=order_id,
        sequence=records.count() + 1,
        vault_account=VaultAccount.objects.get(asset_id=facts.asset_id),
        quantity=facts.filled_quantity - claimed,
        external_tx_id=ids.custody_external_tx_id(record_id, 1),
        next_attempt_at=now + timedelta(seconds=settings.NUDGE_AFTER),
    )
    transitions.start(record, actor="worker", now=now)
    events.emit("custody.advance", record.pk, order_id=record.order_id)


@serializable
def mark_handed_over(*, record_id: UUID, now: datetime) -> None:
    """The shares of this record are being minted: the sweep need not say it again."""
    CustodyRecord.objects.filter(pk=record_id, handed_over_at=None).update(handed_over_at=now, next_attempt_at=None)


def ensure_vault(*, symbol: str) -> VaultAccount:
    """The asset's vault account at the custodian, opened there if it has none yet."""
    asset = asset_by_symbol(symbol=symbol)
    known = VaultAccount.objects.filter(asset=asset).first()
    if known:
        return known
    custodian = get_custodian()
    inbox_id = custodian.ensure_vault_account(name=INBOX, asset_id=symbol)
    name = f"agora-{symbol.lower()}"
    vendor_id = custodian.ensure_vault_account(name=name, asset_id=symbol)
    row, _ = VaultAccount.objects.get_or_create(
        asset=asset,
        defaults={
            "custodian": custodian.name,
            "name": name,
            "vendor_id": vendor_id,
            "vendor_asset_id": symbol,
            "inbox_vendor_id": inbox_id,
        },
    )
    return row
