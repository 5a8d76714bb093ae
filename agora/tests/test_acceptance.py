"""The acceptance criteria AC-01, AC-02 and AC-04, through real HTTP, real processes and a real chain."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from agora.tests import e2e
from agora.tests.e2e import NOTHING, Effects, one_of_each


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[e2e.Platform]:
    with e2e.running(tmp_path_factory.mktemp("platform")) as up:
        yield up


def test_a_bought_quarter_share_becomes_a_settled_quarter_token(platform: e2e.Platform) -> None:
    before, balance = platform.effects(), platform.chain.balance(platform.wallet)

    order_id = platform.place("0.25")
    platform.until_minted(order_id)
    platform.chain.mine(12)
    order = platform.until_status(order_id, "SETTLED")

    (custody,), (mint,) = platform.custody_of(order_id), platform.mints_of(order_id)
    assert (order["filled_quantity"], custody["quantity"], mint["quantity"]) == ("0.25", "0.25", "0.25")
    assert (custody["status"], custody["custodian_reference"]) == ("COMPLETED", order["custody_reference"])
    assert (mint["tx_hash"], mint["mint_key"]) == (order["mint_tx_hash"], f"alpaca:{order['broker_order_id']}:1")
    assert [step["name"] for step in order["steps"] if step["at"]] == ["Pending", "Filled", "In custody", "Minted"]
    assert order["message"] == "Your tokens are in your wallet, and settled."
    assert platform.chain.balance(platform.wallet) - balance == Decimal("0.25")
    assert (mint["mint_key"], Decimal("0.25")) in platform.chain.minted()
    assert platform.effects() - before == one_of_each("0.25")
    assert platform.violations() == []


def test_a_broker_rejection_is_told_in_the_brokers_words_and_nothing_is_minted(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.broker.scenario({"do": "reject", "status": 403, "code": 40310000, "message": "insufficient buying power"})

    order_id = platform.place("0.25")
    order = platform.until_status(order_id, "REJECTED")

    assert order["message"] == "The broker rejected your order: insufficient buying power"
    assert (order["filled_quantity"], order["mint_tx_hash"]) == ("0", "")
    assert (platform.custody_of(order_id), platform.mints_of(order_id)) == ([], [])
    assert platform.effects() - before == NOTHING
    assert platform.violations() == []


def test_an_order_that_the_exchange_rejects_after_the_broker_took_it_mints_nothing(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.broker.scenario({"do": "reject_order", "reason": "halted", "after": 0.2})

    order = platform.until_status(platform.place("0.25"), "REJECTED")

    assert "halted" in order["message"]
    assert platform.effects() - before == Effects(broker_orders=1)
    assert platform.violations() == []


def test_the_same_order_posted_eight_times_at_once_is_one_order(platform: e2e.Platform) -> None:
    before, together = platform.effects(), threading.Barrier(8)

    def post(_: int) -> tuple[int, str]:
        together.wait()
        answer = platform.post("0.25", client_order_id="once-only")
        return answer.status_code, answer.json().get("order_id", "")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))

    (order_id,) = {order_id for _, order_id in answers}
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    platform.until_minted(order_id)
    assert platform.effects() - before == one_of_each("0.25")
    assert platform.violations() == []


FILLS = "from orders.models import Fill; print(Fill.objects.filter(order_id='{order_id}').count())"


def test_fills_delivered_twice_and_in_reverse_are_minted_once(platform: e2e.Platform) -> None:
    before = platform.effects()
    fills = [{"do": "fill", "qty": "0.1", "after": 0.3}, {"do": "fill", "after": 0.3}]
    platform.broker.scenario({"do": "stream", "fault": "duplicate"}, *fills, qty="0.25")
    platform.broker.scenario({"do": "stream", "fault": "reorder"}, *fills, qty="0.35")

    for order_id in [platform.place("0.25"), platform.place("0.35")]:
        order = platform.until_minted(order_id)
        assert order["filled_quantity"] == order["quantity"]
        assert len(platform.mints_of(order_id)) == 1
        assert platform.python(FILLS.format(order_id=order_id)) == "2"

    assert platform.effects() - before == Effects(2, 2, 2, 2, Decimal("0.6"))
    assert platform.violations() == []


def test_webhooks_delivered_three_times_last_first_complete_custody_once(platform: e2e.Platform) -> None:
    before = platform.effects()
    mark = max(entry["id"] for entry in platform.custodian.log())
    platform.custodian.scenario(match={"operation": "TRANSFER"}, delay=0.5, webhooks={"duplicate": 3, "reverse": True})

    order_id = platform.place("0.25")
    order = platform.until_minted(order_id)

    assert [record["status"] for record in platform.custody_of(order_id)] == ["COMPLETED"]
    assert platform.effects() - before == one_of_each("0.25")

    def all_told() -> bool:
        told = platform.custodian.log(after=mark, kind="webhook")
        ours = [entry["status"] for entry in told if entry["transaction_id"] == order["custody_reference"]]
        return len(ours) >= 9 and len(ours) % 3 == 0 and set(ours) == {200}

    assert platform.until(all_told, order_id=order_id)
    assert platform.effects() - before == one_of_each("0.25")
    assert platform.violations() == []


# Run inside the platform by `manage.py shell`: each time a row of the order is seen in a new state, every event about
# it is queued three times over, in one transaction, while two workers run.
STAMMER = """
import json, time, collections
from django.conf import settings
from django.db import transaction
from agora.lib.events import emit
from custody.models import CustodyRecord
from minting.models import MintTx
from orders.models import Order

