"""The wire of orders and assets. Quantities are decimal strings, times ISO 8601 in UTC."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from rest_framework import serializers

from agora.lib.api.serializers import StrictSerializer
from agora.lib.money import SHARE_DECIMALS, InexactQuantity, plain, shares

WHOLE_DIGITS = 9  # before the point, as in the database
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,9})?", re.ASCII)


class QuantityField(serializers.Field[Any, Any, str, Any]):
    """Shares: a JSON number or string, more than 0, at most 9 decimals; written without trailing zeros."""

    default_error_messages: ClassVar = {
        "invalid": "Send a number, or a string of one.",
        "not_positive": "The quantity must be more than 0.",
        "too_precise": f"A share has at most {SHARE_DECIMALS} decimals.",
        "too_large": "The quantity is beyond what any order can be.",
    }

    def to_internal_value(self, data: Any) -> Decimal:
        # By the letter: Decimal itself would take "1_000", " 1 " and other scripts' digits.
        if isinstance(data, bool) or not isinstance(data, int | Decimal | str) or not _NUMBER.fullmatch(str(data)):
            self.fail("invalid")
        quantity = Decimal(str(data))
        if quantity <= 0:
            self.fail("not_positive")
        if quantity.adjusted() >= WHOLE_DIGITS:
            self.fail("too_large")
        try:
            return shares(quantity)
        except (InexactQuantity, InvalidOperation):
            self.fail("too_precise")

    def to_representation(self, value: Any) -> str:
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
