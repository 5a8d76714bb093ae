"""Orders and what the broker said about them."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

import pgtrigger
from django.db import models
from django.db.models import F, Q

from agora.lib.statemachine import StateEvent, Stateful, append_only, event_triggers, state_triggers
from orders.brokers.base import ExecutionKind
from orders.states import FINAL, FIRST_STAGE, MOVES, OPEN, STAGE, OrderStatus, Resolution


class Asset(models.Model):
    """A listed security that customers may buy, and the limits of one order of it."""

    symbol = models.CharField(max_length=12, unique=True)
    name = models.CharField(max_length=120)
    token_symbol = models.CharField(max_length=24, unique=True)
    min_quantity = models.DecimalField(max_digits=18, decimal_places=9)  # shares
    max_quantity = models.DecimalField(max_digits=18, decimal_places=9)  # shares
    is_tradable = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(min_quantity__gt=0) & Q(max_quantity__gte=F("min_quantity")), name="asset_quantity_limits"
            )
        ]

    def __str__(self) -> str:
        return self.symbol


class AssetPrice(models.Model):
    """The latest price that we believe. Refreshed by the follower's loop "prices"; `orders.market.quote` judges it."""

    asset = models.OneToOneField(Asset, on_delete=models.CASCADE, primary_key=True, related_name="price")
    price_usd = models.DecimalField(max_digits=18, decimal_places=9)  # a share
    at = models.DateTimeField()  # when it was made: hours ago while the market is closed
    checked_at = models.DateTimeField()  # when a source last answered with this price or an older one
    source = models.CharField(max_length=16, blank=True)  # who told this price
    # A price so far from ours that a second reading must agree before we believe it; while it stands, buying pauses.
    suspect_price_usd = models.DecimalField(max_digits=18, decimal_places=9, null=True, blank=True)
    suspect_at = models.DateTimeField(null=True, blank=True)
    suspect_source = models.CharField(max_length=16, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(price_usd__gt=0), name="price_positive"),
            models.CheckConstraint(
                condition=Q(suspect_price_usd__isnull=True, suspect_at__isnull=True)
                | Q(suspect_price_usd__gt=0, suspect_at__isnull=False),
                name="price_suspect_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"price of asset {self.asset_id}"


class PricePoint(models.Model):
    """The first price that we believed in an hour, kept for a month: for charts, and for nothing else."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="price_points")
    hour = models.DateTimeField()
    price_usd = models.DecimalField(max_digits=18, decimal_places=9)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["asset", "hour"], name="price_point_once_an_hour"),
            models.CheckConstraint(condition=Q(price_usd__gt=0), name="price_point_positive"),
        ]

    def __str__(self) -> str:
        return f"price of asset {self.asset_id} at {self.hour}"


class MarketClock(models.Model):
    """What a broker last said of its market's regular session."""

    broker = models.CharField(max_length=16, primary_key=True)
    is_open = models.BooleanField()
    next_open = models.DateTimeField()
    next_close = models.DateTimeField()
    at = models.DateTimeField()  # the broker's own time when it said so
    checked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"market of {self.broker}"


class Currency(models.TextChoices):
    BRL = "BRL", "Brazilian real"
    PYG = "PYG", "Paraguayan guaraní"


class FxRate(models.Model):
    """A reference rate of the dollar, for display only: no limit and no order ever depends on it."""

    currency = models.CharField(max_length=3, choices=Currency.choices, primary_key=True)
    per_usd = models.DecimalField(max_digits=18, decimal_places=6)  # so many of it for a dollar
    at = models.DateTimeField()  # of which moment
    source = models.CharField(max_length=64)  # as it is shown to customers
    checked_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(per_usd__gt=0), name="rate_positive"),
            models.CheckConstraint(condition=Q(currency__in=Currency.values), name="rate_currency_known"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.per_usd} a dollar"


