"""Who may use the API, and what it remembers of requests."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models.people import User
from agora.lib.api import scopes
from agora.lib.ids import new_id


def all_scopes() -> list[str]:
    return list(scopes.ALL)


class ApiToken(models.Model):
    """An API key: a login's bearer token with scopes. The key itself is shown once; only its SHA-256 is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=24)  # enough to recognise it, not to use it
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=32), default=all_scopes)
    allowed_networks = ArrayField(
        models.CharField(max_length=49), default=list, blank=True
    )  # CIDR; empty: from anywhere
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)  # None: the usual
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)  # to within ten minutes

    class Meta:
        permissions: ClassVar = [("revoke_apitoken", "Can revoke")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(requests_per_minute=0), name="api_token_rate_positive"),
            models.CheckConstraint(condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="api_token_hashed"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…"


class ApiSession(models.Model):
    """A wallet's sign-in through the API: the family of refresh tokens that came of it, and may end together."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_sessions")
    address = models.CharField(max_length=42)  # EIP-55, of the wallet that signed
    scopes = ArrayField(models.CharField(max_length=32))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_because = models.CharField(max_length=16, blank=True)  # SIGNED_OUT | REUSED

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_because="") | (~Q(revoked_at=None) & ~Q(revoked_because="")),
                name="api_session_revoked_why",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="api_session_expires_later"),
        ]


class RefreshToken(models.Model):
    """One use: it is exchanged for the next. A second use means that two hold it, and ends the session."""

    session = models.ForeignKey(ApiSession, on_delete=models.CASCADE, related_name="refresh_tokens")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["session"], condition=Q(used_at=None), name="refresh_token_one_live"),
            models.CheckConstraint(condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="refresh_token_hashed"),
        ]


class IdempotentRequest(models.Model):
    """A POST that carried an Idempotency-Key, and the answer that it got, to be given again."""

    caller = models.CharField(max_length=64)  # Credential.subject
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # of the body
    claim = models.UUIDField()  # whose turn it is
    claimed_until = models.DateTimeField()  # who dies before answering lets go of it then
    status = models.PositiveSmallIntegerField(null=True, blank=True)  # None: still running
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["caller", "method", "path", "key"], name="idempotent_request_once"),
            models.CheckConstraint(condition=Q(status=None) | Q(status__range=(200, 299)), name="idempotent_done"),
        ]
