"""Reference rates: from Banco Central do Brasil, from staff, and only ever for display."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.utils import timezone

from agora.tests.tables import unchanged
from orders.errors import RateRefused
from orders.market import equivalent
from orders.models import FeedHealth, FxRate
from orders.rates import get_rate_feeds
from orders.rates.ptax import RESOURCE
from orders.sandbox.process import Control
from orders.services import record_rate, refresh_rates

pytestmark = pytest.mark.django_db(transaction=True)

PATH = f"/olinda/servico/PTAX/versao/v1/odata/{RESOURCE}"
NOON = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
BANK = "Banco Central del Paraguay"


def test_ptax_is_kept_with_its_time_and_asked_once_an_hour(market: Control) -> None:
    now = timezone.now()
    assert [refresh_rates(now=now + timedelta(seconds=s)) for s in (0, 3599, 3601)] == [1, 0, 1]
    assert len(market.log("request")) == 2

    row = FxRate.objects.get()
    assert (row.currency, row.per_usd, row.source) == ("BRL", Decimal("5.4321"), "Banco Central do Brasil, PTAX")
    local = row.at.astimezone(ZoneInfo("America/Sao_Paulo"))
    assert (local.hour, local.minute, local.weekday() < 5, row.at <= now) == (13, 5, True, True)
    view = equivalent(amount_usd=Decimal("55.25"), currency="BRL", now=now)
    assert view is not None
    assert (view.amount, view.per_usd, view.at, view.source) == (Decimal("300.12"), row.per_usd, row.at, row.source)
    assert view.age == now - row.at


def value(**fields: Any) -> dict[str, Any]:
    entry = {"cotacaoVenda": 5.1, "dataHoraCotacao": "2026-11-20 13:05:00.123", **fields}
    return {"do": "alter", "set": {"value": [entry]}}


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "fail", "status": 503},
        {"do": "garble"},
        {"do": "drop"},
        {"do": "alter", "set": {"value": []}},
        {"do": "alter", "set": {"value": None}},
        {"do": "alter", "set": {"value": ["5.1"]}},
        value(cotacaoVenda=0),
        value(cotacaoVenda=-5.1),
        value(cotacaoVenda="5.1"),
        value(cotacaoVenda=True),
        value(cotacaoVenda=1e12),
        value(cotacaoVenda=5.1234567),
        value(dataHoraCotacao="today"),
        value(dataHoraCotacao=None),
        value(dataHoraCotacao="2099-01-01 13:05:00.0"),
    ],
    ids=str,
)
def test_what_is_no_rate_leaves_the_old_one_and_is_kept_as_a_failure(market: Control, fault: dict[str, Any]) -> None:
    record_rate(currency="BRL", per_usd=Decimal(5), at=NOON, source="before", now=NOON)
    before = FxRate.objects.values().get()
    market.scenario(fault, endpoint=f"GET {PATH}")
    now = timezone.now()

    assert refresh_rates(now=now) == 0

    assert FxRate.objects.values().get() == before
    assert FeedHealth.objects.get(feed="rate:BRL").problem
    assert refresh_rates(now=now) == 1  # it is still due


def test_holidays_without_a_rate_are_a_failure_to_be_tried_again(market: Control) -> None:
    market.settings(ptax_published=False)
    assert refresh_rates(now=timezone.now()) == 0
    assert "no rate published" in FeedHealth.objects.get().problem


def test_without_an_address_nobody_is_asked(market: Control, settings: Any) -> None:
    settings.PTAX_URL = ""
    get_rate_feeds.cache_clear()
    with unchanged():
        assert refresh_rates(now=timezone.now()) == 0


def test_no_rate_no_equivalent_and_an_old_one_with_its_date() -> None:
    assert equivalent(amount_usd=Decimal(10), currency="PYG", now=NOON) is None
    assert equivalent(amount_usd=Decimal(10), currency="EUR", now=NOON) is None
    record_rate(currency="PYG", per_usd=Decimal("7300.5"), at=NOON - timedelta(days=90), source=BANK, now=NOON)
    view = equivalent(amount_usd=Decimal("10.01"), currency="PYG", now=NOON)
    assert view is not None
    assert (view.amount, view.age) == (Decimal(73078), timedelta(days=90))  # 73,078.005; a guaraní has no parts


def test_an_older_rate_does_not_replace_a_newer_one() -> None:
    record_rate(currency="BRL", per_usd=Decimal(5), at=NOON, source="newer", now=NOON)
    late = NOON + timedelta(hours=1)
    assert not record_rate(currency="BRL", per_usd=Decimal(6), at=NOON - timedelta(hours=1), source="older", now=late)
    row = FxRate.objects.get()
    assert (row.per_usd, row.at, row.source, row.checked_at) == (Decimal(5), NOON, "newer", late)


@pytest.mark.parametrize("per_usd", ["0", "-1", "NaN", "Infinity", "0.0000001", "5.1234567", "1e10"])
def test_what_cannot_be_a_rate_is_refused(per_usd: str) -> None:
    with unchanged(), pytest.raises(RateRefused):
        record_rate(currency="BRL", per_usd=Decimal(per_usd), at=NOON, source="x", now=NOON)


def test_the_database_itself_refuses_a_rate_of_nothing_and_an_unknown_currency() -> None:
    for fields in ({"currency": "BRL", "per_usd": 0}, {"currency": "EUR", "per_usd": 1}):
        with pytest.raises(IntegrityError):
            FxRate.objects.create(**fields, at=NOON, source="x", checked_at=NOON)


def test_staff_enter_the_guarani() -> None:
    out = StringIO()
    call_command("set_rate", "PYG", "7300", "--at", "2026-11-20", "--source", BANK, stdout=out)
    assert out.getvalue() == f"1 USD = 7300 PYG, 2026-11-20 00:00 ({BANK})\n"
    row = FxRate.objects.get()
    assert (row.per_usd, row.at, row.source) == (Decimal(7300), datetime(2026, 11, 20, tzinfo=UTC), BANK)

    call_command("set_rate", "PYG", "7310", "--at", "2026-11-20", "--source", BANK, stdout=out)  # corrected
    assert FxRate.objects.get().per_usd == Decimal(7310)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["EUR", "1"], "not shown to anybody"),
        (["PYG", "7.300,00"], "Not a number"),
        (["PYG", "-1"], "not a rate"),
        (["PYG", "7300", "--at", "20/11/2026"], "not a time"),
        (["PYG", "7300", "--at", "2099-01-01"], "yet to come"),
        (["PYG", "7300", "--at", "2026-11-19"], "later moment"),
    ],
)
def test_a_mistyped_rate_is_refused_with_a_sentence(arguments: list[str], words: str) -> None:
    record_rate(currency="PYG", per_usd=Decimal(7000), at=NOON, source=BANK, now=NOON)
    with pytest.raises(CommandError, match=words):
        call_command("set_rate", *arguments, "--source", BANK)
    assert FxRate.objects.get().per_usd == Decimal(7000)
