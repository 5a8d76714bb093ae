from django.contrib import admin

from agora.lib.admin import ReadOnlyAdmin
from reserves.models import Break, ReconciliationRun


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(ReadOnlyAdmin):
    list_display = ("as_of", "asset", "block_number", "filled", "in_custody", "vault_balance", "minted", "supply")
    list_filter = ("asset",)
    list_select_related = ("asset",)
    ordering = ("-as_of",)


@admin.register(Break)
class BreakAdmin(ReadOnlyAdmin):
    list_display = ("opened_at", "asset", "kind", "quantity", "seen_at", "closed_at")
    list_filter = ("kind", ("closed_at", admin.EmptyFieldListFilter))
    list_select_related = ("asset",)
