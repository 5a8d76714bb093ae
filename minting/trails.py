"""Reads of whole histories: what receipts and data exports are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from minting.models import MintTx


@dataclass(frozen=True, slots=True, kw_only=True)
class MintTrail:
    """A mint of one tranche; the place on-chain is empty unless it is in a block."""

    order_id: UUID
    sequence: int  # of the custody movement it is minted for
    mint_key: str
    chain_id: int
    contract: str
    token_symbol: str
    recipient: str
    amount_wei: int
    status: str
    status_at: datetime  # when it came to that status
    tx_hash: str
    block_number: int | None
    block_hash: str
    log_index: int | None


def mint_trails(*, order_ids: Iterable[UUID]) -> list[MintTrail]:
    """Of these orders, tranche by tranche."""
    rows = MintTx.objects.select_related("token__asset", "custody_record").filter(order_id__in=list(order_ids))
    return [
        MintTrail(
            order_id=mint.order_id,
            sequence=mint.custody_record.sequence,
            mint_key=mint.mint_key,
            chain_id=mint.token.chain_id,
            contract=mint.token.address,
            token_symbol=mint.token.asset.token_symbol,
            recipient=mint.recipient,
            amount_wei=int(mint.amount_wei),
            status=mint.status,
            status_at=mint.updated_at,
            tx_hash=mint.tx_hash,
            block_number=mint.block_number,
            block_hash=mint.block_hash,
            log_index=mint.log_index,
        )
        for mint in rows.order_by("order_id", "custody_record__sequence")
    ]
