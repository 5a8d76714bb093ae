"""Exact conversions between shares and wei. A conversion that would round raises."""

from __future__ import annotations

from decimal import Decimal

SHARE_DECIMALS = 9  # Alpaca's finest fraction of a share
TOKEN_DECIMALS = 18  # the ERC-20's
_WEI = Decimal(10) ** TOKEN_DECIMALS
_STEP = Decimal(1).scaleb(-SHARE_DECIMALS)


class InexactQuantity(ValueError):
    """The value has more decimals than its unit."""


def shares(value: Decimal | str) -> Decimal:
    """A quantity of shares with exactly 9 decimals. Raises InexactQuantity instead of rounding."""
    quantity = Decimal(value)
    if not quantity.is_finite() or abs(quantity) >= Decimal(10) ** 18:
        raise InexactQuantity(f"{value} is not a quantity of shares")
    exact = quantity.quantize(_STEP)
    if exact != quantity:
        raise InexactQuantity(f"{value} has more than {SHARE_DECIMALS} decimals")
    return exact


def wei_from_shares(quantity: Decimal | str) -> int:
    """One share is 10**18 wei of its token."""
    return int(shares(quantity) * _WEI)


def shares_from_wei(amount_wei: int) -> Decimal:
    """The shares behind an amount of tokens. Raises InexactQuantity where it is not a whole number of 10**-9 shares."""
    quantity, dust = divmod(amount_wei, 10 ** (TOKEN_DECIMALS - SHARE_DECIMALS))
    if dust:
        raise InexactQuantity(f"{amount_wei} wei is not a multiple of 10**-{SHARE_DECIMALS} share")
    return Decimal(f"{quantity}E-{SHARE_DECIMALS}")  # from a string: arithmetic would round to 28 digits


def tokens_from_wei(amount_wei: int) -> Decimal:
    """An amount in whole tokens, exactly, dust and all."""
    return Decimal(f"{amount_wei}E-{TOKEN_DECIMALS}")


def plain(value: Decimal) -> str:
    """`0.25`, not `0.250000000` and not `2.5E-1`."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
