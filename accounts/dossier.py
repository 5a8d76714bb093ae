"""What the console's page of an order says of people: its customer, holds, what outsiders heard, and who did what."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.urls import reverse

from accounts.masks import mask_email, mask_name
from accounts.models import AuditEntry, Customer, Hold, LimitUse, Proposal, PublicEvent, WebhookDelivery
from accounts.selectors import EVERYTHING, limit_left
from agora.lib.dossiers import MOST, Cell, DossierSource, Moment, OrderSubject, Part, Section


def _customer(*, subject: OrderSubject, now: datetime) -> Part:
    row = Customer.objects.get(pk=subject.customer_id)
    pairs = (
        ("Customer", Cell(row.pk, reverse("admin:accounts_customer_change", args=[row.pk]))),
        ("Name", mask_name(row.full_name)),
        ("E-mail", mask_email(row.email)),
        ("Country", row.country),
        ("Identity check", row.status),
        ("Tier", row.tier_level),
        ("Since", row.created_at),
    )
    return Part(sections=(Section(title="Customer", pairs=pairs, rank=12),))


def _limit(*, subject: OrderSubject, now: datetime) -> Part:
    uses = list(LimitUse.objects.filter(order_id=subject.order_id).order_by("at", "pk")[:MOST])
    left = limit_left(customer=Customer.objects.get(pk=subject.customer_id), now=now)
    today = ((f"Of US$ {left.limit_usd} today, used", f"US$ {left.used_usd}"),) if left else ()
    section = Section(
        title="Limit",
        pairs=today,
        head=("At", "Kind", "Day", "US$"),
        rows=tuple((use.at, use.kind, use.day.isoformat(), use.amount_usd) for use in uses),
        empty="It took none.",
        rank=25,
    )
    moments = tuple(
        Moment(at=use.at, source="limit", text=f"{use.kind} US$ {use.amount_usd} of {use.day:%Y-%m-%d}") for use in uses
    )
    return Part(sections=(section,), moments=moments)


def _holds(*, subject: OrderSubject, now: datetime) -> Part:
    """All holds on the order itself, and those on its asset, its customer or everything that stand."""
    wider = [f"asset:{subject.symbol}", f"customer:{subject.customer_id}", EVERYTHING]
    found = Hold.objects.filter(Q(subject=f"order:{subject.order_id}") | Q(subject__in=wider, released_at=None))
    holds = list(found.order_by("-placed_at")[:MOST])
    active = [hold for hold in holds if not hold.released_at and not (hold.until and hold.until <= now)]
    section = Section(
        title="Holds",
        head=("Placed", "On", "By", "Why", "Until", "Released", "By"),
        rows=tuple(
            (
                Cell(hold.placed_at, reverse("admin:accounts_hold_change", args=[hold.pk])),
                hold.subject.partition(":")[0],
                hold.owner,
                hold.reason,
                hold.until,
                hold.released_at,
                hold.released_by,
            )
            for hold in holds
        ),
        empty="Nothing holds it, and nothing did.",
        rank=15,
    )
    moments = []
    for hold in holds:
        on = hold.subject.partition(":")[0]
        text = f"hold on the {on}" if on != EVERYTHING else "hold on everything"
        moments.append(Moment(at=hold.placed_at, source="hold", text=text, by=hold.owner, detail=hold.reason))
        if hold.released_at:
            moments.append(Moment(at=hold.released_at, source="hold", text=f"{text} released", by=hold.released_by))
    return Part(sections=(section,), moments=tuple(moments), acted_on=tuple(active))


def _public_events(*, subject: OrderSubject, now: datetime) -> Part:
    events = list(PublicEvent.objects.filter(subject_id=subject.order_id).order_by("-sequence")[:MOST])[::-1]
    section = Section(
        title="What integrators hear of",
        head=("No.", "Event", "At", "In the feed at", "Id"),
        rows=tuple((one.sequence, one.type, one.at, one.position, one.event_id) for one in events),
        empty="Nothing.",
        rank=70,
    )
    moments = tuple(Moment(at=one.at, source="event", text=one.type, detail=f"no. {one.sequence}") for one in events)
    return Part(sections=(section,), moments=moments)


def _deliveries(*, subject: OrderSubject, now: datetime) -> Part:
    found = WebhookDelivery.objects.filter(subject_id=subject.order_id, event__subject_id=subject.order_id)
    sent = list(found.select_related("event", "endpoint").prefetch_related("log").order_by("-created_at", "-pk")[:MOST])
    section = Section(
        title="Webhooks to the integrator",
        head=("No.", "Event", "To", "State", "Tries", "Last answer", "Begun", "Ended"),
        rows=tuple(
            (
                one.sequence,
                one.event.type,
                one.endpoint.url,
                f"{one.status} {one.reason}".strip(),
                one.attempts,
                _last_answer(one),
                one.created_at,
                one.ended_at,
            )
            for one in sent
        ),
        empty="None was due.",
        rank=75,
    )
    moments = tuple(
        Moment(
            at=attempt.at,
            source="delivery",
            text=f"{one.event.type}, try {attempt.number}: {attempt.status_code or attempt.error}",
            detail=one.endpoint.url,
        )
        for one in sent
        for attempt in one.log.all()
    )
    return Part(sections=(section,), moments=moments)


def _last_answer(delivery: WebhookDelivery) -> str:
    last = max(delivery.log.all(), key=lambda attempt: attempt.number, default=None)
    return "" if last is None else f"{last.status_code or last.error}"


def _proposals(*, subject: OrderSubject, now: datetime) -> Part:
    found = Proposal.objects.select_related("proposer", "decision__decided_by", "execution__executed_by")
    rows = list(found.filter(subject__in=subject.names).order_by("-proposed_at")[:MOST])
    section = Section(
        title="Proposals about it",
        head=("Proposed", "What", "By", "Because", "Verdict", "By", "Carried out"),
        rows=tuple(_proposal(row, now) for row in rows),
        empty="None.",
        rank=80,
    )
    moments = [
        Moment(
            at=row.proposed_at,
            source="proposal",
            text=f"{row.action} proposed",
            by=row.proposer.username,
            detail=row.reason,
            url=reverse("admin:accounts_proposal_change", args=[row.pk]),
        )
        for row in rows
    ]
    for row in rows:
        if decision := getattr(row, "decision", None):
            text, by = f"{row.action} {decision.verdict.lower()}", decision.decided_by.username
            moments.append(Moment(at=decision.decided_at, source="proposal", text=text, by=by, detail=decision.reason))
    return Part(sections=(section,), moments=tuple(moments))


def _proposal(row: Proposal, now: datetime) -> tuple[object, ...]:
    decision, execution = getattr(row, "decision", None), getattr(row, "execution", None)
    return (
        Cell(row.proposed_at, reverse("admin:accounts_proposal_change", args=[row.pk])),
        row.action,
        row.proposer.username,
        row.reason,
        decision.verdict if decision else "open" if row.expires_at > now else "expired",
        decision.decided_by.username if decision else "",
        execution.executed_at if execution else None,
    )


def _audit(*, subject: OrderSubject, now: datetime) -> Part:
    rows = list(AuditEntry.objects.filter(subject__in=subject.names).order_by("-at", "-pk")[:MOST])
    section = Section(
        title="Audit log",
        head=("At", "Who", "What", "Why", "Before", "After", "Place"),
        rows=tuple(
            (
                Cell(row.at, reverse("admin:accounts_auditentry_change", args=[row.pk])),
                row.actor,
                row.action,
                row.reason,
                row.before,
                row.after,
                row.position,
            )
            for row in rows
        ),
        empty="No act of staff.",
        rank=85,
    )
    moments = tuple(Moment(at=row.at, source="audit", text=row.action, by=row.actor, detail=row.reason) for row in rows)
    return Part(sections=(section,), moments=moments)


def _names(*, order_id: UUID) -> list[str]:
    holds = Hold.objects.filter(subject=f"order:{order_id}").order_by("-placed_at").values_list("pk", flat=True)
    return [f"hold:{pk}" for pk in holds[:MOST]]


CUSTOMER = DossierSource(permission="accounts.view_customer", build=_customer)
LIMIT = DossierSource(permission="accounts.view_limituse", build=_limit)
HOLDS = DossierSource(permission="accounts.view_hold", build=_holds, names=_names)
PUBLIC_EVENTS = DossierSource(permission="orders.view_order", build=_public_events)
DELIVERIES = DossierSource(permission="accounts.view_customer", build=_deliveries)
# On the order and its parts alone: the list of all of them tells who is being looked into.
PROPOSALS = DossierSource(permission="orders.view_order", build=_proposals)
AUDIT = DossierSource(permission="accounts.view_auditentry", build=_audit)
