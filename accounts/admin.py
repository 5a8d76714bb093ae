from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from accounts.models import ApiToken, Customer, Hold, User, Wallet
from agora.lib.admin import ReadOnlyAdmin, ReadOnlyInline

admin.site.site_header = "Agora"
admin.site.site_title = "Agora"
admin.site.index_title = "Console"
admin.site.register(User, UserAdmin)


class WalletInline(ReadOnlyInline):
    model = Wallet


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    list_display = ("id", "country", "kyc_status", "created_at")
    list_filter = ("kyc_status", "country")
    search_fields = ("=id", "=wallets__address")
    inlines = (WalletInline,)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("prefix", "name", "user", "created_at", "expires_at", "revoked_at")
    fields = ("prefix", "name", "user", "created_at", "expires_at", "revoked_at")
    search_fields = ("=prefix",)


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = ("subject", "owner", "reason", "placed_at", "until", "released_at")
    list_filter = (("released_at", admin.EmptyFieldListFilter), "owner")
    search_fields = ("=subject",)
