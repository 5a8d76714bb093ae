"""Money, shares and times as people of a language write them (CLDR, by Babel)."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from decimal import Decimal, localcontext

from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal, get_group_symbol
from django.utils import timezone, translation

LOCALES = {"pt-br": "pt_BR", "es": "es_PY", "en": "en_001"}


def money(amount: Decimal, currency: str) -> str:
    """`US$1,234.56`, `R$ 1.234,56`, `Gs. 1.234.567`: with the currency's own decimals."""
    return format_currency(amount, currency, locale=_locale())


def shares(quantity: Decimal) -> str:
    """`1.234,25`: every decimal that counts, up to the 18 of a token."""
    with localcontext(prec=60):  # a supply has more digits than arithmetic usually keeps
        return format_decimal(quantity, format="#,##0.##################", locale=_locale())


def percent(share: Decimal) -> str:
    """`100,00 %` of a ratio of 1; rounded down, so that 99.999 % never reads as whole."""
    hundredths = int(share * 10_000)
    return format_decimal(Decimal(hundredths) / 100, format="#,##0.00", locale=_locale()) + " %"


def thousands_separator() -> str:
    return str(get_group_symbol(_locale()))


def day_and_time(at: datetime, *, zone: tzinfo | None = None) -> str:
    """`22 nov. 2026, 14:03`, in the reader's time zone unless another is named."""
    return format_datetime(timezone.localtime(at, zone), "d MMM y, HH:mm", locale=_locale())


def time_of_day(at: datetime) -> str:
    return format_datetime(timezone.localtime(at), "HH:mm:ss", locale=_locale())


def day(at: datetime) -> str:
    return format_datetime(timezone.localtime(at), "d MMM y", locale=_locale())


def ago(at: datetime, *, now: datetime) -> str:
    """`há 2 minutos`, `in 3 hours`."""
    gap = at - now
    whole = timedelta(seconds=round(gap.total_seconds()))
    return format_timedelta(whole, add_direction=True, threshold=1.5, granularity="second", locale=_locale())


def _locale() -> str:
    return LOCALES.get(translation.get_language() or "en", "en_001")
