"""kill -9 of whole processes at no point of their own, and vendors that break off: one of each effect all the same."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import requests

from agora.lib import ids
from agora.lib.embedded import server
from agora.tests import e2e
from agora.tests.e2e import Effects, one_of_each

EXECUTIONS = "/v2/account/activities/FILL"
SENT = ("SENT", "CONFIRMED")
TWO = Effects(2, 2, 2, 2, Decimal("0.3"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[e2e.Platform]:
    with e2e.running(tmp_path_factory.mktemp("platform"), **e2e.HASTE) as up:
        yield up
        assert up.violations() == []


@pytest.fixture
def platform(running: e2e.Platform) -> e2e.Platform:
    running.mend()
    return running


def test_a_follower_killed_before_the_fill_hears_of_it_afterwards(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.broker.scenario({"do": "fill", "after": 1.0})
    order_id = platform.place("0.25")
    platform.until_status(order_id, "SUBMITTED")

    platform.kill("follower")
    platform.until(lambda: platform.broker.log("effect", event="fill", client_order_id=_client_order_id(order_id)))
    assert platform.order(order_id)["status"] == "SUBMITTED"
    platform.start("follower")

    platform.until_minted(order_id)
    assert platform.effects() - before == one_of_each("0.25")


def test_a_follower_killed_while_the_mint_is_sent_finds_it_in_its_block(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.custodian.scenario(match={"operation": "RAW"}, delay=1.0)
    order_id = platform.place("0.25")
    platform.until_status(order_id, "CUSTODY_CONFIRMED")

    platform.kill("follower")
    platform.until(lambda: platform.effects() - before == one_of_each("0.25"), order_id=order_id)
    assert platform.order(order_id)["status"] == "CUSTODY_CONFIRMED"
    platform.start("follower")

    platform.until_minted(order_id)
    assert platform.effects() - before == one_of_each("0.25")


def test_a_web_server_killed_during_the_request_takes_the_repeated_order_once(platform: e2e.Platform) -> None:
    before = platform.effects()
    client_order_ids = [f"stubborn-{number}" for number in range(6)]
    order_ids: dict[str, str] = {}

    def place(client_order_id: str) -> None:
        deadline = time.monotonic() + 20
        while client_order_id not in order_ids and time.monotonic() < deadline:
            try:
                order_ids[client_order_id] = platform.post("0.1", client_order_id=client_order_id).json()["order_id"]
            except requests.RequestException:
                time.sleep(0.1)

    customers = [threading.Thread(target=place, args=(client_order_id,)) for client_order_id in client_order_ids]
    for number, customer in enumerate(customers):
        customer.start()
        if number == 2:
            platform.kill("web")
    platform.start("web")
    for customer in customers:
        customer.join()

    assert len(set(order_ids.values())) == len(client_order_ids)
    for order_id in order_ids.values():
        platform.until_minted(order_id)
    assert platform.effects() - before == Effects(6, 6, 6, 6, Decimal("0.6"))


def test_a_web_server_killed_after_the_answer_is_not_missed_by_the_order(platform: e2e.Platform) -> None:
    before = platform.effects()
    order_id = platform.place("0.25")

    platform.kill("web")  # and with it the ear for the custodian's webhooks
    platform.until(lambda: platform.effects() - before == one_of_each("0.25"))
    platform.start("web")

    platform.until_minted(order_id)
    assert platform.effects() - before == one_of_each("0.25")


def test_a_broker_that_is_gone_when_it_is_called_gets_the_order_once_when_it_is_back(platform: e2e.Platform) -> None:
    before = platform.effects()

    platform.kill("broker")
    order_id = platform.place("0.25")
    platform.until_status(order_id, "SUBMITTING")
    platform.start("broker")

    platform.until_minted(order_id)
    assert platform.effects() - before == one_of_each("0.25")


def test_a_broker_killed_between_two_fills_is_heard_again_when_it_is_back(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.broker.scenario({"do": "fill", "qty": "0.1"}, {"do": "fill", "after": 1.0})
    order_id = platform.place("0.25")
    platform.until_status(order_id, "PARTIALLY_FILLED")

    platform.kill("broker")
    platform.start("broker")

    assert platform.until_minted(order_id)["filled_quantity"] == "0.25"
    assert platform.effects() - before == one_of_each("0.25")


@pytest.mark.parametrize("operation", ["TRANSFER", "RAW"])
def test_a_custodian_killed_while_it_works_finishes_once_when_it_is_back(
    platform: e2e.Platform, operation: str
) -> None:
    before = platform.effects()
    mark = max(entry["id"] for entry in platform.custodian.log())
    platform.custodian.scenario(match={"operation": operation}, delay=1.0)
    order_id = platform.place("0.25")
    platform.until(
        lambda: [
            entry
            for entry in platform.custodian.log(after=mark, kind="transaction_created")
            if entry["operation"] == operation
        ],
        order_id=order_id,
    )

    platform.kill("custodian")
    platform.start("custodian")

    platform.until_minted(order_id)
    assert platform.effects() - before == one_of_each("0.25")


def test_a_chain_node_killed_with_its_mempool_and_latest_blocks_gets_the_same_mints_again(
    platform: e2e.Platform,
) -> None:
    before, reverted = platform.effects(), platform.chain.reverted()
    vanishing = platform.place("0.1")
    tx_hash = platform.until_minted(vanishing)["mint_tx_hash"]
    unmined = platform.place("0.2")
    platform.until(lambda: [mint for mint in platform.mints_of(unmined) if mint["status"] in SENT], order_id=unmined)

    platform.kill("chain")  # it kept what was up to five seconds ago
    platform.start("chain")

    platform.until(lambda: platform.effects() - before == TWO, within=90, order_id=unmined)
    platform.until_minted(unmined)
    again = platform.until_minted(vanishing)["mint_tx_hash"]
    if platform.chain.reverted() == reverted:  # else it came back ahead of its reserve report, and was signed anew
        assert again == tx_hash


def test_a_killed_database_is_started_again_and_everything_goes_on(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.broker.scenario({"do": "fill", "after": 0.5})
    order_id = platform.place("0.25")
    platform.until_status(order_id, "SUBMITTED")
    postmaster = server.running_pid(platform.layout.home)
    assert postmaster is not None

    os.kill(postmaster, signal.SIGKILL)

    platform.until(lambda: platform.effects() - before == one_of_each("0.25"))
    platform.until_minted(order_id)
    platform.until(lambda: platform.broker.listening() == 1)


def test_a_fill_that_was_listed_before_we_knew_its_order_counts_once_we_do(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.broker.scenario({"do": "fill"}, {"do": "stream", "fault": "swallow"})
    platform.kill("worker")
    platform.start("worker", AGORA_CRASH_AT="submit_order.after_call")
    family = platform.family("worker")
    order_id = platform.place("0.25")
    platform.until(lambda: any(e2e.is_dead(process) for process in family), order_id=order_id)
    platform.kill("worker")
    platform.until(lambda: platform.broker.log("effect", event="fill", client_order_id=_client_order_id(order_id)))

    listed = len(platform.broker.log("request", path=EXECUTIONS))
    platform.broker.disconnect()  # the stream opens anew, and what was missed is listed
    platform.until(lambda: len(platform.broker.log("request", path=EXECUTIONS)) > listed)
    platform.start("worker")

    platform.until_minted(order_id)
    assert platform.effects() - before == one_of_each("0.25")


def test_vendors_that_break_off_after_the_effect_are_looked_up_and_not_asked_twice(platform: e2e.Platform) -> None:
    before, faults, orders, transfers = platform.effects(), _faults(platform), _orders(platform), _transfers(platform)
    lost = {"when": "after", "fault": "drop"}
    platform.broker.scenario({"do": "drop", "when": "after"}, qty="0.11")
    platform.broker.scenario({"do": "fail", "status": 500, "when": "after"}, qty="0.12")
    platform.broker.scenario({"do": "garble"}, qty="0.13")
    for amount, http in [
        ("0.14", lost),
        ("0.15", {"when": "after", "fault": "status", "status": 500}),
        ("0.16", {"when": "after", "fault": "malformed"}),
    ]:
        platform.custodian.scenario(match={"operation": "TRANSFER", "amount": amount}, http=http)
    platform.custodian.scenario(match={"operation": "RAW"}, http=lost, times=2)
    quantities = ["0.11", "0.12", "0.13", "0.14", "0.15", "0.16"]

    order_ids = [platform.place(quantity) for quantity in quantities]

    for order_id in order_ids:
        platform.until_minted(order_id)
        assert len(platform.custody_of(order_id)) == len(platform.mints_of(order_id)) == 1
    assert _faults(platform) - faults == 3 + 3 + 2
    assert (_orders(platform) - orders, _transfers(platform) - transfers) == (6, 6)
    assert platform.effects() - before == Effects(6, 6, 6, 6, sum(map(Decimal, quantities), Decimal(0)))


def test_a_cancel_before_any_worker_looked_reaches_nobody(platform: e2e.Platform) -> None:
    before = platform.effects()
    platform.kill("worker")
    order_id = platform.place("0.25")

    assert _cancel(platform, order_id)["status"] == "CANCELLED"
    platform.start("worker")
    platform.until_minted(platform.place("0.1"))

    assert platform.order(order_id)["status"] == "CANCELLED"
    assert platform.effects() - before == one_of_each("0.1")


def _faults(platform: e2e.Platform) -> int:
    """How often the vendors have misbehaved on order."""
    at_broker = sum(bool(entry["faults"]) for entry in platform.broker.log("request"))
    return at_broker + sum("http" in entry["effects"] for entry in platform.custodian.log(kind="scenario_applied"))


def _orders(platform: e2e.Platform) -> int:
    """How often the broker was asked to buy."""
    return len(platform.broker.log("request", method="POST", path="/v2/orders"))


def _transfers(platform: e2e.Platform) -> int:
    """How often the custodian was asked to take shares in."""
    asked = [entry for entry in platform.custodian.log(kind="request") if entry["method"] == "POST"]
    return sum(entry["external_tx_id"].startswith("agora-custody-") for entry in asked)


def _client_order_id(order_id: str) -> str:
    return ids.broker_client_order_id(UUID(order_id))


def _cancel(platform: e2e.Platform, order_id: str) -> dict[str, Any]:
    url = f"{platform.layout.web_url}/api/v1/orders/{order_id}/cancel"
    answer = requests.post(url, headers=platform._auth(), timeout=e2e.TIMEOUT)
    assert answer.status_code in (200, 202), answer.text
    return dict(answer.json())


@pytest.mark.parametrize("point", ["after_record", "after_signature", "after_keep"])
def test_a_signer_killed_between_its_record_and_its_answer_signs_once(platform: e2e.Platform, point: str) -> None:
    before = platform.effects()
    platform.kill("signer")
    platform.start("signer", AGORA_SIGNER_CRASH_AT=point)
    family = platform.family("signer")
    order_id = platform.place("0.25")
    platform.until(lambda: any(e2e.is_dead(process) for process in family), order_id=order_id)
    platform.kill("signer")
    assert platform.order(order_id)["status"] == "CUSTODY_CONFIRMED"
    platform.start("signer")

    platform.until_minted(order_id)
    assert platform.effects() - before == one_of_each("0.25")
