from __future__ import annotations

from typing import Any

from django.contrib import admin

from accounts.services import propose
from agora.lib.admin import Act, ReadOnlyAdmin, ReadOnlyInline, ReasonedAction, ReasonedAdmin
from minting import services
from minting.models import (
    Block,
    ForeignMint,
    ForeignNonce,
    MintEvent,
    MintTx,
    Reorg,
    RpcNode,
    Token,
    TxAttempt,
)
from minting.states import MintStatus as S
from orders.forms import ClosingForm, closing_preview
from orders.selectors import is_closed


class EventInline(ReadOnlyInline):
    model = MintEvent


class AttemptInline(ReadOnlyInline):
    model = TxAttempt
    exclude = ("raw",)


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    list_display = ("asset", "chain_id", "address", "minter", "committed_wei")


def _is_signed(row: MintTx, user: Any) -> str:
    return "" if row.status == S.SIGNED else f"It is {row.status}."


def _is_sent(row: MintTx, user: Any) -> str:
    return "" if row.status == S.SENT else f"It is {row.status}."


def _has_failed(row: MintTx, user: Any) -> str:
    if row.status != S.FAILED:
        return f"It is {row.status}."
    return "The order was closed for good." if is_closed(order_id=row.order_id) else ""


def _rebroadcast(row: MintTx, act: Act) -> None:
    services.rebroadcast_mint(mint_id=row.pk, actor=act.actor, reason=act.reason, now=act.now)


def _observe(row: MintTx, act: Act) -> None:
    services.look_for_mint(mint_id=row.pk, actor=act.actor, reason=act.reason, now=act.now)


def _propose_close(row: MintTx, act: Act, *, resolution: str, reference: str) -> None:
    propose(
        action="mint.close",
        subject=f"mint:{row.pk}",
        payload={"mint_key": row.mint_key, "resolution": resolution, "reference": reference},
        proposer=act.user,
        reason=act.reason,
        now=act.now,
    )


MINT_ACTIONS = (
    ReasonedAction(
        name="rebroadcast",
        title="Send the same signed bytes now",
        permission="minting.nudge_minttx",
        run=_rebroadcast,
        refusal=_is_signed,
        preview=lambda row: [
            "A worker sends the bytes that are saved. Nothing is signed: however often they are sent, they mint once.",
        ],
    ),
    ReasonedAction(
        name="observe",
        title="Look for it on the chain now",
        permission="minting.nudge_minttx",
        run=_observe,
        refusal=_is_sent,
        preview=lambda row: [
            "A worker asks for its receipts. Where there is none, the same bytes are sent again: they mint once.",
            "If it was mined and reverted, its nonce is spent, and the loop asks for a new signature as always.",
        ],
    ),
    ReasonedAction(
        name="propose-close",
        title="Propose to close the order",
        permission="minting.close_minttx",
        run=_propose_close,
        form=ClosingForm,
        refusal=_has_failed,
        is_dangerous=True,
        preview=closing_preview,
    ),
)


@admin.register(MintTx)
class MintTxAdmin(ReasonedAdmin):
    list_display = ("mint_key", "order", "amount_wei", "status", "tx_hash", "block_number", "updated_at")
    list_filter = ("status",)
    list_select_related = ("order",)
    search_fields = ("=id", "=mint_key", "=tx_hash", "=order__id", "=recipient")
    inlines = (EventInline, AttemptInline)
    reasoned_actions = MINT_ACTIONS


@admin.register(Reorg)
class ReorgAdmin(ReadOnlyAdmin):
    list_display = ("seen_at", "chain_id", "ancestor", "depth", "mints")


@admin.register(ForeignMint)
class ForeignMintAdmin(ReadOnlyAdmin):
    list_display = ("seen_at", "contract", "mint_key", "amount_wei", "tx_hash")
    search_fields = ("=mint_key", "=tx_hash")


@admin.register(Block)
class BlockAdmin(ReadOnlyAdmin):
    list_display = ("number", "hash", "parent_hash", "timestamp")
    search_fields = ("=number", "=hash")
    ordering = ("-number",)


@admin.register(RpcNode)
class RpcNodeAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "head", "lag", "reason", "quarantines", "changed_at", "seen_at")


@admin.register(ForeignNonce)
class ForeignNonceAdmin(ReadOnlyAdmin):
    list_display = ("seen_at", "chain_id", "signer", "nonce")
