"""The wire of custody records."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from agora.lib.api.fields import QuantityField


class CustodyProofSerializer(serializers.Serializer[Any]):
    sequence = serializers.IntegerField()
    quantity = QuantityField()
    status = serializers.CharField()
    custodian_reference = serializers.CharField(source="provider_id")
    updated_at = serializers.DateTimeField()
