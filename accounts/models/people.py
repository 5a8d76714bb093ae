"""Logins, customers, their wallets and holds."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q

from accounts.states import CLOSED, MOVES, Country, KycStatus, Language, RejectKind
from agora.lib.ids import new_id
from agora.lib.statemachine import StateEvent, Stateful, append_only, state_triggers


class User(AbstractUser):
    """A login. What a person may trade hangs on their Customer."""

    class Meta(AbstractUser.Meta):
        permissions: ClassVar = [("reset_factor_user", "Can take a login's second factor away")]


class Customer(Stateful):
    """The KYC'd person. The status is their identity check's; what they told us is complete from `submitted_at` on."""

    MOVES: ClassVar = MOVES

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="customer")
    full_name = models.CharField(max_length=200, blank=True)
    country = models.CharField(max_length=2, choices=Country.choices, blank=True)
    email = models.EmailField(max_length=254, blank=True)
    language = models.CharField(max_length=5, choices=Language.choices, default=Language.EN)  # of our e-mails to them
    email_confirmed_at = models.DateTimeField(null=True, blank=True)
    tax_id_sealed = models.TextField(blank=True)  # accounts.pii: encrypted, bound to this row
    tax_id_index = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 - NULLs do not collide
    tier_level = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=10, choices=KycStatus.choices, default=KycStatus.PENDING)
    submitted_at = models.DateTimeField(null=True, blank=True)
    kyc_provider = models.CharField(max_length=16, blank=True)
    kyc_applicant_id = models.CharField(max_length=64, blank=True)  # the provider's
    kyc_decided_attempt = models.CharField(max_length=64, blank=True)  # the provider's try whose answer we acted on
    kyc_reject_kind = models.CharField(max_length=5, choices=RejectKind.choices, blank=True)
    kyc_sentence = models.TextField(blank=True)  # why, in words for the customer

    class Meta:
        permissions: ClassVar = [
            ("decide_customer", "Can approve, reject and reopen"),
            ("reveal_customer", "Can read names, addresses and tax ids"),
            ("retier_customer", "Can propose another tier"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(country__in=Country.values) | Q(country="", submitted_at=None),
                name="customer_country_known",
            ),
            models.CheckConstraint(condition=Q(status__in=KycStatus.values), name="customer_status_known"),
            models.UniqueConstraint(fields=["country", "tax_id_index"], name="customer_once_a_tax_id"),
            models.CheckConstraint(
                condition=Q(tax_id_sealed="", tax_id_index=None)
                | Q(tax_id_sealed__regex=r"^v1\.[a-z0-9-]+\.[A-Za-z0-9_-]+=*$", tax_id_index__regex=r"^[0-9a-f]{64}$"),
                name="customer_tax_id_sealed",
            ),
            models.CheckConstraint(
                condition=Q(status="REJECTED", kyc_reject_kind__in=RejectKind.values)
                | (~Q(status="REJECTED") & Q(kyc_reject_kind="")),
                name="customer_reject_kind",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="PENDING"), name="customer_to_sweep"),
        ]
        triggers: ClassVar = state_triggers(
            moves=MOVES,
            initial=KycStatus.PENDING,
            event_table="accounts_customerevent",
            subject_column="customer_id",
        )

    def __str__(self) -> str:
        return f"customer {self.pk}"

    @property
    def kyc_status(self) -> str:
        return self.status


class CustomerEvent(StateEvent):
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="events")

    class Meta(StateEvent.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer", "sequence"], name="customer_event_sequence"),
        ]
        triggers: ClassVar = append_only()


class Wallet(models.Model):
    """An address at which a customer receives tokens."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="wallets")
    address = models.CharField(max_length=42, unique=True)  # EIP-55 checksummed
    created_at = models.DateTimeField()
    proven_at = models.DateTimeField(null=True, blank=True)  # when its owner signed for it; None: bound by staff

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(address__regex=r"^0x[0-9a-fA-F]{40}$"), name="wallet_address_shape"),
        ]

    def __str__(self) -> str:
        return self.address


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
        permissions: ClassVar = [("release_hold", "Can release their own hold, and propose to release another's")]
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
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="closed_for_good",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__owner=CLOSED),
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}"

    @property
    def version(self) -> str:
        """What a page was about: a hold changes once, when it is released."""
        return "released" if self.released_at else "active"
