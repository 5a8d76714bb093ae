"""Shares and wei: exact both ways, or an exception."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agora.lib.money import InexactQuantity, plain, shares, shares_from_wei, wei_from_shares

NANO = 10**9  # wei in 10**-9 share
LARGEST = 10**27 - 1  # in 10**-9 shares: below 10**18 shares

slow_machine = settings(deadline=None)  # what is asked is what is true, not how fast
nanoshares = st.integers(-LARGEST, LARGEST)
halves = st.integers(-LARGEST // 2 + 1, LARGEST // 2)


def _shares(nano: int) -> Decimal:
    """The quantity, without arithmetic that could round."""
    sign, digits = ("-" if nano < 0 else ""), f"{abs(nano):010d}"
    return Decimal(f"{sign}{digits[:-9]}.{digits[-9:]}")


@slow_machine
@given(nanoshares)
def test_every_quantity_survives_the_way_to_wei_and_back(nano: int) -> None:
    quantity = _shares(nano)

    assert wei_from_shares(quantity) == nano * NANO
    assert shares_from_wei(nano * NANO) == quantity


@slow_machine
@given(halves, halves)
def test_the_wei_of_a_sum_is_the_sum_of_the_wei(one: int, other: int) -> None:
    assert wei_from_shares(_shares(one + other)) == wei_from_shares(_shares(one)) + wei_from_shares(_shares(other))


@slow_machine
@given(nanoshares, st.integers(1, NANO - 1))
def test_dust_below_a_billionth_of_a_share_is_never_rounded_away(nano: int, dust: int) -> None:
    with pytest.raises(InexactQuantity, match="not a multiple"):
        shares_from_wei(nano * NANO + dust)


@slow_machine
@given(nanoshares, st.integers(10, 60), st.integers(1, 9))
def test_a_tenth_decimal_is_never_rounded_away(nano: int, place: int, digit: int) -> None:
    value = f"{_shares(nano):f}{'0' * (place - 10)}{digit}"

    with pytest.raises(InexactQuantity, match="more than 9 decimals"):
        shares(value)


@slow_machine
@given(nanoshares, st.integers(0, 40))
def test_zeros_after_the_ninth_decimal_are_no_decimals(nano: int, zeros: int) -> None:
    assert shares(f"{_shares(nano):f}{'0' * zeros}") == _shares(nano)


@slow_machine
@given(nanoshares)
def test_a_quantity_has_exactly_nine_decimals(nano: int) -> None:
    assert shares(_shares(nano)).as_tuple().exponent == -9


@slow_machine
@given(nanoshares)
def test_plain_text_says_the_same_number_without_an_exponent_or_trailing_zeros(nano: int) -> None:
    text = plain(_shares(nano))

    assert Decimal(text) == _shares(nano)
    assert "E" not in text
    assert "." not in text or text[-1] not in "0."


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.250000000", "0.25"), ("2.5E-1", "0.25"), ("100", "100"), ("1E+2", "100"), ("0E-9", "0"), ("1.0", "1")],
)
def test_plain_text_of(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity", "1e18", "-1e18", "1e999999"])
def test_what_is_no_quantity_raises(value: str) -> None:
    with pytest.raises(InexactQuantity, match="is not a quantity of shares"):
        shares(value)


@slow_machine
@given(st.integers(0, 2**256 // NANO))
def test_every_uint256_of_whole_nanoshares_is_exact(nano: int) -> None:
    assert shares_from_wei(nano * NANO) == _shares(nano)
