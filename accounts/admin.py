from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import services
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
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_apitoken")

    @admin.action(description="Revoke at once and for good", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            done = services.revoke_api_token(token_id=token.pk, actor=f"staff:{request.user.pk}", now=timezone.now())
            self.message_user(request, f"{token}: {'revoked' if done else 'had been revoked before'}.")


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = ("subject", "owner", "reason", "placed_at", "until", "released_at")
    list_filter = (("released_at", admin.EmptyFieldListFilter), "owner")
    search_fields = ("=subject",)
