"""How a customer moves through the identity check, and the other closed lists. Pure."""

from __future__ import annotations

from django.db import models

CLOSED = "closed-for-good"  # the owner of holds that nobody can release: the matter was settled outside


class KycStatus(models.TextChoices):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    CLOSED = "CLOSED"  # the account is ended, at the customer's wish


MOVES: dict[str, frozenset[str]] = {
    KycStatus.PENDING: frozenset({KycStatus.APPROVED, KycStatus.REJECTED, KycStatus.CLOSED}),
    KycStatus.APPROVED: frozenset({KycStatus.REJECTED, KycStatus.CLOSED}),  # REJECTED: by a late RED
    KycStatus.REJECTED: frozenset({KycStatus.PENDING, KycStatus.CLOSED}),  # PENDING: by a RETRY, or by staff
    KycStatus.CLOSED: frozenset(),
}


class DeletionStatus(models.TextChoices):
    REQUESTED = "REQUESTED"
    WITHDRAWN = "WITHDRAWN"  # by the customer
    REFUSED = "REFUSED"  # by staff, with a sentence for the customer
    CLOSED = "CLOSED"  # the account is ended; name and tax id are kept for as long as the law wants them
    ERASED = "ERASED"  # nothing is left that says who it was


DELETION_MOVES: dict[str, frozenset[str]] = {
    DeletionStatus.REQUESTED: frozenset(
        {DeletionStatus.WITHDRAWN, DeletionStatus.REFUSED, DeletionStatus.CLOSED, DeletionStatus.ERASED}
    ),
    DeletionStatus.CLOSED: frozenset({DeletionStatus.ERASED}),
    DeletionStatus.WITHDRAWN: frozenset(),
    DeletionStatus.REFUSED: frozenset(),
    DeletionStatus.ERASED: frozenset(),
}


class RejectKind(models.TextChoices):
    FINAL = "FINAL"
    RETRY = "RETRY"  # the customer may correct something and ask again


class Country(models.TextChoices):
    BR = "BR", "Brazil"
    PY = "PY", "Paraguay"


class Language(models.TextChoices):
    EN = "en", "English"
    ES = "es", "Español"
    PT_BR = "pt-br", "Português"


class DisclosureKind(models.TextChoices):
    PRIVACY = "PRIVACY"  # which data, what for (LGPD art. 9)
    RIGHTS = "RIGHTS"  # what a token is, and what it is not


class LimitUseKind(models.TextChoices):
    RESERVE = "RESERVE"
    RELEASE = "RELEASE"  # the order ended with nothing bought
    REINSTATE = "REINSTATE"  # … and then a fill crossed its cancel


class EndpointStatus(models.TextChoices):
    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"  # by its owner, by a 410 Gone, or after days of failures
    DELETED = "DELETED"


ENDPOINT_MOVES: dict[str, frozenset[str]] = {
    EndpointStatus.ACTIVE: frozenset({EndpointStatus.DISABLED, EndpointStatus.DELETED}),
    EndpointStatus.DISABLED: frozenset({EndpointStatus.ACTIVE, EndpointStatus.DELETED}),
    EndpointStatus.DELETED: frozenset(),
}


class DeliveryStatus(models.TextChoices):
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    GIVEN_UP = "GIVEN_UP"


class RuleKind(models.TextChoices):
    VELOCITY = "VELOCITY"  # much in a short time
    STRUCTURING = "STRUCTURING"  # again and again just below a limit
    MANY_WALLETS = "MANY_WALLETS"  # many wallets a customer, or many customers a wallet or internet address


class Severity(models.TextChoices):
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


DUE_HOURS: dict[str, int] = {Severity.HIGH: 24, Severity.MEDIUM: 72, Severity.LOW: 168}  # a case's clock: never stopped


class CaseStatus(models.TextChoices):
    OPEN = "OPEN"  # nobody's yet
    ASSIGNED = "ASSIGNED"
    ESCALATED = "ESCALATED"  # given by one person to a second, with a reason
    CLOSED = "CLOSED"  # for good: what comes later is another case


# A step to the same status is a note, or another assignee.
CASE_MOVES: dict[str, frozenset[str]] = {
    CaseStatus.OPEN: frozenset({CaseStatus.OPEN, CaseStatus.ASSIGNED, CaseStatus.ESCALATED}),
    CaseStatus.ASSIGNED: frozenset({CaseStatus.ASSIGNED, CaseStatus.ESCALATED, CaseStatus.CLOSED}),
    CaseStatus.ESCALATED: frozenset({CaseStatus.ESCALATED, CaseStatus.CLOSED}),
    CaseStatus.CLOSED: frozenset(),
}


class CaseAct(models.TextChoices):
    OPENED = "OPENED"
    ASSIGNED = "ASSIGNED"
    NOTE = "NOTE"
    ESCALATED = "ESCALATED"
    CLOSED = "CLOSED"


class CaseOutcome(models.TextChoices):
    NO_ISSUE = "NO_ISSUE"
    REPORTED = "REPORTED"  # to the authority; by people, outside of Agora
    ACCOUNT_ACTION = "ACCOUNT_ACTION"  # a hold kept, a check taken back, …
