"""What a customer agreed to, and what the identity provider told us."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models.people import Customer
from accounts.states import DisclosureKind, Language
from agora.lib.statemachine import append_only


class Disclosure(models.Model):
    """One version of a text that customers must accept, in one language. Never changed: a new text is a new version."""

    kind = models.CharField(max_length=12, choices=DisclosureKind.choices)
    version = models.CharField(max_length=20)
    language = models.CharField(max_length=5, choices=Language.choices)
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    published_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "version", "language"], name="disclosure_once_a_version"),
            models.CheckConstraint(condition=Q(kind__in=DisclosureKind.values), name="disclosure_kind_known"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="disclosure_hash_shape"),
        ]
        triggers: ClassVar = append_only()

    def __str__(self) -> str:
        return f"{self.kind} {self.version} {self.language}"


class Consent(models.Model):
    """A customer accepted exactly this text, then."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="consents")
    disclosure = models.ForeignKey(Disclosure, on_delete=models.PROTECT, related_name="consents")
    sha256 = models.CharField(max_length=64)  # of the text as it was shown, repeated here on purpose
    ip_digest = models.CharField(max_length=64, blank=True)  # keyed: it can be compared, not read
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer", "disclosure"], name="consent_once_a_text"),
        ]
        triggers: ClassVar = append_only()


class KycMessage(models.Model):
    """A notification of the identity provider, word for word. It names whom to look up; nothing in it is believed."""

    provider = models.CharField(max_length=16)
    digest = models.CharField(max_length=64, unique=True)
    event_type = models.CharField(max_length=60)
    external_user_id = models.CharField(max_length=80, db_index=True)
    body = models.TextField()
    received_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = append_only()
