"""Fields of the wire: decimal strings, and text that a database can keep."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agora.lib.money import SHARE_DECIMALS, InexactQuantity, plain, shares

WHOLE_DIGITS = 9  # before the point, as in the database
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,9})?", re.ASCII)
_DECIMAL = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "example": "0.25"}


class Text(serializers.CharField):
    """Text that is sent as text: a number is not one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Code(serializers.RegexField):
    """Text of a form, sent as text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(_DECIMAL)
class DecimalString(serializers.Field[Any, Any, str, Any]):
    """Written without trailing zeros."""

    def to_representation(self, value: Any) -> str:
        return plain(value)


@extend_schema_field({**_DECIMAL, "example": "1000.00"})
class MoneyField(serializers.Field[Any, Any, str, Any]):
    """US dollars, with cents."""

    def to_representation(self, value: Any) -> str:
        return f"{value:.2f}"


@extend_schema_field(_DECIMAL)
class QuantityField(DecimalString):
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


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9})?$"},
            {"type": "number", "exclusiveMinimum": 0},
        ]
    }
)
class QuantityInField(QuantityField):
    """A quantity in a request: the text form is exact everywhere, a JSON number is read exactly here."""
