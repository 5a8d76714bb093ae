"""Who, and what they may do."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

from accounts.states import Country, KycStatus
from agora.lib.ids import new_id


class User(AbstractUser):
    """A login. What a person may trade hangs on their Customer."""


class Customer(models.Model):
    """The KYC'd person."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="customer")
    full_name = models.CharField(max_length=200)
    country = models.CharField(max_length=2, choices=Country.choices)
    kyc_status = models.CharField(max_length=10, choices=KycStatus.choices, default=KycStatus.PENDING)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(country__in=Country.values), name="customer_country_known"),
            models.CheckConstraint(condition=Q(kyc_status__in=KycStatus.values), name="customer_kyc_status_known"),
        ]

    def __str__(self) -> str:
        return f"customer {self.pk}"


class Wallet(models.Model):
    """An address at which a customer receives tokens."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="wallets")
    address = models.CharField(max_length=42, unique=True)  # EIP-55 checksummed
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(address__regex=r"^0x[0-9a-fA-F]{40}$"), name="wallet_address_shape"),
        ]

    def __str__(self) -> str:
        return self.address


class ApiToken(models.Model):
    """A bearer token. The token itself is shown once; only its SHA-256 is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16)  # enough to recognise it, not to use it
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}…"


class Hold(models.Model):
    """An owned reason that stops an order, an asset, a customer or everything. Holds are a set: release your own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject = models.CharField(max_length=80)  # "order:<uuid>", "asset:AAPL", "customer:<uuid>", "everything"
    owner = models.CharField(max_length=64)
    reason = models.TextField()
    placed_at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject", "owner"], condition=Q(released_at=None), name="hold_one_an_owner"
            ),
            models.CheckConstraint(
                condition=Q(subject="everything") | Q(subject__regex=r"^(order|asset|customer):[^:]+$"),
                name="hold_subject_shape",
            ),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gt=models.F("placed_at")), name="hold_until_after_placed"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["subject"], condition=Q(released_at=None), name="hold_active")]

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}"
