"""The wire of orders and assets. Quantities are decimal strings, times ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from agora.lib.api.fields import Code, QuantityField, QuantityInField, Text
from agora.lib.api.serializers import StrictSerializer

__all__ = ["QuantityField"]  # where later apps look for it


class PlaceOrderSerializer(StrictSerializer):
    asset = Text(max_length=12, help_text="A symbol of `GET /api/v1/assets`.")
    quantity = QuantityInField(help_text="Shares, at most 9 decimals.")
    recipient_wallet = serializers.CharField(max_length=42, help_text="A proven wallet of the customer's, in EIP-55.")
    client_order_id = Code(
        r"^[\x21-\x7e]+$",
        max_length=64,
        required=False,
        default="",
        help_text="Yours, for ever: a second order of the same id and content is the first one.",
    )


class AssetSerializer(serializers.Serializer[Any]):
    asset = serializers.CharField(source="symbol")
    name = serializers.CharField()
    token_symbol = serializers.CharField()
    min_quantity = QuantityField()
    max_quantity = QuantityField()


class StepSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class OrderSerializer(serializers.Serializer[Any]):
    order_id = serializers.UUIDField(source="id")
    client_order_id = serializers.CharField()
    asset = serializers.CharField(source="asset.symbol")
    quantity = QuantityField()
    filled_quantity = QuantityField()
    filled_avg_price_usd = QuantityField(source="filled_avg_price", allow_null=True)
    recipient_wallet = serializers.CharField(source="recipient")
    status = serializers.CharField()
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    broker_status = serializers.CharField()
    broker_order_id = serializers.CharField()
    custody_reference = serializers.CharField()
    mint_tx_hash = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class OrderDetailSerializer(OrderSerializer):
    """With the four steps, and a sentence that says what is happening."""

    steps = StepSerializer(many=True)
    message = serializers.CharField()


class OrderEventSerializer(serializers.Serializer[Any]):
    sequence = serializers.IntegerField(help_text="Of the order's events, from 1, without a gap.")
    previous_status = serializers.CharField(source="from_status")
    status = serializers.CharField(source="to_status")
    at = serializers.DateTimeField()
