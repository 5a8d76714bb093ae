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


class ReportContentSerializer(ReportSerializer):
    content = serializers.DictField(help_text="docs/proof-of-reserves.md says what it holds, byte for byte.")