class FeedHealth(models.Model):
    """How a source of prices, rates or market hours does: its last answer, and its last failure in its own words."""

    feed = models.CharField(max_length=48, primary_key=True)  # "price:AAPL:broker-trade", "clock:alpaca", "rate:BRL"
    answered_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)  # of the last failure; kept when it answers again
    failures = models.PositiveIntegerField(default=0)  # since the last answer

    class Meta:
        verbose_name_plural = "feed health"

    def __str__(self) -> str:
        return self.feed


class Order(Stateful):
    """One instruction to buy. Sums are caches of its fills and of what later apps reported; the audit checks them."""

    MOVES: ClassVar = MOVES
    EMITS: ClassVar = {OrderStatus.PENDING: "order.accepted"}

    # Indexes of every order are few: intake pays for each. `order_of_customer` begins with this one.
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="orders", db_index=False)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="orders")
    quantity = models.DecimalField(max_digits=18, decimal_places=9)  # shares asked for
    recipient = models.CharField(max_length=42)  # EIP-55
    client_order_id = models.CharField(max_length=64)  # the customer's: idempotency here
    broker_client_order_id = models.CharField(max_length=48)  # ours: idempotency at the broker
    status = models.CharField(max_length=24, choices=OrderStatus.choices, default=OrderStatus.PENDING)
    reason = models.TextField(blank=True)  # why it was rejected, cancelled or expired
    uncertain_since = models.DateTimeField(null=True, blank=True)  # a submission whose outcome we do not know

    cancel_requested_at = models.DateTimeField(null=True, blank=True)  # the intent: kept before the broker is asked
    cancel_requested_by = models.CharField(max_length=64, blank=True)
    cancel_answered_at = models.DateTimeField(null=True, blank=True)  # the broker took the request, or refused it
    cancel_refusal = models.TextField(blank=True)  # its words, where it refused

    broker = models.CharField(max_length=16)
    broker_order_id = models.CharField(max_length=64, blank=True)
    broker_status = models.CharField(max_length=32, blank=True)  # the broker's own word
    broker_phase = models.CharField(max_length=12, blank=True)  # what that word means to us
    broker_filled_quantity = models.DecimalField(max_digits=18, decimal_places=9, default=0)  # the broker's own sum
    broker_updated_at = models.DateTimeField(null=True, blank=True)

    filled_quantity = models.DecimalField(max_digits=18, decimal_places=9, default=0)
    filled_avg_price = models.DecimalField(max_digits=18, decimal_places=9, null=True, blank=True)  # US$ a share
    custody_quantity = models.DecimalField(max_digits=18, decimal_places=9, default=0)
    minted_quantity = models.DecimalField(max_digits=18, decimal_places=9, default=0)
    settled_quantity = models.DecimalField(max_digits=18, decimal_places=9, default=0)
    custody_reference = models.CharField(max_length=64, blank=True)  # the custodian's id of the latest movement
    mint_tx_hash = models.CharField(max_length=66, blank=True)  # of the latest mint that is in a block

    class Meta:
        permissions: ClassVar = [
            ("look_up_order", "Can have an uncertain order looked up at the broker"),
            ("cancel_order", "Can have an order cancelled"),
            ("hold_order", "Can hold an order"),
            ("settle_order", "Can propose to settle an order against the broker's words"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer", "client_order_id"], name="order_once_a_client_id"),
            models.UniqueConstraint(fields=["broker_client_order_id"], name="order_once_a_broker_client_id"),
            models.UniqueConstraint(
                fields=["broker", "broker_order_id"], condition=~Q(broker_order_id=""), name="order_once_at_the_broker"
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_quantity_positive"),
            models.CheckConstraint(
                condition=Q(cancel_answered_at=None) | Q(cancel_requested_at__isnull=False),
                name="order_cancel_answered_after_asked",
            ),
            models.CheckConstraint(
                condition=Q(filled_quantity__gte=0) & Q(filled_quantity__lte=F("quantity")), name="order_not_overfilled"
            ),
            models.CheckConstraint(condition=Q(custody_quantity__gte=0), name="order_custody_not_negative"),
            models.CheckConstraint(condition=Q(minted_quantity__gte=0), name="order_minted_not_negative"),
            models.CheckConstraint(
                condition=Q(settled_quantity__lte=F("minted_quantity")), name="order_settled_minted"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["REJECTED", "CANCELLED", "EXPIRED"]) | Q(filled_quantity=0),
                name="order_out_only_unfilled",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(status__in=sorted([*OPEN, "FILLED"])), name="order_to_sweep"
            ),
            models.Index(fields=["customer", "-created_at"], name="order_of_customer"),
            models.Index(
                fields=["status", "updated_at"], condition=~Q(status__in=sorted(FINAL)), name="order_unfinished"
            ),
            # Few of all orders: the broker may have something to say about them that we have not added up.
            models.Index(
                fields=["updated_at"],
                condition=~Q(filled_quantity=F("broker_filled_quantity")),
                name="order_disagreeing",
            ),
        ]
        triggers: ClassVar = [
            *state_triggers(
                moves=MOVES,
                initial=OrderStatus.PENDING,
                event_table="orders_orderevent",
                subject_column="order_id",
            ),
            pgtrigger.ReadOnly(
                name="instruction_is_fixed",
                fields=["customer", "asset", "quantity", "recipient", "client_order_id", "broker_client_order_id"],
            ),
        ]

    def __str__(self) -> str:
        return f"order {self.pk}"

    @property
    def about_order(self) -> UUID:
        order_id: UUID = self.pk
        return order_id

    @property
    def stage(self) -> str:
        """What a customer calls the status."""
        return STAGE.get(self.status, FIRST_STAGE)


class OrderClosing(models.Model):
    """An order that cannot be completed here was settled outside: two people said so. No status changes by it."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="closing")
    cause = models.CharField(max_length=80)  # custody:<uuid> or mint:<uuid>, which FAILED
    resolution = models.CharField(max_length=16, choices=Resolution.choices)
    reference = models.CharField(max_length=120)  # of the case at the custodian, the bank or the broker
    closed_by = models.CharField(max_length=64)
    reason = models.TextField()
    closed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(resolution__in=Resolution.values), name="closing_resolution_known"),
            models.CheckConstraint(condition=~Q(reference=""), name="closing_has_a_reference"),
        ]
        triggers: ClassVar = append_only()

    def __str__(self) -> str:
        return f"closing of order {self.order_id}"


class OrderEvent(StateEvent):
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events", db_index=False)

    class Meta(StateEvent.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "sequence"], name="order_event_sequence"),
        ]
        triggers: ClassVar = event_triggers(subject_table="orders_order", subject_column="order_id")


class Fill(models.Model):
    """One execution as the broker reported it. Busts and corrections are further facts; the sum is recomputed."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    broker = models.CharField(max_length=16)
    execution_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.value) for kind in ExecutionKind])
    quantity = models.DecimalField(max_digits=18, decimal_places=9)  # shares, as stated
    price_usd = models.DecimalField(max_digits=18, decimal_places=9)  # a share
    corrects = models.CharField(max_length=64, blank=True)
    executed_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["broker", "execution_id"], name="fill_once_an_execution"),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="fill_quantity_not_negative"),
        ]
        triggers: ClassVar = append_only()


class BrokerMessage(models.Model):
    """What the broker said, word for word, once, and what we made of it."""

    source = models.CharField(max_length=12)  # submit | lookup | list | stream | executions
    event = models.CharField(max_length=40, blank=True)
    broker_order_id = models.CharField(max_length=64, blank=True, db_index=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="broker_messages")
    digest = models.CharField(max_length=64, unique=True)  # of source, order and payload: a repetition is not kept
    payload = models.JSONField()
    outcome = models.CharField(max_length=16)  # APPLIED | STALE | UNKNOWN | MALFORMED | ORPHAN | FOREIGN | MISMATCH
    received_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["-received_at"], condition=~Q(outcome="APPLIED"), name="message_not_applied"),
        ]
        triggers: ClassVar = append_only()


class FeedCursor(models.Model):
    """How far a feed has been read. Moved only after what was read is committed."""

    name = models.CharField(max_length=32, primary_key=True)
    position = models.DateTimeField()