said, seen, deadline = collections.Counter(), set(), time.monotonic() + 40
order = Order.objects.get(client_order_id="stammered")
while order.status != "SETTLED" and time.monotonic() < deadline:
    order.refresh_from_db()
    rows = [(order, ["order.accepted", "order.filled"])]
    rows += [(row, ["custody.advance", "custody.completed"]) for row in CustodyRecord.objects.filter(order_id=order.pk)]
    rows += [(row, ["mint.advance", "mint.sent"]) for row in MintTx.objects.filter(order_id=order.pk)]
    with transaction.atomic():
        for row, events in rows:
            if (row.pk, row.status) not in seen:
                seen.add((row.pk, row.status))
                for event in events * 3:
                    emit(event, row.pk)
                    said[event] += 1
    (settings.AGORA_HOME / "stammering").touch()
    time.sleep(0.005)
print(json.dumps(said))
"""


def test_every_task_of_an_order_queued_again_and_again_has_one_effect(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.stop("worker")
    order_id = platform.place("0.25", client_order_id="stammered")

    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(platform.python, STAMMER)
        platform.until(lambda: (platform.layout.home / "stammering").exists() or said.done())
        platform.start("worker")
        platform.until_minted(order_id)
        platform.chain.mine(12)
        platform.until_status(order_id, "SETTLED")

    times = json.loads(said.result())
    assert times.keys() == {
        *("order.accepted", "order.filled", "custody.advance", "custody.completed", "mint.advance", "mint.sent")
    }
    assert min(times.values()) >= 6, times
    assert len(platform.custody_of(order_id)) == len(platform.mints_of(order_id)) == 1
    assert platform.effects() - before == one_of_each("0.25")
    assert platform.violations() == []


def test_a_minted_trade_is_refused_by_the_contract_even_to_the_minter(platform: e2e.Platform) -> None:
    order_id = platform.place("0.25")
    platform.until_minted(order_id)
    (mint,) = platform.mints_of(order_id)
    wallet = platform.wallet

    refusal = platform.chain.refusal_of_mint(to=wallet, amount_wei=1, mint_key=mint["mint_key"])
    other_key = platform.chain.refusal_of_mint(to=wallet, amount_wei=1, mint_key=mint["mint_key"] + "0")

    assert refusal == ("BrokerTradeAlreadyUsed(string)", mint["mint_key"])
    # Another key is refused for want of reserves, the last thing the contract looks at: it was the key alone before.
    assert other_key[0] == "ReservesInsufficient(uint256,uint256)"


def test_partial_fills_are_shown_and_minted_in_one_piece_when_complete(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.broker.scenario({"do": "fill", "qty": "0.1"}, {"do": "fill", "qty": "0.05", "after": 0.5}, {"do": "hold"})

    order_id = platform.place("0.25")
    platform.until_status(order_id, "PARTIALLY_FILLED")
    partial = platform.until(
        lambda: (o := platform.order(order_id))["filled_quantity"] == "0.15" and o, order_id=order_id
    )
    assert (partial["status"], partial["message"]) == (
        "PARTIALLY_FILLED",
        "The broker has filled a part of your order.",
    )
    assert platform.effects() - before == Effects(broker_orders=1)

    platform.broker.order(partial["broker_order_id"], "fill")
    order = platform.until_minted(order_id)

    assert order["filled_quantity"] == "0.25"
    assert platform.effects() - before == one_of_each("0.25")
    assert platform.violations() == []


def test_a_cancel_after_a_partial_fill_mints_the_filled_part_and_a_late_fill_the_rest(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.broker.scenario({"do": "fill", "qty": "0.1"}, {"do": "cancel", "after": 0.3})

    order_id = platform.place("0.25")
    order = platform.until_minted(order_id)
    assert (order["broker_status"], order["filled_quantity"]) == ("canceled", "0.1")
    assert platform.effects() - before == one_of_each("0.1")

    platform.broker.order(order["broker_order_id"], "fill", qty="0.07")
    platform.until(lambda: len(platform.mints_of(order_id)) == 2, order_id=order_id)
    order = platform.until_minted(order_id)

    assert order["filled_quantity"] == "0.17"
    assert [mint["quantity"] for mint in platform.mints_of(order_id)] == ["0.1", "0.07"]
    assert platform.effects() - before == Effects(1, 2, 2, 2, Decimal("0.17"))
    assert platform.violations() == []


def test_a_fill_that_crosses_a_cancel_brings_the_cancelled_order_back(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.broker.scenario({"do": "cancel"})
    order_id = platform.place("0.25")
    order = platform.until_status(order_id, "CANCELLED")
    assert platform.effects() - before == Effects(broker_orders=1)

    platform.broker.order(order["broker_order_id"], "fill", qty="0.25")
    order = platform.until(lambda: (o := platform.order(order_id))["status"] in e2e.MINTED and o, order_id=order_id)

    assert order["filled_quantity"] == "0.25"
    assert platform.effects() - before == one_of_each("0.25")
    assert platform.violations() == []
