"""What integrators hear of an order (docs/webhooks.md): ids, quantities and where it stands; no address, no name."""

from __future__ import annotations

from decimal import Decimal

from accounts.services import announce
from agora.lib.money import plain
from orders.models import Order, OrderEvent
from orders.states import WITHOUT_FILL, public_type


def announce_order(*, row: Order, move: OrderEvent) -> None:
    """As the move leaves it: the row's figures may not be saved yet, but will be in the same transaction."""
    price = row.filled_avg_price
    announce(
        type=public_type(before=move.from_status, after=move.to_status, actor=move.actor),
        customer_id=row.customer_id,
        subject=("order", row.pk),
        sequence=move.sequence,
        data={
            "order_id": str(row.pk),
            "client_order_id": row.client_order_id,
            "asset": row.asset.symbol,
            "status": move.to_status,
            "previous_status": move.from_status or None,
            "quantity": plain(row.quantity),
            "filled_quantity": plain(Decimal(row.filled_quantity)),
            "filled_avg_price_usd": None if price is None else plain(price),
            "custody_quantity": plain(Decimal(row.custody_quantity)),
            "minted_quantity": plain(Decimal(row.minted_quantity)),
            "settled_quantity": plain(Decimal(row.settled_quantity)),
            "mint_tx_hash": row.mint_tx_hash or None,
            "reason": (row.reason or None) if move.to_status in WITHOUT_FILL else None,
        },
        at=move.at,
    )
