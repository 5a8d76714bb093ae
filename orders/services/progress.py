"""What later steps report about an order: up by call, never down (DESIGN §1)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from agora.lib import transitions
from agora.lib.db import serializable
from orders.models import Order
from orders.states import LADDER, MINTING, path, rung
from orders.states import OrderStatus as S


@serializable
def report_custody(*, order_id: UUID, quantity: Decimal, reference: str, now: datetime) -> None:
    """The custodian holds `quantity` shares for this order in all; `reference` is its id of the latest movement."""
    order = Order.objects.select_for_update().get(pk=order_id)
    order.custody_quantity, order.custody_reference = quantity, reference
    order.save(update_fields=["custody_quantity", "custody_reference"])
    walk_ladder(order, actor="custody", reason="", now=now)


@serializable
def report_minted(
    *, order_id: UUID, minted: Decimal, settled: Decimal, tx_hash: str, reason: str, now: datetime
) -> None:
    """`minted` shares' tokens are in a block, `settled` of them 12 blocks deep; `tx_hash` is the latest mint's."""
    order = Order.objects.select_for_update().get(pk=order_id)
    order.minted_quantity, order.settled_quantity, order.mint_tx_hash = minted, settled, tx_hash
    order.save(update_fields=["minted_quantity", "settled_quantity", "mint_tx_hash"])
    walk_ladder(order, actor=MINTING, reason=reason, now=now)


def walk_ladder(order: Order, *, actor: str, reason: str, now: datetime) -> None:
    """Move a filled order, step by step, to where its sums say it is."""
    if order.status not in LADDER:
        return
    end = rung(
        filled=order.filled_quantity,
        in_custody=order.custody_quantity,
        minted=order.minted_quantity,
        settled=order.settled_quantity,
    )
    for status in path(order.status, end):
        order.next_attempt_at = now + timedelta(seconds=settings.NUDGE_AFTER) if status == S.FILLED else None
        transitions.apply(order, to=status, actor=actor, reason=reason, now=now)
