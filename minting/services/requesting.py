"""Promising tokens for shares that are in custody."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from accounts.services import place_hold
from agora.lib import events, ids, locks, transitions
from agora.lib.db import serializable
from agora.lib.money import wei_from_shares
from custody.selectors import HeldShares, held_quantity, held_shares
from custody.services import mark_handed_over
from minting.models import MintTx, Token

OWNER = "minting-guard"  # of the holds placed here


def request_mint(*, record_id: UUID, now: datetime) -> None:
    """Promise the tokens of a completed custody record, once, if all that is promised stays within what is held."""
    with locks.in_turn("books", held_shares(record_id=record_id).order.asset_id):
        _request(record_id, now)


@serializable
def _request(record_id: UUID, now: datetime) -> None:
    held = held_shares(record_id=record_id)
    if not held.is_complete:
        return
    if not MintTx.objects.filter(custody_record_id=record_id).exists():
        token = Token.objects.select_for_update().get(asset_id=held.order.asset_id, chain_id=settings.CHAIN_ID)
        if not _promise(token, held, now):
            return
    mark_handed_over(record_id=record_id, now=now)


def _promise(token: Token, held: HeldShares, now: datetime) -> bool:
    amount_wei = wei_from_shares(held.quantity)
    in_custody_wei = wei_from_shares(held_quantity(symbol=held.order.symbol))
    if token.committed_wei + amount_wei > in_custody_wei:
        problem = f"{token.committed_wei} wei are promised and {in_custody_wei} wei are in custody"
        place_hold(subject=f"asset:{held.order.symbol}", owner=OWNER, reason=problem, now=now)
        return False
    token.committed_wei += amount_wei
    token.save(update_fields=["committed_wei"])
    mint = MintTx(
        token=token,
        custody_record_id=held.record_id,
        order_id=held.order.order_id,
        mint_key=ids.mint_key(held.order.broker, held.order.broker_order_id, held.sequence),
        recipient=held.order.recipient,
        amount_wei=amount_wei,
        next_attempt_at=now + timedelta(seconds=settings.NUDGE_AFTER),
    )
    transitions.start(mint, actor="worker", now=now)
    events.emit("mint.advance", mint.pk, order_id=mint.order_id)
    return True
