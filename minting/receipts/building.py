"""From the rows' facts to a receipt. No personal data goes in but the wallet's address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from agora.lib.money import plain
from minting.receipts.checks import ON_CHAIN, latest_time, missing_parts, sum_up
from minting.receipts.sealing import seal

if TYPE_CHECKING:
    from custody.trails import CustodyTrail
    from minting.trails import MintTrail
    from orders.trails import OrderTrail


def build_receipt(
    *, order: OrderTrail, movements: Sequence[CustodyTrail], mints: Sequence[MintTrail]
) -> dict[str, Any]:
    """The receipt of an order as far as it is; the same facts always give the same bytes."""
    contents: dict[str, Any] = {
        "order": _order(order),
        "broker": _broker(order),
        "custody": {"movements": [_movement(move) for move in movements]},
        "mints": {"mints": [_mint(mint) for mint in mints]},
    }
    missing = missing_parts(contents, sum_up(contents))
    contents["summary"] = {"as_of": latest_time(contents), "complete": not missing, "missing": missing}
    return seal(contents)


def _order(order: OrderTrail) -> dict[str, Any]:
    return {
        "id": str(order.order_id),
        "asset": order.symbol,
        "quantity": plain(order.quantity),
        "recipient": order.recipient,
        "status": order.status,
        "statuses": [
            {"sequence": step.sequence, "status": step.status, "at": time_text(step.at)} for step in order.statuses
        ],
    }


def _broker(order: OrderTrail) -> dict[str, Any]:
    return {
        "name": order.broker,
        "client_order_id": order.broker_client_order_id,
        "order_id": order.broker_order_id or None,
        "status": order.broker_status or None,
        "filled_quantity": plain(order.filled_quantity),
        "filled_avg_price_usd": _plain_or_none(order.filled_avg_price),
        "executions": [
            {
                "execution_id": fact.execution_id,
                "kind": fact.kind,
                "quantity": plain(fact.quantity),
                "price_usd": plain(fact.price_usd),
                "executed_at": time_text(fact.executed_at),
                "corrects": fact.corrects or None,
            }
            for fact in order.executions
        ],
    }


def _movement(move: CustodyTrail) -> dict[str, Any]:
    return {
        "sequence": move.sequence,
        "custodian": move.custodian,
        "transaction_id": move.provider_id or None,
        "external_tx_id": move.external_tx_id,
        "quantity": plain(move.quantity),
        "status": move.status,
        "completed_at": time_text(move.completed_at) if move.completed_at else None,
    }


def _mint(mint: MintTrail) -> dict[str, Any]:
    in_block = mint.status in ON_CHAIN
    return {
        "sequence": mint.sequence,
        "mint_key": mint.mint_key,
        "chain_id": mint.chain_id,
        "contract": mint.contract,
        "token": mint.token_symbol,
        "recipient": mint.recipient,
        "amount_wei": str(mint.amount_wei),
        "status": mint.status,
        "status_at": time_text(mint.status_at),
        "tx_hash": mint.tx_hash if in_block else None,
        "block_number": mint.block_number if in_block else None,
        "block_hash": mint.block_hash if in_block else None,
        "log_index": mint.log_index if in_block else None,
    }


def time_text(moment: datetime) -> str:
    """UTC to the microsecond, always as long: sorted as text is sorted in time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain_or_none(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
