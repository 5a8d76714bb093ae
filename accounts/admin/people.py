"""The console's view of people: masked, and read-only but for the actions named here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.timesince import timesince

from accounts import selectors, services
from accounts.forms import RejectForm, TierForm
from accounts.masks import mask_email, mask_name
from accounts.models import (
    ApiToken,
    Consent,
    Customer,
    CustomerEvent,
    Disclosure,
    Hold,
    LimitUse,
    Tier,
    Wallet,
)
from accounts.similar import similar_customers
from accounts.states import CLOSED, KycStatus
from agora.lib.admin import Act, ReadOnlyAdmin, ReadOnlyInline, ReasonedAction, ReasonedAdmin

DECIDE = "accounts.decide_customer"


def _is_waiting(row: Customer, user: Any) -> str:
    if row.status == KycStatus.PENDING and row.submitted_at:
        return ""
    return "There is no application to decide." if row.status == KycStatus.PENDING else f"The customer is {row.status}."


def _approve(row: Customer, act: Act) -> None:
    services.approve_customer(customer=row, actor=act.actor, reason=act.reason, now=act.now)


def _reject(row: Customer, act: Act, *, kind: str, sentence: str) -> None:
    services.reject_customer(
        customer=row, kind=kind, sentence=sentence, actor=act.actor, reason=act.reason, now=act.now
    )


def _reopen(row: Customer, act: Act) -> None:
    services.reopen_customer(customer=row, actor=act.actor, reason=act.reason, now=act.now)


def _reveal(row: Customer, act: Act) -> dict[str, str]:
    return services.reveal_customer(customer=row, actor=act.actor, reason=act.reason, now=act.now)


def _propose_tier(row: Customer, act: Act, *, level: int) -> None:
    services.propose(
        action="customer.set_tier",
        subject=f"customer:{row.pk}",
        payload={"level": str(level)},
        proposer=act.user,
        reason=act.reason,
        now=act.now,
    )


CUSTOMER_ACTIONS = (
    ReasonedAction(
        name="approve",
        title="Approve",
        permission=DECIDE,
        run=_approve,
        refusal=_is_waiting,
        preview=lambda row: ["The customer may buy at once, within their tier's limits."],
    ),
    ReasonedAction(
        name="reject",
        title="Reject",
        permission=DECIDE,
        run=_reject,
        form=RejectForm,
        refusal=lambda row, user: f"The customer is {row.status}." if row.status == KycStatus.REJECTED else "",
        preview=lambda row: [
            "The customer reads your sentence. RETRY lets them correct their application; FINAL does not.",
            *(["Their orders on the way are held."] if row.status == KycStatus.APPROVED else []),
        ],
    ),
    ReasonedAction(
        name="reopen",
        title="Reopen",
        permission=DECIDE,
        run=_reopen,
        refusal=lambda row, user: "" if row.status == KycStatus.REJECTED else f"The customer is {row.status}.",
        preview=lambda row: ["The check is pending again, with what the customer told us."],
    ),
    ReasonedAction(
        name="reveal",
        title="Read name, e-mail and tax id",
        permission="accounts.reveal_customer",
        run=_reveal,
        preview=lambda row: ["You are shown them once. The audit log says that you read them, and why."],
    ),
    ReasonedAction(
        name="propose-tier",
        title="Propose another tier",
        permission="accounts.retier_customer",
        run=_propose_tier,
        form=TierForm,
        is_dangerous=True,
        preview=lambda row: [
            f"The customer is at level {row.tier_level}. Nothing changes until somebody else approves within 24 hours."
        ],
    ),
)


class WalletInline(ReadOnlyInline):
    model = Wallet


class EventInline(ReadOnlyInline):
    model = CustomerEvent


class ConsentInline(ReadOnlyInline):
    model = Consent
    fields = ("disclosure", "sha256", "at")


class QueueFilter(admin.SimpleListFilter):
    """The identity checks that wait for a person, oldest first."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "Waits for a decision")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> QuerySet[Customer]:
        return queryset.filter(selectors.WAITING).order_by("submitted_at") if self.value() else queryset


