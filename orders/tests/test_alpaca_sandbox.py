"""The sandbox's own promises: magic quantities, scenarios that are used up, refusals of what makes no sense."""

from __future__ import annotations

import time
import uuid
from decimal import Decimal
from typing import Any

import pytest
import requests

from orders.sandbox.process import Control, ControlRefused, Sandbox

KEYS = {"APCA-API-KEY-ID": "sandbox-key", "APCA-API-SECRET-KEY": "sandbox-secret"}


def submit(sandbox: Sandbox, qty: Any = "1", **fields: Any) -> requests.Response:
    body = {"symbol": "AAPL", "qty": qty, "side": "buy", "type": "market", "time_in_force": "day", **fields}
    return requests.post(f"{sandbox.url}/v2/orders", json=body, headers=KEYS, timeout=5)


def get(sandbox: Sandbox, path: str) -> Any:
    return requests.get(f"{sandbox.url}{path}", headers=KEYS, timeout=5).json()


def events(control: Control, *, until: str) -> list[str]:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        seen = [entry["event"] for entry in control.log("effect")]
        if until in seen:
            return seen
        time.sleep(0.02)
    raise AssertionError(f"no {until} in {seen}")


@pytest.mark.parametrize(
    ("qty", "expected"),
    [
        ("1.000000499", ["pending_new", "new", "rejected"]),
        ("1.000000206", ["pending_new", "new", "partial_fill", "canceled"]),
        ("1.000000208", ["pending_new", "new", "partial_fill", "expired"]),
        ("1.000001", ["pending_new", "new", "fill"]),
    ],
)
def test_a_magic_quantity_chooses_how_an_order_goes(
    sandbox: Sandbox, control: Control, qty: str, expected: list[str]
) -> None:
    assert submit(sandbox, qty).status_code == 200

    assert events(control, until=expected[-1]) == expected


@pytest.mark.parametrize(("qty", "status"), [("1.000000403", 403), ("1.000000422", 422)])
def test_a_magic_quantity_chooses_a_refusal(sandbox: Sandbox, control: Control, qty: str, status: int) -> None:
    assert submit(sandbox, qty).status_code == status

    assert control.log("effect") == []


def test_a_scenario_is_used_as_often_as_it_says_and_only_where_it_matches(sandbox: Sandbox, control: Control) -> None:
    control.scenario({"do": "reject"}, symbol="MSFT", qty="2", times=2)

    answers = [submit(sandbox, qty, symbol=symbol).status_code for symbol, qty in (("AAPL", 2), ("MSFT", 1))]
    answers += [submit(sandbox, "2.0", symbol="MSFT").status_code for _ in range(3)]

    assert answers == [200, 200, 422, 422, 200]


def test_what_makes_no_sense_is_refused_by_the_control_plane(sandbox: Sandbox, control: Control) -> None:
    order = submit(sandbox).json()
    events(control, until="fill")

    with pytest.raises(ControlRefused, match="no such step: 'dance'"):
        control.scenario({"do": "dance"})
    with pytest.raises(ControlRefused, match="match may name"):
        control.scenario({"do": "hold"}, colour="red")
    with pytest.raises(ControlRefused, match="no such setting: speed"):
        control.settings(speed=3)
    with pytest.raises(ControlRefused, match="of 0 left cannot be filled"):
        control.order(order["id"], "fill", qty="1")


def test_shares_are_sold_only_as_far_as_they_are_held(sandbox: Sandbox, control: Control) -> None:
    submit(sandbox, "1.5")
    events(control, until="fill")

    refused = submit(sandbox, "1.6", side="sell")
    submit(sandbox, "0.5", side="sell")
    while len(control.log("effect", effect="fill")) < 2:
        time.sleep(0.02)

    assert (refused.status_code, refused.json()["code"], refused.json()["available"]) == (403, 40310000, "1.5")
    assert get(sandbox, "/v2/positions/AAPL")["qty"] == "1"
    assert [position["symbol"] for position in get(sandbox, "/v2/positions")] == ["AAPL"]


