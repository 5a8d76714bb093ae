"""Serializers that say what they do not understand."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses fields it does not know: a misspelt field is an error, not a default."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            problem = serializers.ErrorDetail("Send a JSON object.", code="not_an_object")
            raise serializers.ValidationError({"non_field_errors": [problem]})
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            problem = serializers.ErrorDetail("This field is not known here.", code="unknown_field")
            raise serializers.ValidationError({name: [problem] for name in unknown})
        return super().to_internal_value(data)
