from django.contrib import admin

from agora.lib.admin import ReadOnlyAdmin, ReadOnlyInline
from reserves.models import AttestationOutcome, ReserveAttestation


class OutcomeInline(ReadOnlyInline):
    model = AttestationOutcome


@admin.register(ReserveAttestation)
class ReserveAttestationAdmin(ReadOnlyAdmin):
    list_display = ("sequence", "token", "reserves_wei", "as_of", "valid_until", "tx_hash")
    list_select_related = ("token",)
    ordering = ("-prepared_at",)
    search_fields = ("=tx_hash", "=oracle")
    inlines = (OutcomeInline,)
