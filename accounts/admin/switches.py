"""Kill switches and all other holds: one person stops, two let go on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import services
from accounts.forms import PauseForm
from accounts.models import Hold
from accounts.states import CLOSED
from accounts.switches import KINDS, switches, what_it_stops
from agora.lib.admin import Act, ReasonedAction, ReasonedAdmin


def _pause(row: None, act: Act, *, what: str, customer: str) -> None:
    subject = f"customer:{customer}" if what == "customer" else what
    services.pause(subject=subject, actor=act.actor, reason=act.reason, now=act.now)


def _undo(row: Hold, act: Act) -> None:
    services.undo_pause(hold_id=row.pk, actor=act.actor, reason=act.reason, now=act.now)


def _propose(row: Hold, act: Act) -> None:
    services.propose_release(hold_id=row.pk, proposer=act.user, reason=act.reason, now=act.now)


def _may_undo(row: Hold, user: Any) -> str:
    if row.subject.startswith("order:"):
        return "It stops one order: release it."
    return services.undo_refusal(hold=row, actor=f"staff:{user.pk}", now=timezone.now())


def _release(row: Hold, act: Act) -> None:
    services.release_own_hold(hold_id=row.pk, actor=act.actor, reason=act.reason, now=act.now)


def _may_release(row: Hold, user: Any) -> str:
    return services.own_release_refusal(hold=row, actor=f"staff:{user.pk}")


def _may_propose(row: Hold, user: Any) -> str:
    if row.owner == CLOSED:
        return "The order was closed for good."
    if row.released_at is not None:
        return "It goes on already."
    if row.subject.startswith("order:") and row.owner == f"staff:{user.pk}":
        return "It is yours: release it."
    return ""  # whether it is proposed already, the service says: a query a hold would be too many here


def _says(row: Hold) -> list[str]:
    return [
        f"{row.subject} is paused by {row.owner}, because: {row.reason}",
        f"It stops: {what_it_stops(subject=row.subject)}",
        "Other holds on the same stay.",
    ]


@admin.register(Hold)
class HoldAdmin(ReasonedAdmin):
    list_display = ("subject", "owner", "reason", "placed_at", "until", "released_at")
    list_filter = (("released_at", admin.EmptyFieldListFilter), "owner")
    search_fields = ("=subject",)
    ordering = ("-placed_at",)
    list_actions = (
        ReasonedAction(
            name="pause",
            title="Pause something",
            permission="accounts.place_hold",
            run=_pause,
            form=PauseForm,
            preview=lambda row: [
                "It stops at once. To let it go on takes two people, but for a slip of your own within 15 minutes.",
                "What is signed, or under way at the broker or the custodian, is finished; nothing is lost.",
            ],
        ),
    )
    reasoned_actions = (
        ReasonedAction(
            name="undo",
            title="Take back",
            permission="accounts.place_hold",
            run=_undo,
            refusal=_may_undo,
            preview=lambda row: [*_says(row), "You paused it a moment ago: it goes on at once."],
        ),
        ReasonedAction(
            name="release",
            title="Release your hold",
            permission="accounts.release_hold",
            run=_release,
            refusal=_may_release,
            preview=lambda row: [*_says(row), "What it stopped goes on by itself, unless another hold stops it."],
        ),
        ReasonedAction(
            name="propose-release",
            title="Propose its release",
            permission="accounts.release_hold",
            run=_propose,
            refusal=_may_propose,
            preview=lambda row: [*_says(row), "Nothing changes until somebody else approves within 24 hours."],
            is_dangerous=True,
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.switches_view)
        return [path("switches/", view, name="accounts_hold_switches"), *super().get_urls()]

    def switches_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown = [(one, self.offered(request, one.hold)) for one in switches(now=timezone.now())]
        context = {
            **self.admin_site.each_context(request),
            "title": "Kill switches",
            "opts": self.opts,
            "shown": shown,
            "offered": self.offered_on_none(request),
            "kinds": KINDS,
            "may_see_proposals": request.user.has_perm("accounts.view_proposal"),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/accounts/hold/switches.html", context)

    def list_url(self) -> str:
        return reverse("admin:accounts_hold_switches", current_app=self.admin_site.name)
