"""The wire of orders and assets. Quantities are decimal strings, times ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from agora.lib.api.serializers import StrictSerializer
from agora.lib.money import SHARE_DECIMALS, plain


class QuantityField(serializers.DecimalField):
    """Shares: a JSON number or string, more than 0, at most 9 decimals; written without trailing zeros."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=18, decimal_places=SHARE_DECIMALS, **options)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool):
            self.fail("invalid")
        quantity = super().to_internal_value(data)
        if quantity <= 0:
            raise serializers.ValidationError("The quantity must be more than 0.", code="not_positive")
        return quantity

    def to_representation(self, value: Any) -> Any:
        return plain(value)


class PlaceOrderSerializer(StrictSerializer):
    asset = serializers.CharField(max_length=12)
    quantity = QuantityField()
    recipient_wallet = serializers.CharField(max_length=42)
    client_order_id = serializers.RegexField(r"^[\x21-\x7e]+$", max_length=64, required=False, default="")


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
    broker_status = serializers.CharField()
    broker_order_id = serializers.CharField()
    custody_reference = serializers.CharField()
    mint_tx_hash = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
