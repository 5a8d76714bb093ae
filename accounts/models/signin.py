"""Proof that a browser's visitor controls a wallet (EIP-4361)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from accounts.models.people import User
from agora.lib.ids import new_id


class SignInChallenge(models.Model):
    """A text that we made, for one address, in one browser session, to be signed once and soon."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    nonce = models.CharField(max_length=64, unique=True)
    text = models.TextField()  # what is signed, byte for byte: domain, URI, chain and expiry are compared by it
    address = models.CharField(max_length=42)  # EIP-55
    session_digest = models.CharField(max_length=64)  # sha256 of the session's key
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True)  # who was signed in: adds a wallet
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="challenge_expires_later"),
        ]
        indexes: ClassVar = [models.Index(fields=["session_digest", "-created_at"], name="challenge_of_session")]
