"""Kill switches: one person stops, two let go on. A switch is a hold owned by whoever threw it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import ProgrammingError, transaction
from django.db.models import Q

from accounts.errors import SwitchRefused
from accounts.models import Customer, Hold, Proposal, User
from accounts.models.holds import YOUNG
from accounts.selectors import BUYING, EVERYTHING, MINTING
from accounts.services.auditing import record_audit
from accounts.services.people import place_hold, release_hold
from accounts.services.proposing import propose
from accounts.states import CLOSED
from accounts.switches import is_lapsed, symbols

WHOLE = (EVERYTHING, BUYING, MINTING)
RELEASE = "hold.release"  # agora/two_person.py


@transaction.atomic
def pause(*, subject: str, actor: str, reason: str, now: datetime) -> Hold:
    """Stop it at once, for the reason given. Raises SwitchRefused: it would stop nothing, or they have stopped it."""
    if not reason.strip():
        raise SwitchRefused("Say why: whoever lets it go on has to know.")
    _check_known(subject)
    theirs = Hold.objects.filter(subject=subject, owner=actor, released_at=None).first()
    if theirs is not None and not is_lapsed(hold=theirs, now=now):
        raise SwitchRefused(f"You have paused {subject} already, at {theirs.placed_at:%Y-%m-%d %H:%M} UTC.")
    return place_hold(subject=subject, owner=actor, reason=reason, now=now)


@transaction.atomic
def undo_pause(*, hold_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """Take one's own switch back, a moment after it was thrown. Raises SwitchRefused."""
    hold = Hold.objects.select_for_update().get(pk=hold_id)
    if problem := undo_refusal(hold=hold, actor=actor, now=now):
        raise SwitchRefused(problem)
    try:
        with transaction.atomic():
            release_hold(subject=hold.subject, owner=actor, actor=actor, reason=reason, now=now)
    except ProgrammingError as refusal:  # the database's clock is the one that counts
        raise SwitchRefused("It was paused too long ago: propose its release.") from refusal


def undo_refusal(*, hold: Hold, actor: str, now: datetime) -> str:
    """Why this person may not take this switch back alone; "": they may."""
    if hold.released_at is not None:
        return "It goes on already."
    if hold.owner != actor:
        return "Somebody else paused it: propose its release."
    return "" if now < hold.placed_at + YOUNG else "It was paused more than 15 minutes ago: propose its release."


@transaction.atomic
def propose_release(*, hold_id: UUID, proposer: User, reason: str, now: datetime) -> Proposal:
    """Ask for the second person who lets it go on. Raises SwitchRefused."""
    hold = Hold.objects.select_for_update().get(pk=hold_id)
    if hold.owner == CLOSED:
        raise SwitchRefused("The order was closed for good.")
    if hold.released_at is not None:
        raise SwitchRefused("It goes on already.")
    if open_release(hold=hold, now=now) is not None:
        raise SwitchRefused("Its release is proposed already: another person has to approve it.")
    return propose(
        action=RELEASE,
        subject=f"hold:{hold.pk}",
        payload={"stops": hold.subject, "owner": hold.owner},
        proposer=proposer,
        reason=reason,
        now=now,
    )


def open_release(*, hold: Hold, now: datetime) -> Proposal | None:
    """The proposal to release it that still waits."""
    undecided = Q(decision=None) | Q(decision__verdict="APPROVED")
    waiting = Proposal.objects.filter(undecided, action=RELEASE, subject=f"hold:{hold.pk}", execution=None)
    return waiting.filter(expires_at__gt=now).order_by("proposed_at").first()


@transaction.atomic
def release_pause(*, subject: str, stops: str, owner: str, actor: str, reason: str, now: datetime) -> None:
    """What two people approved: the hold `subject` names ends. Other holds on the same stay. Raises SwitchRefused."""
    hold = Hold.objects.select_for_update().get(pk=subject.partition(":")[2], subject=stops, owner=owner)
    if hold.released_at is not None:
        raise SwitchRefused("It goes on already.")
    hold.released_at, hold.released_by = now, actor
    hold.save(update_fields=["released_at", "released_by"])
    record_audit(actor=actor, action="hold.release", subject=stops, before={"owner": owner}, reason=reason, now=now)


def _check_known(subject: str) -> None:
    """A switch on what does not exist stops nothing: whoever threw it must hear of that."""
    kind, _, name = subject.partition(":")
    if subject in WHOLE:
        return
    if kind in ("asset", BUYING, MINTING):
        if name not in (known := symbols()):
            raise SwitchRefused(f"There is no asset {name!r}; there are: {', '.join(known)}.")
        return
    if kind != "customer" or not _is_customer(name):
        raise SwitchRefused(f"{subject!r} names nothing that can be paused.")


def _is_customer(name: str) -> bool:
    try:
        return Customer.objects.filter(pk=UUID(name)).exists() and str(UUID(name)) == name
    except ValueError:
        return False
