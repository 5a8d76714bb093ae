from __future__ import annotations

from typing import Any

from django.contrib import admin

from accounts.services import propose
from agora.lib.admin import Act, ReadOnlyAdmin, ReadOnlyInline, ReasonedAction, ReasonedAdmin
from minting import services
from minting.forms import StopForm
from minting.models import (
    Block,
    ForeignMint,
    ForeignNonce,
    MintEvent,
    MintTx,
    Reorg,
    RpcNode,
    Token,
    TokenSwitch,
    TokenSwitchEvent,
    TxAttempt,
)
from minting.selectors import ceremony_of
from minting.states import MintStatus as S
from orders.forms import ClosingForm, closing_preview
from orders.selectors import is_closed


class EventInline(ReadOnlyInline):
    model = MintEvent


class AttemptInline(ReadOnlyInline):
    model = TxAttempt
    exclude = ("raw",)


def _stop(row: Token, act: Act, *, what: str) -> None:
    services.stop_token(symbol=row.asset.symbol, what=what, actor=act.actor, reason=act.reason, now=act.now)


def _propose_start(row: Token, act: Act, *, what: str) -> None:
    propose(
        action="token.start",
        subject=f"token:{row.pk}",
        payload={"what": what},
        proposer=act.user,
        reason=act.reason,
        now=act.now,
    )


@admin.register(Token)
class TokenAdmin(ReasonedAdmin):
    list_display = ("asset", "chain_id", "address", "minter", "committed_wei")
    reasoned_actions = (
        ReasonedAction(
            name="stop",
            title="Stop it on the chain",
            permission="minting.stop_token",
            run=_stop,
            form=StopForm,
            preview=lambda row: [
                "The pauser's key, which the signer holds, sends it to the contract within seconds, at any fee.",
                "MINTING: nothing is minted, whoever signs; the asset's mints are held here, too. TRANSFERS: nobody "
                "can send a token.",
                "To start again takes two people, and the token's admin, whose key is not here.",
            ],
        ),
        ReasonedAction(
            name="propose-start",
            title="Propose that it starts again",
            permission="minting.start_token",
            run=_propose_start,
            form=StopForm,
            is_dangerous=True,
            preview=lambda row: [
                "Nothing changes until somebody else approves within 24 hours.",
                "Then the page of the start shows what the token's admin has to sign, and Agora watches for it.",
                "The hold on the asset's mints is released separately, as any other.",
            ],
        ),
    )


class SwitchEventInline(ReadOnlyInline):
    model = TokenSwitchEvent


@admin.register(TokenSwitch)
class TokenSwitchAdmin(ReadOnlyAdmin):
    list_display = ("token", "turn", "what", "status", "asked_by", "created_at", "tx_hash")
    list_filter = ("status",)
    list_select_related = ("token",)
    readonly_fields = ("to_be_signed",)
    exclude = ("raw",)
    inlines = (SwitchEventInline,)

    @admin.display(description="What the token's admin signs")
    def to_be_signed(self, row: TokenSwitch) -> str:
        return " · ".join(" ".join(line.split()) for line in ceremony_of(row)) or "Nothing: the signer's key stops it."


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
