from django.contrib import admin

from agora.lib.admin import ReadOnlyAdmin, ReadOnlyInline
from minting.models import Block, ForeignMint, MintEvent, MintTx, Reorg, Token, TxAttempt


class EventInline(ReadOnlyInline):
    model = MintEvent


class AttemptInline(ReadOnlyInline):
    model = TxAttempt
    exclude = ("raw",)


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    list_display = ("asset", "chain_id", "address", "minter", "committed_wei")


@admin.register(MintTx)
class MintTxAdmin(ReadOnlyAdmin):
    list_display = ("mint_key", "order", "amount_wei", "status", "tx_hash", "block_number", "updated_at")
    list_filter = ("status",)
    list_select_related = ("order",)
    search_fields = ("=id", "=mint_key", "=tx_hash", "=order__id", "=recipient")
    inlines = (EventInline, AttemptInline)


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
