"""Numbers, money and times as people of each language write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from agora.lib import formats

NOON = datetime(2026, 11, 22, 12, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "usd", "pyg", "quantity", "at"),
    [
        ("en", "US$1,234.56", "PYG1,234,567", "1,234.250000001", "22 Nov 2026, 12:00"),
        ("pt-br", "US$ 1.234,56", "PYG 1.234.567", "1.234,250000001", "22 nov. 2026, 12:00"),
        ("es", "USD 1.234,56", "Gs. 1.234.567", "1.234,250000001", "22 nov. 2026, 12:00"),
    ],
)
def test_each_language_writes_its_own_way(language: str, usd: str, pyg: str, quantity: str, at: str) -> None:
    with translation.override(language):
        assert formats.money(Decimal("1234.56"), "USD").replace("\u00a0", " ") == usd
        assert formats.money(Decimal(1234567), "PYG").replace("\u00a0", " ") == pyg
        assert formats.shares(Decimal("1234.250000001")) == quantity
        assert formats.day_and_time(NOON) == at


def test_no_decimal_of_a_quantity_is_lost() -> None:
    with translation.override("en"):
        assert formats.shares(Decimal("0.000000000000000001")) == "0.000000000000000001"
        assert formats.shares(Decimal("0.250000000")) == "0.25"
        assert formats.shares(Decimal(10) ** 21) == "1,000,000,000,000,000,000,000"


@pytest.mark.parametrize(
    ("ratio", "said"), [("1", "100.00 %"), ("0.99999", "99.99 %"), ("1.5", "150.00 %"), ("0", "0.00 %")]
)
def test_a_ratio_below_one_never_reads_as_whole(ratio: str, said: str) -> None:
    with translation.override("en"):
        assert formats.percent(Decimal(ratio)) == said


def test_how_long_ago() -> None:
    with translation.override("pt-br"):
        assert formats.ago(NOON - timedelta(minutes=2), now=NOON) == "há 2 minutos"
        assert formats.ago(NOON + timedelta(hours=3), now=NOON) == "em 3 horas"
