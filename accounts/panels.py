"""What the console's home page says about people, holds and the audit log."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse

from accounts import selectors
from accounts.caseload import open_cases
from accounts.models import AuditEntry, AuditSeal, Customer, DeletionRequest, Hold, Proposal
from accounts.states import DeletionStatus
from agora.lib.charts import bar_chart
from agora.lib.panels import BAD, LOOK, OK, Fact, Panel, PanelSource

SHOWN = 5
PROMISED = timedelta(days=15)  # ours; LGPD art. 19 gives as long to answer a wish for access
LATE = timedelta(hours=24)  # a customer waits no longer than that
AGES = ((1, "< 1 h"), (4, "1-4 h"), (24, "4-24 h"), (72, "1-3 days"), (10**6, "> 3 days"))  # hours


def _kyc_queue(*, now: datetime) -> Panel:
    waiting = Customer.objects.filter(selectors.WAITING).order_by("submitted_at")
    since = list(waiting.values_list("submitted_at", flat=True)[:10_000])
    queue = reverse("admin:accounts_customer_changelist") + "?queue=waiting"
    facts = [
        Fact(
            label=f"{row.country} · {str(row.pk)[-12:]}",
            since=row.submitted_at,
            level=BAD if row.submitted_at and now - row.submitted_at > LATE else LOOK,
            url=reverse("admin:accounts_customer_change", args=[row.pk]),
        )
        for row in waiting[:SHOWN]
    ]
    if since:
        facts.insert(0, Fact(label="Identity checks that wait", value=str(len(since)), level=LOOK, url=queue))
    hours = [(now - at).total_seconds() / 3600 for at in since if at]
    floors = [0, *(limit for limit, _ in AGES)]
    counts = [sum(low <= age < high for age in hours) for low, (high, _) in zip(floors, AGES, strict=False)]
    chart = bar_chart(
        title="Identity checks that wait, by age",
        label_head="Age",
        value_head="Customers",
        values=[(name, count, str(count)) for (_, name), count in zip(AGES, counts, strict=True)],
    )
    return Panel(title="Identity checks", facts=tuple(facts), chart=chart if since else None)


def _cases(*, now: datetime) -> Panel:
    waiting = open_cases(now=now)
    facts = [
        Fact(
            label=f"{case.severity} · {case.rule} · {case.assignee or 'nobody'}",
            value=f"due {case.due_at:%Y-%m-%d %H:%M} UTC",
            since=case.opened_at,
            level=BAD if case.is_overdue else LOOK,
            url=reverse("admin:accounts_case_change", args=[case.case_id]),
        )
        for case in waiting[:SHOWN]
    ]
    if len(waiting) > SHOWN:
        overdue = sum(case.is_overdue for case in waiting)
        rest = reverse("admin:accounts_case_changelist") + "?clock=open"
        level = BAD if overdue else LOOK
        facts.append(Fact(label="All open cases", value=f"{len(waiting)}, {overdue} overdue", level=level, url=rest))
    return Panel(title="Monitoring cases", facts=tuple(facts))


def _holds(*, now: datetime) -> Panel:
    active = Hold.objects.filter(released_at=None).filter(Q(until=None) | Q(until__gt=now)).order_by("placed_at")
    facts = [
        Fact(
            label=f"{hold.subject} · {hold.owner}",
            value=hold.reason,
            level=LOOK,
            since=hold.placed_at,
            url=reverse("admin:accounts_hold_change", args=[hold.pk]),
        )
        for hold in active[:SHOWN]
    ]
    if (total := active.count()) > SHOWN:
        rest = reverse("admin:accounts_hold_changelist") + "?released_at__isempty=1"
        facts.append(Fact(label="All holds", value=str(total), level=LOOK, url=rest))
    return Panel(title="On hold", facts=tuple(facts))


def _proposals(*, now: datetime) -> Panel:
    undone = Proposal.objects.filter(execution=None, expires_at__gt=now).exclude(decision__verdict="DECLINED")
    facts = [
        Fact(
            label=str(row),
            value=f"by {row.proposer}",
            level=LOOK,
            since=row.proposed_at,
            url=reverse("admin:accounts_proposal_change", args=[row.pk]),
        )
        for row in undone.select_related("proposer").order_by("proposed_at")[:SHOWN]
    ]
    return Panel(title="To be approved by a second person", facts=tuple(facts))


def _leaving(*, now: datetime) -> Panel:
    asked = DeletionRequest.objects.filter(status=DeletionStatus.REQUESTED).order_by("created_at")
    facts = [
        Fact(
            label=f"customer {str(row.customer_id)[-12:]}",
            level=BAD if now - row.created_at > PROMISED else LOOK,
            since=row.created_at,
            url=reverse("admin:accounts_deletionrequest_change", args=[row.pk]),
        )
        for row in asked[:SHOWN]
    ]
    return Panel(title="Want their account closed", facts=tuple(facts))


def _audit_log(*, now: datetime) -> Panel:
    """Whether it is being sealed. Whether it is whole, `manage.py audit` says: that reads all of it."""
    head = AuditSeal.objects.order_by("-sequence").first()
    oldest = AuditEntry.objects.filter(position=None).order_by("at").values_list("at", flat=True).first()
    is_late = oldest is not None and now - oldest > timedelta(minutes=1)
    facts = [Fact(label="Oldest entry without a seal", since=oldest, level=BAD if is_late else OK)] if oldest else []
    if head:
        url = reverse("admin:accounts_auditseal_changelist")
        facts.append(Fact(label=f"Last seal, {head.sequence}", value=head.hash[:16], since=head.sealed_at, url=url))
    return Panel(title="Audit log", facts=tuple(facts), empty="No entry yet.")


KYC_QUEUE = PanelSource(permission="accounts.view_customer", build=_kyc_queue)
CASES = PanelSource(permission="accounts.view_case", build=_cases)
HOLDS = PanelSource(permission="accounts.view_hold", build=_holds)
PROPOSALS = PanelSource(permission="accounts.view_proposal", build=_proposals)
LEAVING = PanelSource(permission="accounts.view_deletionrequest", build=_leaving)
AUDIT_LOG = PanelSource(permission="accounts.view_auditseal", build=_audit_log)
