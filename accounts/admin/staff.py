"""Logins, and the log of what they did."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts import services
from accounts.models import AuditEntry, AuditSeal, User
from agora.lib.admin import Act, ReadOnlyAdmin, ReasonedAction, ReasonedAdmin


def _reset(row: User, act: Act) -> None:
    services.reset_second_factor(user=row, actor=act.actor, reason=act.reason, now=act.now)


@admin.register(User)
class LoginAdmin(ReasonedAdmin, UserAdmin):
    """The one page that edits rows; each edit is audited in its own transaction. Logins are disabled, never deleted."""

    list_display = ("username", "is_staff", "is_superuser", "is_active", "last_login")
    search_fields = ("=username",)
    reasoned_actions = (
        ReasonedAction(
            name="reset-second-factor",
            title="Take the second factor away",
            permission="accounts.reset_factor_user",
            run=_reset,
            refusal=lambda row, user: "Ask another administrator to take yours." if row.pk == user.pk else "",
            preview=lambda row: [
                "They are out of the console until they have set up a new one, at their next sign-in."
            ],
            is_dangerous=True,
        ),
    )

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return UserAdmin.has_add_permission(self, request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return UserAdmin.has_change_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.audit_before = _powers(User.objects.get(pk=obj.pk)) if change else {}  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:
        self._record(request, obj, "add")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        self._record(request, obj, "change" if hasattr(obj, "audit_before") else "password")
        return super().log_change(request, obj, message)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def _record(self, request: HttpRequest, obj: User, act: str) -> None:
        """By the names of rights and groups: a name or an e-mail address that changed is not written down."""
        before = getattr(obj, "audit_before", {})
        after = {} if act == "password" else _powers(User.objects.get(pk=obj.pk))
        services.record_audit(
            actor=f"staff:{request.user.pk}",
            action=f"login.{act}",
            subject=f"user:{obj.pk}",
            before={name: text for name, text in before.items() if after.get(name) != text},
            after={name: text for name, text in after.items() if before.get(name) != text},
            now=timezone.now(),
        )


def _powers(user: User) -> dict[str, str]:
    return {
        "is_active": str(user.is_active),
        "is_staff": str(user.is_staff),
        "is_superuser": str(user.is_superuser),
        "groups": ", ".join(sorted(group.name for group in user.groups.all())),
        "permissions": ", ".join(sorted(permission.codename for permission in user.user_permissions.all())),
    }


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "subject", "reason", "position")
    list_filter = ("action",)
    search_fields = ("=subject", "=actor", "=request_id")
    search_help_text = "A whole subject (customer:…), actor (staff:…) or request id."
    ordering = ("-at",)


@admin.register(AuditSeal)
class AuditSealAdmin(ReadOnlyAdmin):
    list_display = ("sequence", "first_position", "last_position", "sealed_at", "hash")
    ordering = ("-sequence",)
