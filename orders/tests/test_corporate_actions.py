"""A split is noticed before the shares change: the asset is held from the close before until two people release it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.selectors import active_holds
from accounts.services import hold_once
from orders.brokers.alpaca import AlpacaBroker
from orders.brokers.alpaca.corporate_actions import parse_page
from orders.brokers.base import CorporateAction
from orders.market import MarketSession
from orders.models import FeedHealth
from orders.sandbox.process import Control
from orders.services import watch_corporate_actions
from orders.services.corporate_actions import is_due

SPLIT = {"id": "1", "symbol": "AAPL", "new_rate": 4, "old_rate": 1, "process_date": "2020-08-31"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Monday 31 August 2020 is the ex-date; New York's close is 20:00 UTC, its open 13:30 UTC.
EX = date(2020, 8, 31)
OPENS, CLOSES = utc("2020-08-31T13:30"), utc("2020-08-28T20:00")


@pytest.mark.parametrize(
    ("now", "is_open", "next_open", "next_close", "expected"),
    [
        ("2020-08-27T19:50", True, utc("2020-08-28T13:30"), utc("2020-08-27T20:00"), False),  # one more session
        ("2020-08-28T15:00", True, OPENS, CLOSES, False),
        ("2020-08-28T19:41", True, OPENS, CLOSES, True),  # orders of now are filled before the close or not at all
        ("2020-08-28T21:00", False, OPENS, utc("2020-08-31T20:00"), True),
        ("2020-08-28T03:00", False, utc("2020-08-28T13:30"), CLOSES, False),
        ("2020-08-29T12:00", False, OPENS, utc("2020-08-31T20:00"), True),  # the weekend between
        ("2020-08-31T14:00", True, utc("2020-09-01T13:30"), utc("2020-08-31T20:00"), True),
        ("2020-09-02T14:00", True, utc("2020-09-03T13:30"), utc("2020-09-02T20:00"), True),  # announced too late
        ("2020-08-28T17:00", True, OPENS, utc("2020-08-28T17:15"), True),  # a half day
        ("2020-08-28T19:00", None, None, None, False),  # nobody tells the hours: by the usual ones
        ("2020-08-28T19:45", None, None, None, True),
        ("2020-08-30T00:00", None, None, None, True),
    ],
)
def test_an_action_is_due_when_no_session_is_left(
    now: str, is_open: bool | None, next_open: datetime | None, next_close: datetime | None, expected: bool
) -> None:
    session = MarketSession(
        is_known=is_open is not None,
        is_open=bool(is_open),
        next_open=next_open,
        next_close=next_close,
        checked_at=None,
    )
    action = CorporateAction(kind="forward_splits", symbols=frozenset({"AAPL"}), effective_on=EX, told="{}")
    assert is_due(action, session=session, now=utc(now)) is expected


@pytest.mark.parametrize(
    ("item", "symbols", "effective_on"),
    [
        ({**SPLIT, "ex_date": "2020-08-31"}, {"AAPL"}, EX),
        ({"old_symbol": "FB", "new_symbol": "META", "process_date": "2022-06-09"}, {"FB", "META"}, date(2022, 6, 9)),
        ({"acquiree_symbol": "TWTR", "acquirer_symbol": None, "effective_date": "2020-08-31"}, {"TWTR"}, EX),
        ({"symbol": " aapl ", "ex_date": "2020-08-31"}, {"AAPL"}, EX),
        ({"symbol": "AAPL", "ex_date": "31.08.2020"}, {"AAPL"}, None),
        ({"symbol": "AAPL", "ex_date": 20200831}, {"AAPL"}, None),
        ({"symbol": "AAPL"}, {"AAPL"}, None),
        ({"symbol": 7, "ex_date": None}, set(), None),
        ("gone", set(), None),
        (None, set(), None),
    ],
)  # fmt: skip
def test_whom_an_announcement_is_about_and_from_when(item: Any, symbols: set[str], effective_on: date | None) -> None:
    (action,), token = parse_page({"corporate_actions": {"any_kind": [item]}, "next_page_token": None})
    assert (action.kind, action.symbols, action.effective_on, token) == ("any_kind", symbols, effective_on, "")


@pytest.mark.parametrize(
    "raw", [None, [], {}, {"corporate_actions": []}, {"corporate_actions": {}, "next_page_token": 7}]
)
def test_what_is_no_page_is_no_answer(raw: Any) -> None:
    with pytest.raises(ValueError, match=r"corporate actions|next_page_token"):
        parse_page(raw)


def test_the_broker_is_asked_for_our_shares_only(broker: AlpacaBroker, control: Control) -> None:
    control.settings(corporate_actions={"forward_splits": [SPLIT, {**SPLIT, "symbol": "MSFT"}]})
    found = broker.corporate_actions(symbols=["AAPL"], first=EX, last=EX)
    assert [action.symbols for action in found] == [{"AAPL"}]


def held() -> list[str]:
    return sorted(hold.reason for hold in active_holds(subjects=["asset:AAPL"], now=timezone.now()))


@pytest.mark.django_db(transaction=True)
def test_a_split_holds_its_asset_once_and_a_changed_one_again(market: Control) -> None:
    now = timezone.now()
    today = now.date()

    def announced(**changes: Any) -> None:
        market.settings(corporate_actions={"stock_dividends": [{**SPLIT, "ex_date": f"{today}", **changes}]})
        FeedHealth.objects.all().delete()
        watch_corporate_actions(now=now)

    announced(ex_date=f"{today + timedelta(days=10)}")
    assert held() == []
    announced()
    announced()
    assert len(held()) == 1
    assert "stock_dividends" in held()[0]
    announced(new_rate=5)
    assert len(held()) == 2


@pytest.mark.django_db(transaction=True)
def test_dividends_in_money_hold_nothing_and_kinds_unheard_of_do(market: Control) -> None:
    now = timezone.now()
    today = {"symbol": "AAPL", "ex_date": f"{now.date()}"}
    market.settings(corporate_actions={"cash_dividends": [today], "rights_of_tomorrow": [{**today, "symbol": "MSFT"}]})
    watch_corporate_actions(now=now)
    assert held() == []

    FeedHealth.objects.all().delete()
    market.settings(corporate_actions={"rights_of_tomorrow": [None, today]})
    watch_corporate_actions(now=now)
    assert len(held()) == 1


@pytest.mark.django_db(transaction=True)
def test_the_broker_is_asked_now_and_then_and_its_failure_is_kept(market: Control) -> None:
    now = timezone.now()
    for seconds in (0, 60, 599, 601):
        watch_corporate_actions(now=now + timedelta(seconds=seconds))
    assert len(market.log("request", path="/v1/corporate-actions")) == 2

    market.scenario({"do": "fail", "status": 500}, endpoint="GET /v1/corporate-actions")
    watch_corporate_actions(now=now + timedelta(seconds=1300))
    assert FeedHealth.objects.get(feed="corporate-actions:alpaca").failures == 1


@pytest.mark.django_db(transaction=True)
def test_what_was_held_for_a_cause_is_not_held_for_it_again() -> None:
    now = timezone.now()
    told = {"subject": "asset:AAPL", "owner": "corporate-action:1", "reason": "split", "now": now}
    assert hold_once(**told) is not None
    assert hold_once(**told) is None
