from django.contrib import admin

from agora.lib.admin import ReadOnlyAdmin, ReadOnlyInline
from orders.models import Asset, AssetPrice, BrokerMessage, FeedHealth, Fill, FxRate, MarketClock, Order, OrderEvent


class EventInline(ReadOnlyInline):
    model = OrderEvent


class FillInline(ReadOnlyInline):
    model = Fill


@admin.register(Asset)
class AssetAdmin(ReadOnlyAdmin):
    list_display = ("symbol", "name", "token_symbol", "min_quantity", "max_quantity", "is_tradable")


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("id", "asset", "quantity", "filled_quantity", "status", "broker_status", "created_at", "updated_at")
    list_filter = ("status", "asset")
    list_select_related = ("asset",)
    search_fields = ("=id", "=client_order_id", "=broker_client_order_id", "=broker_order_id", "=recipient")
    ordering = ("-created_at",)
    inlines = (EventInline, FillInline)


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
