"""How a customer moves through the identity check, and the other closed lists. Pure."""

from __future__ import annotations

from django.db import models


class KycStatus(models.TextChoices):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


MOVES: dict[str, frozenset[str]] = {
    KycStatus.PENDING: frozenset({KycStatus.APPROVED, KycStatus.REJECTED}),
    KycStatus.APPROVED: frozenset({KycStatus.REJECTED}),  # the provider changed its mind: a late RED
    KycStatus.REJECTED: frozenset({KycStatus.PENDING}),  # by a RETRY, or by staff
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