@admin.register(Customer)
class CustomerAdmin(ReasonedAdmin):
    change_form_template = "admin/accounts/customer/change_form.html"
    list_display = ("id", "name", "country", "status", "tier_level", "waiting", "created_at")
    list_filter = (QueueFilter, "status", "country")
    search_fields = ("=id", "=wallets__address", "=email")
    search_help_text = "A whole id, wallet address or e-mail address."
    # Named one by one: the sealed tax id and its index are nobody's to read.
    fields = (
        *("id", "user", "name", "masked_email", "email_confirmed_at", "country", "tax_id", "tier_level"),
        *("status", "kyc_reject_kind", "kyc_sentence", "kyc_provider", "kyc_applicant_id"),
        *("submitted_at", "created_at", "updated_at"),
    )
    readonly_fields = ("name", "masked_email", "tax_id")
    inlines = (WalletInline, EventInline, ConsentInline)
    reasoned_actions = CUSTOMER_ACTIONS

    @admin.display(description="Name")
    def name(self, customer: Customer) -> str:
        return mask_name(customer.full_name)

    @admin.display(description="E-mail")
    def masked_email(self, customer: Customer) -> str:
        return mask_email(customer.email)

    @admin.display(description="Tax id")
    def tax_id(self, customer: Customer) -> str:
        return selectors.masked_tax_id(customer=customer)

    @admin.display(description="Waits since", ordering="submitted_at")
    def waiting(self, customer: Customer) -> str:
        is_waiting = customer.status == KycStatus.PENDING
        return timesince(customer.submitted_at, timezone.now()) if is_waiting and customer.submitted_at else ""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        more = {"similar": similar_customers(customer=row)} if row and self.has_view_permission(request) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})


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


def _is_mine(row: Hold, user: Any) -> str:
    return _is_active(row) or ("" if row.owner == f"staff:{user.pk}" else f"{row.owner} placed it.")


def _is_anothers(row: Hold, user: Any) -> str:
    return _is_active(row) or ("It is yours: release it." if row.owner == f"staff:{user.pk}" else "")


def _is_active(row: Hold) -> str:
    if row.owner == CLOSED:
        return "The order was closed for good."
    return "It was released." if row.released_at else ""


def _release(row: Hold, act: Act) -> None:
    services.release_own_hold(hold_id=row.pk, actor=act.actor, reason=act.reason, now=act.now)


def _propose_release(row: Hold, act: Act) -> None:
    services.propose_release(hold_id=row.pk, proposer=act.user, reason=act.reason, now=act.now)


def _what_it_stops(row: Hold) -> str:
    return f"{row.owner} holds {row.subject} since {row.placed_at:%Y-%m-%d %H:%M} UTC: {row.reason}"


HOLD_ACTIONS = (
    ReasonedAction(
        name="release",
        title="Release your hold",
        permission="accounts.release_hold",
        run=_release,
        refusal=_is_mine,
        preview=lambda row: [_what_it_stops(row), "What it stopped goes on by itself, unless another hold stops it."],
    ),
    ReasonedAction(
        name="propose-release",
        title="Propose to release it",
        permission="accounts.release_hold",
        run=_propose_release,
        refusal=_is_anothers,
        is_dangerous=True,
        preview=lambda row: [
            _what_it_stops(row),
            "Nothing changes until somebody else approves within 24 hours. Then what it stopped goes on, mints too.",
        ],
    ),
)


@admin.register(Hold)
class HoldAdmin(ReasonedAdmin):
    list_display = ("subject", "owner", "reason", "placed_at", "until", "released_at")
    list_filter = (("released_at", admin.EmptyFieldListFilter), "owner")
    search_fields = ("=subject",)
    reasoned_actions = HOLD_ACTIONS


def _revoke(row: ApiToken, act: Act) -> None:
    services.revoke_api_token(token_id=row.pk, actor=act.actor, reason=act.reason, now=act.now)


@admin.register(ApiToken)
class ApiTokenAdmin(ReasonedAdmin):
    list_display = ("prefix", "name", "user", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
    fields = (
        *("prefix", "name", "user", "scopes", "allowed_networks", "requests_per_minute"),
        *("created_at", "expires_at", "last_used_at", "revoked_at"),
    )
    search_fields = ("=prefix",)
    reasoned_actions = (
        ReasonedAction(
            name="revoke",
            title="Revoke",
            permission="accounts.revoke_apitoken",
            run=_revoke,
            refusal=lambda row, user: "It was revoked before." if row.revoked_at else "",
            preview=lambda row: ["Whoever uses it is refused from now on, for good."],
        ),
    )
