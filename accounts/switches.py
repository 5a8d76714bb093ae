"""The kill switches that are thrown, and what each stops."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.module_loading import import_string

from accounts.models import Hold, Proposal, User
from accounts.selectors import BUYING, EVERYTHING, MINTING
from agora.pipeline import SYMBOLS


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A hold that stops more than one order, as staff see it."""

    hold: Hold
    stops: str  # a sentence
    owner: str  # a name
    waiting: Proposal | None  # to be released, once another person approves


def switches(*, now: datetime) -> list[Switch]:
    """Every one that stops something now, the oldest first."""
    active = Hold.objects.filter(released_at=None).filter(Q(until=None) | Q(until__gt=now))
    rows = list(active.exclude(subject__startswith="order:").order_by("placed_at"))
    names = dict(User.objects.filter(is_staff=True).values_list("pk", "username"))
    waiting = Proposal.objects.filter(action="hold.release", execution=None, expires_at__gt=now)
    asked = {row.subject: row for row in waiting.exclude(decision__verdict="DECLINED").select_related("proposer")}
    return [
        Switch(
            hold=row,
            stops=what_it_stops(subject=row.subject),
            owner=_owner_name(row.owner, names),
            waiting=asked.get(f"hold:{row.pk}"),
        )
        for row in rows
    ]


KINDS = (  # what a switch is on, what it stops, what it leaves
    (
        "Everything",
        "New orders, submissions to the broker, custody transfers and mints, of everybody.",
        "Following the broker, the custodian and the chain.",
    ),
    ("Buying", "New orders, and those that the broker does not have yet.", "What is bought goes to custody and mint."),
    ("Minting", "Mints that are not signed yet.", "Buying and custody."),
    ("An asset", "Its new orders, submissions, custody transfers and mints.", "Other assets."),
    ("A customer", "Their new orders, submissions, custody transfers and mints.", "Other customers."),
)


def what_it_stops(*, subject: str) -> str:
    """A sentence for staff. What is signed or under way at a vendor is finished; chain and books are followed."""
    kind, _, name = subject.partition(":")
    of = name or "all assets"
    return {
        EVERYTHING: "New orders, submissions, custody transfers and mints, of everybody.",
        BUYING: f"New orders of {of}, and those that the broker does not have yet. Custody and minting go on.",
        MINTING: f"Mints of {of} that are not signed yet. Buying and custody go on.",
        "asset": f"New orders, submissions, custody transfers and mints of {name}.",
        "customer": "This customer's new orders, submissions, custody transfers and mints.",
        "order": "This order's next step.",
    }[kind]


def symbols() -> list[str]:
    """The assets that can be paused."""
    return list(import_string(SYMBOLS)())


def is_lapsed(*, hold: Hold, now: datetime) -> bool:
    return hold.until is not None and hold.until <= now


def _owner_name(owner: str, names: dict[int, str]) -> str:
    kind, _, who = owner.partition(":")
    return names.get(int(who), owner) if kind == "staff" and who.isdigit() else owner
