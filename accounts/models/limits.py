"""How much a customer may buy, and how much of it is used."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from accounts.models.people import Customer
from accounts.states import Country, LimitUseKind
from agora.lib.statemachine import append_only


class Tier(models.Model):
    """What the customers of a country and level may do. A row, so that a change of rules is no release."""

    country = models.CharField(max_length=2, choices=Country.choices)
    level = models.PositiveSmallIntegerField()
    daily_limit_usd = models.DecimalField(max_digits=14, decimal_places=2)
    portfolio_cap_usd = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)  # None: no cap
    min_quantity = models.DecimalField(max_digits=18, decimal_places=9)  # shares an order, at the least

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["country", "level"], name="tier_once"),
            models.CheckConstraint(
                condition=Q(daily_limit_usd__gt=0) & Q(min_quantity__gt=0) & Q(level__gt=0), name="tier_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.country} tier {self.level}"


class LimitDay(models.Model):
    """A customer's calendar day: the sum of its uses. A cache that the audit checks, and the row that races meet at."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="limit_days", db_index=False)
    day = models.DateField()  # where the customer lives
    used_usd = models.DecimalField(max_digits=14, decimal_places=2)
    limit_usd = models.DecimalField(max_digits=14, decimal_places=2)  # the tier's, at the latest use

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer", "day"], name="limit_day_once"),
            models.CheckConstraint(
                condition=Q(used_usd__gte=0) & Q(used_usd__lte=F("limit_usd")), name="limit_day_within"
            ),
        ]


class LimitUse(models.Model):
    """An order took, or gave back, a part of a day's limit."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="limit_uses", db_index=False)
    order_id = models.UUIDField()  # of a later app: no foreign key upwards
    kind = models.CharField(max_length=10, choices=LimitUseKind.choices)
    day = models.DateField()
    amount_usd = models.DecimalField(max_digits=14, decimal_places=2)  # a RELEASE is negative
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order_id", "kind"], name="limit_use_once_an_order"),
            models.CheckConstraint(
                condition=Q(kind="RELEASE", amount_usd__lt=0) | Q(kind__in=["REINSTATE", "RESERVE"], amount_usd__gt=0),
                name="limit_use_sign",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer", "day"], name="limit_use_of_day"),
            # Rows come in the order of their time: this finds the recent ones, and costs intake next to nothing.
            BrinIndex(fields=["at"], autosummarize=True, pages_per_range=16, name="limit_use_recent"),
        ]
        triggers: ClassVar = append_only()
