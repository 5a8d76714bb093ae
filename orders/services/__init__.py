"""Writes about orders. One module a verb; callers use these names."""

from orders.services.cancelling import cancel_order, send_cancel
from orders.services.corporate_actions import watch_corporate_actions
from orders.services.following import catch_up, follow_trade_updates, list_at_broker
from orders.services.ingesting import ingest_execution, ingest_malformed, ingest_report
from orders.services.market_hours import refresh_clock
from orders.services.monitoring import evaluate_rules
from orders.services.placing import place_order, preview_order, register_asset
from orders.services.pricing import record_price, refresh_prices
from orders.services.progress import report_custody, report_minted
from orders.services.rating import record_rate, refresh_rates
from orders.services.settling import close_never_placed, never_placed_refusal, settle_by_brokers_sum, settlement_refusal
from orders.services.steering import cancel_order_for, close_order, hold_order, look_up_order
from orders.services.submitting import submit_order
from orders.services.sweeping import sweep_orders

__all__ = [
    "cancel_order",
    "cancel_order_for",
    "catch_up",
    "close_never_placed",
    "close_order",
    "evaluate_rules",
    "follow_trade_updates",
    "hold_order",
    "ingest_execution",
    "ingest_malformed",
    "ingest_report",
    "list_at_broker",
    "look_up_order",
    "never_placed_refusal",
    "place_order",
    "preview_order",
    "record_price",
    "record_rate",
    "refresh_clock",
    "refresh_prices",
    "refresh_rates",
    "register_asset",
    "report_custody",
    "report_minted",
    "send_cancel",
    "settle_by_brokers_sum",
    "settlement_refusal",
    "submit_order",
    "sweep_orders",
    "watch_corporate_actions",
]
