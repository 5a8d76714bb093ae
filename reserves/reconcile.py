"""Three books of one asset, compared. Pure: quantities in shares, one token a share."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from reserves.states import BreakKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What each party says of one asset."""

    filled: Decimal  # the broker's fills, for customers
    in_custody: Decimal  # our completed custody records
    vault_balance: Decimal  # the custodian's own balance
    minted: Decimal  # our mints that are in a block
    supply: Decimal  # the chain's total supply, at the same block
    broker_position: Decimal | None = None  # the broker's own; None: a run from before it was asked for
    is_broker_quiet: bool = False  # nothing was under way there while the two were read


@dataclass(frozen=True, slots=True)
class Difference:
    kind: BreakKind
    quantity: Decimal  # how far apart, always positive


def compare(books: Books) -> list[Difference]:
    """Every way in which broker's position ≥ fills ≥ custody ≥ supply does not hold, worst first; [] when all agree."""
    checks = [
        (BreakKind.SUPPLY_OVER_CUSTODY, books.supply - books.in_custody),
        (BreakKind.SUPPLY_NOT_OURS, abs(books.supply - books.minted)),
        (BreakKind.VAULT_SHORT, books.in_custody - books.vault_balance),
        (BreakKind.CUSTODY_OVER_FILLED, books.in_custody - books.filled),
    ]
    if books.broker_position is not None:
        # Our fills were read before the position: a fill under way can only make that one larger.
        checks.append((BreakKind.BROKER_SHORT, books.filled - books.broker_position))
        if books.is_broker_quiet:
            checks.append((BreakKind.BROKER_OVER, books.broker_position - books.filled))
    return [Difference(kind, quantity) for kind, quantity in checks if quantity > 0]


NANO = Decimal("1e-9")  # a broker's position has nine decimals, rounded where a split made more


def split_of(books: Books) -> Fraction | None:
    """New shares for an old one, where the broker's position is what a split makes of all our fills; else None.

    What companies do: n:1, odd ratios of small numbers (3:2, 5:4), stock dividends of whole percents. A position that
    is larger by chance seldom hits one to nine decimals; then people look once for nothing.
    """
    if books.broker_position is None or not books.is_broker_quiet or not books.filled < books.broker_position:
        return None
    near = Fraction(books.broker_position / books.filled).limit_denominator(100) if books.filled else Fraction(0)
    is_usual = near.denominator == 1 or near.denominator <= 10 >= near.numerator or near <= 2
    expected = books.filled * near.numerator / near.denominator
    return near if is_usual and 1 < near <= 100 and abs(expected - books.broker_position) <= NANO else None


def ratio(books: Books) -> Decimal | None:
    """Shares a token, by the smaller of our records and the custodian's balance, to four decimals, rounded down; None
    while there is no token. As a report has it."""
    if not books.supply:
        return None
    return (min(books.in_custody, books.vault_balance) / books.supply).quantize(
        Decimal("0.0001"), rounding="ROUND_DOWN"
    )
