from django.contrib import admin

from agora.lib.admin import ReadOnlyAdmin, ReadOnlyInline
from reserves.models import (
    AttestationOutcome,
    Break,
    BreakNote,
    ReconciliationRun,
    ReserveAttestation,
    ReserveLine,
    ReserveReport,
)


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(ReadOnlyAdmin):
    list_display = ("as_of", "asset", "block_number", "filled", "in_custody", "vault_balance", "minted", "supply")
    list_filter = ("asset",)
    list_select_related = ("asset",)
    ordering = ("-as_of",)


class NoteInline(ReadOnlyInline):
    model = BreakNote


@admin.register(Break)
class BreakAdmin(ReadOnlyAdmin):
    inlines = (NoteInline,)
    list_display = ("opened_at", "asset", "kind", "quantity", "seen_at", "closed_at")
    list_filter = ("kind", ("closed_at", admin.EmptyFieldListFilter))
    list_select_related = ("asset",)


class OutcomeInline(ReadOnlyInline):
    model = AttestationOutcome


@admin.register(ReserveAttestation)
class ReserveAttestationAdmin(ReadOnlyAdmin):
    list_display = ("sequence", "token", "reserves_wei", "as_of", "valid_until", "tx_hash")
    list_select_related = ("token",)
    ordering = ("-prepared_at",)
    search_fields = ("=tx_hash", "=oracle")
    inlines = (OutcomeInline,)


class LineInline(ReadOnlyInline):
    model = ReserveLine


@admin.register(ReserveReport)
class ReserveReportAdmin(ReadOnlyAdmin):
    list_display = ("asset", "sequence", "drafted_at", "block_number", "holders", "content_hash")
    list_filter = ("asset",)
    list_select_related = ("asset",)
    ordering = ("-drafted_at",)
    search_fields = ("=content_hash",)
    exclude = ("secret",)  # of the leaves' salts
    inlines = (LineInline,)
