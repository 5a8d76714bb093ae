"""The desk of reserve reports: asked for, drafted, approved by a second person, signed, published."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from agora.lib.admin import Act, ReadOnlyInline, ReasonedAction, ReasonedAdmin
from agora.lib.line_charts import line_chart
from agora.lib.money import plain
from reserves import selectors, services
from reserves.errors import SecondFactorNeeded
from reserves.forms import DraftForm
from reserves.models import ReserveLine, ReserveReport
from reserves.states import FigureName, Source

HISTORY = timedelta(days=30)  # of the chart


def _draft(row: None, act: Act, *, asset: str) -> None:
    services.propose_report(symbol=asset, proposer=act.user, reason=act.reason, now=act.now)


def _approve(row: ReserveReport, act: Act) -> None:
    if act.second_factor_at is None:
        raise SecondFactorNeeded("Give a code of your second factor first.")
    services.approve_report(
        report_id=row.pk,
        signer=act.user,
        content_hash=row.content_hash,  # of the page that was sent: it is the row's version
        second_factor_at=act.second_factor_at,
        reason=act.reason,
        now=act.now,
    )


def _publish(row: ReserveReport, act: Act) -> None:
    services.publish_report(report_id=row.pk, publisher=act.user, reason=act.reason, now=act.now)


def _says(row: ReserveReport) -> list[str]:
    facts = selectors.report(report_id=row.pk)
    said = facts.said
    figures = [
        f"{FigureName(one['name']).label}: {one['quantity']} ({Source(one['source']).label}, as of {one['as_of']})"
        for one in said["figures"]
    ]
    ratio = said["ratio"]
    return [
        f"Report {facts.sequence} of {facts.symbol}, asked for by {facts.proposer}, at block {said['block_number']}.",
        f"{ratio or 'No'} shares a token" + (": A SHORTFALL." if ratio and Decimal(ratio) < 1 else "."),
        *figures,
        f"Owed to {said['liabilities']['holders']} holders; sha256 {facts.report_hash}",
    ]


class LineInline(ReadOnlyInline):
    model = ReserveLine
    verbose_name_plural = "figures"
    fields = ("name", "amount", "source", "as_of")
    readonly_fields = ("amount",)

    @admin.display(description="Quantity")
    def amount(self, row: ReserveLine) -> str:
        return plain(row.quantity)


@admin.register(ReserveReport)
class ReserveReportAdmin(ReasonedAdmin):
    list_display = ("asset", "sequence", "state", "drafted_at", "block_number", "holders", "content_hash")
    list_filter = ("asset",)
    list_select_related = ("asset", "approval__signature", "publication")
    ordering = ("-drafted_at",)
    search_fields = ("=content_hash",)
    fields = (
        *("asset", "sequence", "state", "proposed_by", "approved_by", "drafted_at", "block_number", "holders"),
        *("content_hash", "previous_hash", "liabilities_root", "files"),
    )
    readonly_fields = ("state", "proposed_by", "approved_by", "files")  # not `secret`, of the leaves' salts
    inlines = (LineInline,)
    list_actions = (
        ReasonedAction(
            name="draft",
            title="Draft a report now",
            permission="reserves.propose_reservereport",
            run=_draft,
            form=DraftForm,
            preview=lambda row: [
                "The follower reads the chain, the custodian and the broker, and drafts it within seconds.",
                "Somebody else approves it.",
            ],
        ),
    )
    reasoned_actions = (
        ReasonedAction(
            name="approve",
            title="Approve and have it signed",
            permission="reserves.approve_reservereport",
            run=_approve,
            refusal=lambda row, user: services.approval_refusal(report=row, user=user, now=timezone.now()),
            preview=_says,
            is_dangerous=True,
        ),
        ReasonedAction(
            name="publish",
            title="Publish",
            permission="reserves.publish_reservereport",
            run=_publish,
            refusal=lambda row, user: services.publication_refusal(report=row, now=timezone.now()),
            preview=lambda row: [*_says(row), "Anybody can read it from then on; it is never taken back."],
            is_dangerous=True,
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        desk, file = (self.admin_site.admin_view(view) for view in (self.desk_view, self.file_view))
        return [
            path("desk/", desk, name="reserves_reservereport_desk"),
            path("<uuid:report_id>/files/<str:name>", file, name="reserves_reservereport_file"),
            *super().get_urls(),
        ]

    def desk_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        context = {
            **self.admin_site.each_context(request),
            "title": "Reserve reports",
            "opts": self.opts,
            "offered": self.offered_on_none(request),
            "positions": [(one, _chart(one.symbol)) for one in selectors.positions()],
            "requests": selectors.open_requests(now=now),
            "reports": selectors.reports()[:20],
            "breaks": selectors.breaks(now=now),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/reserves/reservereport/desk.html", context)

    def file_view(self, request: HttpRequest, report_id: UUID, name: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        file = selectors.staff_file(report_id=report_id, name=name)
        headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "Cache-Control": "no-store"}
        return HttpResponse(file.content, content_type=file.media, headers=headers)

    def list_url(self) -> str:
        return reverse("admin:reserves_reservereport_desk", current_app=self.admin_site.name)

    @admin.display(description="State")
    def state(self, row: ReserveReport) -> str:
        return selectors.report(report_id=row.pk).status.upper()

    @admin.display(description="Asked for by")
    def proposed_by(self, row: ReserveReport) -> str:
        return selectors.report(report_id=row.pk).proposer

    @admin.display(description="Approved by")
    def approved_by(self, row: ReserveReport) -> str:
        return selectors.report(report_id=row.pk).signer or "nobody yet"

    @admin.display(description="Files")
    def files(self, row: ReserveReport) -> SafeString:
        names = selectors.staff_files(report_id=row.pk)
        links = ((reverse("admin:reserves_reservereport_file", args=[row.pk, name]), name) for name in names)
        return format_html_join(" · ", '<a href="{}">{}</a>', links)


def _chart(symbol: str) -> Any:
    now = timezone.now()
    history = selectors.ratio_history(symbol=symbol, since=now - HISTORY, until=now)
    return line_chart([(point.at, point.ratio) for point in history], goal=Decimal(1))
