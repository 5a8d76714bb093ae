"""The wire of reserves."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from agora.lib.money import plain


class SharesField(serializers.Field[Any, Any, str, Any]):
    def to_representation(self, value: Any) -> str:
        return plain(value)


class PositionSerializer(serializers.Serializer[Any]):
    asset = serializers.CharField(source="symbol")
    as_of = serializers.DateTimeField()
    block_number = serializers.IntegerField()
    in_custody = SharesField()
    supply = SharesField()
    ratio = SharesField(allow_null=True)
    open_breaks = serializers.ListField(child=serializers.CharField())


class ReportSerializer(serializers.Serializer[Any]):
    asset = serializers.CharField(source="symbol")
    sequence = serializers.IntegerField()
    report_hash = serializers.CharField()
    previous_hash = serializers.CharField()
    as_of = serializers.CharField(source="said.as_of")
    block_number = serializers.IntegerField(source="said.block_number")
    ratio = serializers.CharField(source="said.ratio")
    attestor = serializers.CharField()
    signature = serializers.CharField()
    published_at = serializers.DateTimeField()
