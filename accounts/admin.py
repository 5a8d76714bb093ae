"""The console's view of customers: read-only, tax ids masked, and the manual identity check's decisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts import admin_cases, admin_privacy, selectors, services  # noqa: F401 - registers its own
from accounts.forms import ReasonForm, RejectForm
from accounts.models import (
    ApiToken,
    Consent,
    Customer,
    CustomerEvent,
    Disclosure,
    Hold,
    LimitUse,
    Tier,
    User,
    Wallet,
)
from agora.lib.admin import ReadOnlyAdmin, ReadOnlyInline
from agora.lib.errors import AgoraError

admin.site.site_header = "Agora"
admin.site.site_title = "Agora"
admin.site.index_title = "Console"
admin.site.register(User, UserAdmin)


class WalletInline(ReadOnlyInline):
    model = Wallet


class EventInline(ReadOnlyInline):
    model = CustomerEvent


class ConsentInline(ReadOnlyInline):
    model = Consent
    fields = ("disclosure", "sha256", "at")


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    list_display = ("id", "full_name", "country", "status", "tier_level", "submitted_at", "created_at")
    list_filter = ("status", "country", ("submitted_at", admin.EmptyFieldListFilter))
    search_fields = ("=id", "=wallets__address", "=email")
    # Named one by one: the sealed tax id and its index are nobody's to read.
    fields = (
        *("id", "user", "full_name", "email", "email_confirmed_at", "country", "tax_id", "tier_level"),
        *("status", "kyc_reject_kind", "kyc_sentence", "kyc_provider", "kyc_applicant_id"),
        *("submitted_at", "created_at", "updated_at"),
    )
    readonly_fields = ("tax_id",)
    inlines = (WalletInline, EventInline, ConsentInline)
    actions = ("approve", "reject", "reopen")

    @admin.display(description="Tax id")
    def tax_id(self, customer: Customer) -> str:
        return selectors.masked_tax_id(customer=customer)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_customer")

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Customer]) -> HttpResponse | None:
        return self._decide(request, queryset, "approve", ReasonForm, services.approve_customer)

    @admin.action(description="Reject", permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Customer]) -> HttpResponse | None:
        return self._decide(request, queryset, "reject", RejectForm, services.reject_customer)

    @admin.action(description="Reopen a rejected check", permissions=["decide"])
    def reopen(self, request: HttpRequest, queryset: QuerySet[Customer]) -> HttpResponse | None:
        return self._decide(request, queryset, "reopen", ReasonForm, services.reopen_customer)

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[Customer],
        action: str,
        form_class: type[Form],
        service: Callable[..., Any],
    ) -> HttpResponse | None:
        """Ask for what the decision needs, then call the service once a customer."""
        form = form_class(request.POST if "confirm" in request.POST else None)
        if not form.is_valid():
            context: dict[str, Any] = {
                **self.admin_site.each_context(request),
                "title": f"{action.capitalize()} customers",
                "action": action,
                "form": form,
                "customers": queryset,
                "checkbox": ACTION_CHECKBOX_NAME,
                "opts": self.opts,
            }
            return TemplateResponse(request, "admin/accounts/decide.html", context)
        actor = f"staff:{request.user.pk}"
        for customer in queryset:
            try:
                service(customer=customer, actor=actor, now=timezone.now(), **form.cleaned_data)
                self.message_user(request, f"{customer}: {customer.status}.", messages.SUCCESS)
            except AgoraError as refusal:
                self.message_user(request, f"{customer}: {refusal.detail}", messages.ERROR)
        return None


@admin.register(Disclosure)
class DisclosureAdmin(ReadOnlyAdmin):
    list_display = ("kind", "version", "language", "sha256", "published_at")


@admin.register(Tier)
class TierAdmin(ReadOnlyAdmin):
    list_display = ("country", "level", "daily_limit_usd", "portfolio_cap_usd", "min_quantity")


@admin.register(LimitUse)
class LimitUseAdmin(ReadOnlyAdmin):
    list_display = ("customer", "day", "kind", "amount_usd", "order_id", "at")
    search_fields = ("=customer__id", "=order_id")


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
