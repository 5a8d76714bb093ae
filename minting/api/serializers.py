"""The wire of mints."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from orders.api.serializers import QuantityField


class MintProofSerializer(serializers.Serializer[Any]):
    sequence = serializers.IntegerField()
    mint_key = serializers.CharField()
    quantity = QuantityField()
    status = serializers.CharField()
    tx_hash = serializers.CharField()
    block_number = serializers.IntegerField(allow_null=True)
    explorer_url = serializers.CharField()
