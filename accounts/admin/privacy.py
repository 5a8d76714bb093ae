"""Customers who leave, and the copies of their data that they took."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from accounts import services
from accounts.forms import RefuseForm
from accounts.models import DataExport, DeletionEvent, DeletionRequest
from accounts.states import DeletionStatus
from agora.lib.admin import Act, ReadOnlyAdmin, ReadOnlyInline, ReasonedAction, ReasonedAdmin

DECIDE = "accounts.decide_deletionrequest"


def _is_open(row: DeletionRequest, user: Any) -> str:
    return "" if row.status == DeletionStatus.REQUESTED else f"This request is {row.status}."


def _complete(row: DeletionRequest, act: Act) -> None:
    services.complete_deletion(request=row, actor=act.actor, reason=act.reason, now=act.now)


def _refuse(row: DeletionRequest, act: Act, *, sentence: str) -> None:
    services.refuse_deletion(request=row, actor=act.actor, reason=act.reason, sentence=sentence, now=act.now)


class DeletionEventInline(ReadOnlyInline):
    model = DeletionEvent


@admin.register(DeletionRequest)
class DeletionRequestAdmin(ReasonedAdmin):
    list_display = ("customer", "status", "created_at", "updated_at", "erase_after")
    list_filter = ("status",)
    search_fields = ("=customer__id",)
    inlines = (DeletionEventInline,)
    reasoned_actions = (
        ReasonedAction(
            name="complete",
            title="Close the account for good",
            permission=DECIDE,
            run=_complete,
            refusal=_is_open,
            preview=lambda row: [
                "The login, wallets, e-mail address and API tokens go at once, and there is no way back.",
                "Name and tax id stay as long as the law wants where there was business. Orders and mints stay.",
            ],
            is_dangerous=True,
        ),
        ReasonedAction(
            name="refuse",
            title="Refuse",
            permission=DECIDE,
            run=_refuse,
            form=RefuseForm,
            refusal=_is_open,
            preview=lambda row: ["The customer reads your sentence and may ask again."],
        ),
    )


@admin.register(DataExport)
class DataExportAdmin(ReadOnlyAdmin):
    list_display = ("customer", "actor", "at", "size_bytes", "sha256")
    search_fields = ("=customer__id", "=sha256")
