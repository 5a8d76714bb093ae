"""The wire of reserves."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from agora.lib.api.fields import DecimalString


class PositionSerializer(serializers.Serializer[Any]):
    asset = serializers.CharField(source="symbol")
    as_of = serializers.DateTimeField()
    block_number = serializers.IntegerField()
    in_custody = DecimalString()
    supply = DecimalString()
    ratio = DecimalString(allow_null=True)
    open_breaks = serializers.ListField(child=serializers.CharField())
