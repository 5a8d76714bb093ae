"""What a customer may type on the Buy page."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from orders.forms import LocalDecimalField


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("en", "0.25", "0.25"),
        ("en", "0,25", "0.25"),
        ("pt-br", "0,25", "0.25"),
        ("pt-br", "0.25", "0.25"),
        ("es", " 1 000,5 ", "1000.5"),
        ("pt-br", "0.125", "0.125"),  # a thousand never begins with a zero
        ("pt-br", "1,125", "1.125"),
        ("en", "1.125", "1.125"),
        ("en", "12", "12"),
        ("en", "1.0000", "1"),
    ],
)
def test_a_comma_and_a_point_are_both_decimal(language: str, typed: str, meant: str) -> None:
    with translation.override(language):
        assert LocalDecimalField().clean(typed) == Decimal(meant)


@pytest.mark.parametrize(("language", "typed"), [("en", "1,000"), ("pt-br", "1.000"), ("es", "12.500")])
def test_what_could_be_a_thousand_or_a_fraction_is_refused(language: str, typed: str) -> None:
    with translation.override(language), pytest.raises(ValidationError) as refusal:
        LocalDecimalField().clean(typed)

    assert [error.code for error in refusal.value.error_list] == ["ambiguous"]


@pytest.mark.parametrize("typed", ["1.000.000", "1,000.50", "NaN", "Infinity", "1e3", "0x10", "٠٫٢٥", "--1", "one"])
def test_what_is_not_one_number_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        LocalDecimalField(max_digits=18, decimal_places=9).clean(typed)
