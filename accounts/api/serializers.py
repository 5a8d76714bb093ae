"""The wire of a customer's own account."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class CustomerSerializer(serializers.Serializer[Any]):
    customer_id = serializers.UUIDField(source="id")
    country = serializers.CharField()
    kyc_status = serializers.CharField(source="status")
    wallets: serializers.Field[Any, Any, Any, Any] = serializers.SlugRelatedField(
        slug_field="address", many=True, read_only=True
    )