def test_the_account_has_spent_what_its_positions_cost(sandbox: Sandbox, control: Control) -> None:
    control.settings(cash="1000", prices={"SPY": "400.5"})
    submit(sandbox, "2", symbol="SPY")
    events(control, until="fill")

    account = get(sandbox, "/v2/account")

    assert (account["cash"], account["buying_power"], account["equity"]) == ("199", "199", "1000")
    assert submit(sandbox, "1", symbol="SPY").json() == {
        "code": 40310000,
        "message": "insufficient buying power",
        "buying_power": "199",
        "cost_basis": "400.5",
    }


def test_activities_are_found_by_type_in_path_or_query_with_new_yorks_time_in_their_ids(
    sandbox: Sandbox, control: Control
) -> None:
    order = submit(sandbox).json()
    events(control, until="fill")

    (by_path,), (by_query,) = (
        get(sandbox, "/v2/account/activities/FILL"),
        get(sandbox, "/v2/account/activities?activity_types=FILL"),
    )

    stamp, execution_id = by_path["id"].split("::")
    assert by_path == by_query
    assert (len(stamp), str(uuid.UUID(execution_id))) == (17, execution_id)
    assert (by_path["order_id"], by_path["type"], by_path["qty"], by_path["leaves_qty"]) == (
        order["id"],
        "fill",
        "1",
        "0",
    )
    assert get(sandbox, "/v2/account/activities/DIV") == []


def test_market_data_comes_for_one_symbol_and_for_several(sandbox: Sandbox, control: Control) -> None:
    control.settings(prices={"AAPL": "200.1", "SPY": "500"})

    assert get(sandbox, "/v2/stocks/AAPL/trades/latest")["trade"]["p"] == 200.1
    assert get(sandbox, "/v2/stocks/AAPL/quotes/latest")["quote"]["ap"] == 200.11
    assert get(sandbox, "/v2/stocks/trades/latest?symbols=AAPL,SPY")["trades"]["SPY"]["p"] == 500
    assert get(sandbox, "/v2/stocks/quotes/latest?symbols=SPY")["quotes"]["SPY"]["bp"] == 499.99


def test_assets_are_tradable_in_fractions(sandbox: Sandbox, control: Control) -> None:
    assets = {asset["symbol"]: asset for asset in get(sandbox, "/v2/assets")}

    assert {"AAPL", "MSFT", "SPY"} <= assets.keys()
    assert all(asset["tradable"] and asset["fractionable"] for asset in assets.values())
    assert get(sandbox, "/v2/assets/AAPL") == assets["AAPL"]
    assert get(sandbox, "/v2/assets/NOPE")["code"] == 40410000
    assert Decimal(submit(sandbox, 0.5).json()["qty"]) == Decimal("0.5")


@pytest.mark.parametrize(
    "odd",
    [
        *({"qty": text} for text in ("x", "", "NaN", "sNaN", "Infinity", "1e999999", "-1", "1e-999")),
        {"qty": True},
        {"qty": []},
        {"qty": {}},
        {"notional": "10"},
        {"client_order_id": 5},
        {"client_order_id": []},
        {"client_order_id": {"a": 1}},
    ],
    ids=str,
)
def test_an_odd_field_is_refused_as_alpaca_refuses_it(sandbox: Sandbox, control: Control, odd: dict[str, Any]) -> None:
    answer = submit(sandbox, **odd)

    assert (answer.status_code, answer.json()["code"]) == (422, 40010001)
    assert control.log("effect") == []


def test_a_position_is_found_by_the_assets_id_too(sandbox: Sandbox, control: Control) -> None:
    submit(sandbox)
    events(control, until="fill")
    by_symbol = get(sandbox, "/v2/positions/AAPL")
    by_id = get(sandbox, f"/v2/positions/{by_symbol['asset_id']}")

    assert (by_id["symbol"], by_id["qty"]) == ("AAPL", "1")
