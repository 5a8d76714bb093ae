"""Comparisons of the books, and who looks after the differences they found."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince

from accounts.selectors import user_by_name
from agora.lib.admin import Act, ReadOnlyInline, ReasonedAction, ReasonedAdmin
from agora.lib.money import plain
from reserves import services
from reserves.forms import AssignForm
from reserves.models import Break, BreakNote, ReconciliationRun
from reserves.states import BreakAction

ATTEND = "reserves.attend_break"


def _ask(row: None, act: Act) -> None:
    services.ask_reconciliation(actor=act.actor, reason=act.reason, now=act.now)


def _assign(row: Break, act: Act, *, owner: str) -> None:
    whose = user_by_name(username=owner)
    services.assign_break(break_id=row.pk, owner=whose, actor=act.user, reason=act.reason, now=act.now)


def _note(row: Break, act: Act) -> None:
    services.note_break(break_id=row.pk, actor=act.user, reason=act.reason, now=act.now)


def _resolve(row: Break, act: Act) -> None:
    services.resolve_break(break_id=row.pk, actor=act.user, reason=act.reason, now=act.now)


def _says(row: Break) -> str:
    since = f"{row.opened_at:%Y-%m-%d %H:%M} UTC"
    return f"{row.asset.symbol}: {row.get_kind_display()}, by {plain(row.quantity)}, since {since}."


COMPARE = ReasonedAction(
    name="now",
    title="Compare the books now",
    permission="reserves.ask_reconciliationrun",
    run=_ask,
    preview=lambda row: [
        "A worker asks the broker, the custodian and the chain about every asset, within seconds.",
        "What holders could lose by stops that asset in the same moment.",
    ],
)


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(ReasonedAdmin):
    list_display = ("as_of", "asset", "block_number", "filled", "in_custody", "vault_balance", "minted", "supply")
    list_filter = ("asset",)
    list_select_related = ("asset",)
    ordering = ("-as_of",)
    list_actions = (COMPARE,)


class NoteInline(ReadOnlyInline):
    model = BreakNote
    fields = ("at", "action", "owner", "quantity", "actor", "reason")


class ResolvedFilter(admin.SimpleListFilter):
    """What still needs somebody, first."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("unresolved", "Not resolved"), ("there", "Still there"), ("resolved", "Resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Break]) -> QuerySet[Break]:
        if self.value() == "unresolved":
            return queryset.exclude(notes__action=BreakAction.RESOLVED)
        if self.value() == "there":
            return queryset.filter(closed_at=None)
        return queryset.filter(notes__action=BreakAction.RESOLVED) if self.value() == "resolved" else queryset


@admin.register(Break)
class BreakAdmin(ReasonedAdmin):
    inlines = (NoteInline,)
    list_display = ("asset", "kind", "amount", "age", "owner", "state")
    fields = ("asset", "kind", "amount", "opened_at", "seen_at", "closed_at")
    readonly_fields = ("amount",)
    list_filter = (ResolvedFilter, "kind", "asset")
    list_select_related = ("asset",)
    ordering = ("-opened_at",)
    list_actions = (COMPARE,)
    reasoned_actions = (
        ReasonedAction(
            name="assign",
            title="Assign",
            permission=ATTEND,
            run=_assign,
            form=AssignForm,
            refusal=lambda row, user: services.attend_refusal(row=row),
            preview=lambda row: [_says(row), "It becomes theirs to look after."],
        ),
        ReasonedAction(
            name="note",
            title="Write a note",
            permission=ATTEND,
            run=_note,
            refusal=lambda row, user: services.attend_refusal(row=row),
            preview=lambda row: [_says(row), "Your words are kept with it, for good."],
        ),
        ReasonedAction(
            name="resolve",
            title="Resolve",
            permission="reserves.resolve_break",
            run=_resolve,
            refusal=lambda row, user: services.resolve_refusal(row=row),
            preview=lambda row: [
                _says(row),
                "While it is there, as much is taken as explained, and opened again only when it grows."
                if row.closed_at is None
                else "It went away by itself; you say what it was.",
                "A hold on the asset stays: two people release it (Kill switches).",
            ],
            is_dangerous=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Break]:
        return super().get_queryset(request).prefetch_related("notes")

    @admin.display(description="Quantity", ordering="quantity")
    def amount(self, row: Break) -> str:
        return plain(row.quantity)

    @admin.display(description="Age", ordering="opened_at")
    def age(self, row: Break) -> str:
        return timesince(row.opened_at, row.closed_at or timezone.now())

    @admin.display(description="Owner")
    def owner(self, row: Break) -> str:
        owners = [note.owner for note in row.notes.all() if note.action == BreakAction.ASSIGNED]
        return owners[-1] if owners else "nobody"

    @admin.display(description="State")
    def state(self, row: Break) -> str:
        if any(note.action == BreakAction.RESOLVED for note in row.notes.all()):
            return "RESOLVED"
        return "OPEN" if row.closed_at is None else "GONE, NOT EXPLAINED"
