from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.services import propose
from agora.lib.admin import Act, ReadOnlyAdmin, ReasonedAction, ReasonedAdmin
from agora.lib.dossiers import OrderSubject, dossier_for
from agora.lib.money import plain
from orders import services
from orders.errors import OrderNotSettleable
from orders.forms import HoldForm, SettlementForm
from orders.models import Asset, AssetPrice, BrokerMessage, FeedHealth, FxRate, MarketClock, Order
from orders.states import CANCELLABLE, WITHOUT_FILL
from orders.states import OrderStatus as S


@admin.register(Asset)
class AssetAdmin(ReadOnlyAdmin):
    list_display = ("symbol", "name", "token_symbol", "min_quantity", "max_quantity", "is_tradable")


def _is_uncertain(row: Order, user: Any) -> str:
    return "" if row.status == S.SUBMITTING else f"It is {row.status}."


def _is_cancellable(row: Order, user: Any) -> str:
    if row.status not in CANCELLABLE:
        return f"It is {row.status}."
    return "It was asked to be cancelled already." if row.cancel_requested_at else ""


def _has_a_way_to_go(row: Order, user: Any) -> str:
    return f"It is {row.status}." if row.status in (S.SETTLED, *WITHOUT_FILL) else ""


def _look_up(row: Order, act: Act) -> None:
    services.look_up_order(order_id=row.pk, actor=act.actor, reason=act.reason, now=act.now)


def _cancel(row: Order, act: Act) -> None:
    services.cancel_order_for(order_id=row.pk, actor=act.actor, reason=act.reason, now=act.now)


def _hold(row: Order, act: Act, *, hours: int | None) -> None:
    until = act.now + timedelta(hours=hours) if hours else None
    services.hold_order(order_id=row.pk, actor=act.actor, reason=act.reason, until=until, now=act.now)


def _propose_settlement(row: Order, act: Act, *, price_usd: Decimal | None) -> None:
    sums = {"ours": plain(row.filled_quantity), "theirs": plain(row.broker_filled_quantity)}
    if row.broker_filled_quantity > row.filled_quantity and not price_usd:
        raise OrderNotSettleable("The broker bought more than our executions tell: give the price of the rest.")
    _propose(row, act, "order.settle", {**sums, "price_usd": plain(price_usd) if price_usd else ""})


def _propose_never_placed(row: Order, act: Act) -> None:
    _propose(row, act, "order.never_placed", {"broker_client_order_id": row.broker_client_order_id})


def _propose(row: Order, act: Act, action: str, payload: dict[str, str]) -> None:
    propose(
        action=action, subject=f"order:{row.pk}", payload=payload, proposer=act.user, reason=act.reason, now=act.now
    )


def _what_cancelling_does(row: Order) -> list[str]:
    if row.status == S.PENDING:
        return ["The broker has not heard of it: it is CANCELLED at once, and the customer's limit is given back."]
    return [
        f"The broker is asked to cancel what is not filled: {row.quantity - row.filled_quantity:f} shares.",
        "What is filled, or is filled before the broker answers, goes on to be held and minted.",
    ]


ORDER_ACTIONS = (
    ReasonedAction(
        name="look-up",
        title="Look it up at the broker now",
        permission="orders.look_up_order",
        run=_look_up,
        refusal=_is_uncertain,
        preview=lambda row: [
            f"A worker asks {row.broker} for {row.broker_client_order_id}, now instead of at its next turn.",
            "If the broker never got it and the time of grace is over, it is sent again under the same id: once there.",
        ],
    ),
    ReasonedAction(
        name="hold",
        title="Hold it",
        permission="orders.hold_order",
        run=_hold,
        form=HoldForm,
        refusal=_has_a_way_to_go,
        preview=lambda row: [
            "Nothing new is begun for it: no submission, no transfer, no signature. What was sent out goes on.",
            "The hold is yours; one that you have there already is replaced by this.",
        ],
    ),
    ReasonedAction(
        name="cancel",
        title="Cancel it",
        permission="orders.cancel_order",
        run=_cancel,
        refusal=_is_cancellable,
        is_dangerous=True,
        preview=_what_cancelling_does,
    ),
    ReasonedAction(
        name="propose-settlement",
        title="Propose to settle it by the broker's sum",
        permission="orders.settle_order",
        run=_propose_settlement,
        form=SettlementForm,
        refusal=lambda row, user: services.settlement_refusal(order=row),
        is_dangerous=True,
        preview=lambda row: [
            f"The broker says {plain(row.broker_filled_quantity)}, its executions add up to"
            f" {plain(row.filled_quantity)}. Check the broker's own statement first.",
            "Once somebody else approves within 24 hours, the broker's sum counts: what is missing or was taken back is"
            " written down as executions of staff. With nothing left the order ends, and the limit is given back.",
            "Holds stay until they are released.",
        ],
    ),
    ReasonedAction(
        name="propose-never-placed",
        title="Propose to close it as never placed",
        permission="orders.settle_order",
        run=_propose_never_placed,
        refusal=lambda row, user: services.never_placed_refusal(order=row, now=timezone.now()),
        is_dangerous=True,
        preview=lambda row: [
            f"The broker does not know {row.broker_client_order_id}: look into its console first.",
            "Once somebody else approves within 24 hours, it is CANCELLED, its id is never sent again, and the"
            " customer's limit is given back. Should a fill show up after all, it is the customer's.",
        ],
    ),
)


@admin.register(Order)
class OrderAdmin(ReasonedAdmin):
    change_form_template = "admin/orders/order/change_form.html"
    list_display = ("id", "asset", "quantity", "filled_quantity", "status", "broker_status", "created_at", "updated_at")
    list_filter = ("status", "asset")
    list_select_related = ("asset",)
    search_fields = ("=id", "=client_order_id", "=broker_client_order_id", "=broker_order_id", "=recipient")
    ordering = ("-created_at",)
    reasoned_actions = ORDER_ACTIONS

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        more = {"dossier": dossier_for(request, _subject(row))} if row and self.has_view_permission(request) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})


def _subject(row: Order) -> OrderSubject:
    return OrderSubject(order_id=row.pk, customer_id=row.customer_id, symbol=row.asset.symbol)


@admin.register(BrokerMessage)
class BrokerMessageAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "source", "event", "outcome", "broker_order_id", "order")
    list_filter = ("outcome", "source")
    search_fields = ("=broker_order_id", "=order__id")
    list_select_related = ("order",)


@admin.register(AssetPrice)
class AssetPriceAdmin(ReadOnlyAdmin):
    list_display = ("asset", "price_usd", "at", "checked_at", "source", "suspect_price_usd", "suspect_at")
    list_select_related = ("asset",)


@admin.register(MarketClock)
class MarketClockAdmin(ReadOnlyAdmin):
    list_display = ("broker", "is_open", "next_open", "next_close", "at", "checked_at")


@admin.register(FxRate)
class FxRateAdmin(ReadOnlyAdmin):
    list_display = ("currency", "per_usd", "at", "source", "checked_at")


@admin.register(FeedHealth)
class FeedHealthAdmin(ReadOnlyAdmin):
    list_display = ("feed", "answered_at", "failures", "failed_at", "problem")
