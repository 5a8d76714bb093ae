"""The wire of mints."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from agora.lib.api.fields import DecimalString, QuantityField


class MintProofSerializer(serializers.Serializer[Any]):
    sequence = serializers.IntegerField()
    mint_key = serializers.CharField()
    quantity = QuantityField()
    status = serializers.CharField()
    tx_hash = serializers.CharField()
    block_number = serializers.IntegerField(allow_null=True)
    explorer_url = serializers.CharField()


class BalanceSerializer(serializers.Serializer[Any]):
    asset = serializers.CharField(source="symbol")
    token_symbol = serializers.CharField()
    token_address = serializers.CharField()
    chain_id = serializers.IntegerField()
    wallet = serializers.CharField()
    balance = DecimalString(help_text="Tokens; one is a share.")
