"""Each alert, seen to fire because what it is about was done to a running platform (`make alerts`)."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_abi import encode
from eth_utils import keccak

from agora.lib import platform as processes
from agora.tests import e2e
from agora.tests.alerts import rules
from agora.tests.alerts.conftest import Drill
from minting.sandbox import process as nodes

pytestmark = [pytest.mark.alerts, pytest.mark.timeout(600)]

LOCK = (
    "from django.db import connection, transaction; import time\n"
    "with transaction.atomic(), connection.cursor() as c:\n"
    "    c.execute('LOCK TABLE orders_asset IN ACCESS EXCLUSIVE MODE'); print('held', flush=True); time.sleep(45)\n"
)
CONNECT = (
    "from django.db import connection; import time\n"
    "held = [connection.copy() for _ in range(65)]\n"
    "[one.ensure_connection() for one in held]; print('held', flush=True); time.sleep(600)\n"
)
FAIL = "from django_q.tasks import async_task; print(async_task('custody.tasks.process_notification', '999999999'))"
LISTEN = """
from django.utils import timezone
from accounts.models import Customer
from accounts.services.notifying import endpoints
customer = Customer.objects.get(user__username="demo")
endpoints.create_endpoint(customer=customer, url="http://127.0.0.1:9/", now=timezone.now())
print("listening")
"""


def test_all_is_quiet_while_nothing_is_wrong(drill: Drill) -> None:
    drill.platform.until_minted(_buy(drill.platform, "0.1"), within=60)
    drill.platform.chain.mine(12)
    drill.expect("AgoraHeartbeat")

    # The comparison of the books is the one wait that is shorter in the drill than its own rhythm.
    others = {rule["alert"] for rule in rules.alerts(rules.load())} - {"AgoraHeartbeat", "AgoraReservesNotCompared"}
    drill.gone(*others)
    time.sleep(10)
    assert not others & drill.firing().keys()


def test_a_broker_that_is_away(drill: Drill) -> None:
    platform = drill.platform
    platform.broker.scenario({"do": "fail", "status": 500}, times=6, qty="0.11")  # nobody can say whether it took it
    order_id = _buy(platform, "0.11")
    platform.until_status(order_id, "SUBMITTING")
    drill.expect("AgoraOrderUncertain")
    platform.kill("broker")
    drill.expect("AgoraVendorInTrouble", "AgoraFeedFails", "AgoraLoopInTrouble", "AgoraPriceOld")

    platform.start("broker")
    platform.until_minted(order_id, within=180)
    drill.gone("AgoraVendorInTrouble", "AgoraOrderUncertain", "AgoraPriceOld", "AgoraLoopInTrouble")


def test_a_custodian_that_keeps_a_transfer_waiting(drill: Drill) -> None:
    platform = drill.platform
    platform.custodian.scenario(match={"operation": "TRANSFER"}, hold="PENDING_AUTHORIZATION", hold_seconds=40)
    order_id = _buy(platform, "0.12")
    drill.expect("AgoraCustodySlow", "AgoraOrderUnfinished")

    platform.until_minted(order_id, within=120)
    drill.gone("AgoraCustodySlow")


def test_a_signature_that_does_not_come(drill: Drill) -> None:
    platform = drill.platform
    platform.custodian.scenario(match={"operation": "RAW"}, hold="PENDING_AUTHORIZATION", hold_seconds=40)
    order_id = _buy(platform, "0.13")
    drill.expect("AgoraMintSlow")

    platform.until_minted(order_id, within=120)
    drill.gone("AgoraMintSlow", "AgoraOrderUnfinished")


def test_a_custodian_that_fails_a_transfer(drill: Drill) -> None:
    platform = drill.platform
    failed = {"status": "FAILED", "sub_status": "INTERNAL_ERROR"}
    platform.custodian.scenario(match={"operation": "TRANSFER"}, fail=failed)
    _buy(platform, "0.14")
    drill.expect("AgoraHeldByGuard")


def test_a_node_that_stands_still(drill: Drill) -> None:
    node = drill.platform.family("chain")[-1]
    node.send_signal(signal.SIGSTOP)
    try:
        drill.expect("AgoraChainStands", "AgoraNodeInTrouble")
    finally:
        node.send_signal(signal.SIGCONT)
    drill.gone("AgoraChainStands", "AgoraNodeInTrouble", "AgoraVendorInTrouble")


def test_a_node_that_lies(drill: Drill, tmp_path: Path) -> None:
    platform = drill.platform
    upstream = platform.layout.chain_url
    with (
        nodes.running(tmp_path / "honest", upstream=upstream) as honest,
        nodes.running(tmp_path / "liar", upstream=upstream) as liar,
    ):
        quorum = {"CHAIN_RPC_URLS": f"{upstream},{honest.url},{liar.url}", "CHAIN_QUORUM": "2"}
        for name in ("follower", "web"):
            platform.stop(name)
            platform.start(name, **quorum)
        liar.control.settings(lies=["block_hash"])
        drill.expect("AgoraNodeQuarantined")
        honest.kill()
        drill.expect("AgoraQuorumShort")
    for name in ("follower", "web"):
        platform.stop(name)
        platform.start(name)
    drill.gone("AgoraNodeQuarantined", "AgoraQuorumShort")


def test_a_reorg_that_takes_a_mint_away(drill: Drill) -> None:
    platform = drill.platform
    order_id = _buy(platform, "0.15")
    platform.until_minted(order_id)
    (mint,) = platform.mints_of(order_id)
    depth = int(platform.chain.rpc("eth_blockNumber"), 16) - mint["block_number"] + 1
    platform.chain.rpc("anvil_reorg", depth, [])
    drill.expect("AgoraReorg")

    platform.until_minted(order_id, within=60)


def test_signers_that_run_out_of_money(drill: Drill) -> None:
    platform = drill.platform
    addresses = platform.python(
        "from minting.models import SignerBudget; print(*SignerBudget.objects.values_list('address', flat=True))"
    ).split()
    balances = [platform.chain.rpc("eth_getBalance", address, "latest") for address in addresses]
    assert len(addresses) == 2  # the minter's and the publisher's
    for address in addresses:
        platform.chain.rpc("anvil_setBalance", address, "0x1")
    drill.expect("AgoraGasLow")
    drill.expect("AgoraAttestationEnding", within=150)  # nobody can pay for the next report

    for address, balance in zip(addresses, balances, strict=True):
        platform.chain.rpc("anvil_setBalance", address, balance)
    drill.gone("AgoraGasLow", "AgoraAttestationEnding")


def test_a_minter_whose_allowance_ends(drill: Drill) -> None:
    chain = drill.platform.chain
    _as_admin(drill, "setMinterAllowance(address,uint256)", ["address", "uint256"], [chain.minter, 500 * 10**18])
    drill.expect("AgoraAllowanceLow")

    _as_admin(drill, "setMinterAllowance(address,uint256)", ["address", "uint256"], [chain.minter, 10**24])
    drill.gone("AgoraAllowanceLow")


def test_a_task_that_ends_by_an_error(drill: Drill) -> None:
    drill.platform.python(FAIL)
    drill.expect("AgoraTaskFailed")


def test_a_transaction_that_keeps_a_table(drill: Drill) -> None:
    platform = drill.platform
    done = threading.Event()
    readers = [threading.Thread(target=_keep_reading, args=(platform, done)) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        time.sleep(8)  # a rate needs a figure from before
        with _beside(platform, LOCK):
            drill.expect("AgoraLockWait", "AgoraFiguresMissing")
            drill.expect("AgoraRequestsSlow")  # when the lock is gone, and what waited is answered
    finally:
        done.set()
        for reader in readers:
            reader.join()
    drill.gone("AgoraLockWait", "AgoraFiguresMissing", "AgoraRequestsSlow")


def test_a_server_whose_connections_run_out(drill: Drill) -> None:
    with _beside(drill.platform, CONNECT):
        drill.expect("AgoraConnectionsShort")
    drill.gone("AgoraConnectionsShort")


def test_a_worker_that_is_dead(drill: Drill) -> None:
    platform = drill.platform
    platform.kill("worker")
    order_id = _buy(platform, "0.16")
    drill.expect("AgoraWorkerDown", "AgoraQueueLate")
    drill.expect("AgoraStandsStill", within=180)  # a minute, before anything counts as such

    platform.start("worker")
    platform.until_minted(order_id, within=60)
    drill.gone("AgoraWorkerDown", "AgoraQueueLate")


def test_a_follower_that_is_dead(drill: Drill) -> None:
    platform = drill.platform
    assert platform.python(LISTEN) == "listening"
    platform.until_minted(_buy(platform, "0.17"))
    time.sleep(3)  # the first deliveries fail, and wait for their next attempt
    platform.kill("follower")
    platform.manage("pause", "minting", "--reason", "drill")
    drill.expect("AgoraLoopDown", "AgoraStopped")
    drill.expect("AgoraPriceOld", "AgoraBudgetUnknown", "AgoraAuditLogUnsealed", "AgoraWebhooksLate")
    _until_no_price(platform)
    drill.expect("AgoraRequestsFail")
    drill.expect("AgoraReservesNotCompared", within=180)

    platform.start("follower")
    platform.manage("reconcile")
    gone = ("AgoraLoopDown", "AgoraPriceOld", "AgoraBudgetUnknown", "AgoraAuditLogUnsealed", "AgoraReservesNotCompared")
    drill.gone(*gone)


def test_a_web_process_that_is_dead_wakes_somebody(drill: Drill) -> None:
    drill.platform.kill("web")
    drill.expect("AgoraWebDown")
    drill.platform.start("web")
    drill.gone("AgoraWebDown")

    def told() -> list[dict[str, Any]]:
        return [message for message in drill.told if message["groupLabels"].get("alertname") == "AgoraWebDown"]

    # Alertmanager hears of an end after Prometheus knows of it.
    drill.platform.until(lambda: {message["status"] for message in told()} == {"firing", "resolved"}, within=60)
    assert {message["to"] for message in told()} == {"on-call"}
    (book,) = {alert["annotations"]["runbook_url"] for message in told() for alert in message["alerts"]}
    assert book.startswith("docs/compliance/incident-runbooks/")


def test_tokens_that_nobody_promised(drill: Drill) -> None:
    """The last one: it leaves the books in disorder."""
    role = keccak(text="MINTER_ROLE")
    thief = drill.platform.chain.rpc("eth_accounts")[5]
    _as_admin(
        drill, "setReserveFeed(address,uint256,uint256)", ["address", "uint256", "uint256"], ["0x" + "0" * 40, 0, 0]
    )
    _as_admin(drill, "grantRole(bytes32,address)", ["bytes32", "address"], [role, thief])
    _as_admin(drill, "setMinterAllowance(address,uint256)", ["address", "uint256"], [thief, 10**20])
    types, values = ["address", "uint256", "string"], [drill.platform.wallet, 10**20, "stolen"]
    _send(drill, thief, "mint(address,uint256,string)", types, values)
    drill.expect("AgoraForeignMint", "AgoraHeldByGuard")
    drill.platform.until(lambda: _books_differ(drill.platform), within=60)  # they are compared some blocks back
    drill.expect("AgoraBreak", "AgoraReservesShort")


def test_each_alert_has_been_seen(drill: Drill) -> None:
    assert {rule["alert"] for rule in rules.alerts(rules.load())} - drill.seen == set()


def _books_differ(platform: e2e.Platform) -> bool:
    try:
        platform.manage("reconcile")
    except processes.SetupFailed:
        return True
    return False


def _as_admin(drill: Drill, signature: str, types: list[str], values: list[Any]) -> None:
    _send(drill, drill.platform.chain.rpc("eth_accounts")[0], signature, types, values)


def _send(drill: Drill, sender: str, signature: str, types: list[str], values: list[Any]) -> None:
    chain = drill.platform.chain
    data = "0x" + (keccak(text=signature)[:4] + encode(types, values)).hex()
    transaction = {"from": sender, "to": chain.token, "data": data, "gas": hex(300_000)}
    sent = chain.rpc("eth_sendTransaction", transaction)
    receipt = drill.platform.until(lambda: chain.rpc("eth_getTransactionReceipt", sent))
    assert receipt["status"] == "0x1", f"{signature}: {receipt}"


@contextmanager
def _beside(platform: e2e.Platform, code: str) -> Iterator[None]:
    """Python inside the installation, in a process of its own, from its first line on until the block is left."""
    command = [*processes.MANAGE, "shell", "--no-imports", "-c", code]
    environment = {**os.environ, **platform.layout.env()}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield
        finally:
            process.kill()


def _buy(platform: e2e.Platform, quantity: str) -> str:
    """The order's id. A price that is old, because the machine was busy or the broker away, is waited for."""
    mine = str(uuid.uuid4())
    platform.until(lambda: platform.post(quantity, client_order_id=mine).ok, within=60)
    return str(platform.post(quantity, client_order_id=mine).json()["order_id"])


def _keep_reading(platform: e2e.Platform, done: threading.Event) -> None:
    while not done.wait(2):
        requests.get(f"{platform.layout.web_url}/api/v1/assets", headers=platform._auth(), timeout=60)


def _until_no_price(platform: e2e.Platform) -> None:
    """Buy until buying is refused for want of a price, and go on for a while."""

    def refused() -> bool:
        return platform.post("0.18").status_code >= 500

    platform.until(refused, within=120)
    for _ in range(20):  # over several scrapes: a rate wants a counter that was seen to rise
        refused()
        time.sleep(0.5)


def test_every_expression_of_the_dashboards_is_read_by_prometheus(drill: Drill) -> None:
    expressions = [expression for board in rules.dashboards().values() for expression in rules.expressions_in(board)]

    assert len(expressions) > 40
    for expression in expressions:
        drill.ask(expression.replace("$__rate_interval", "5m"))
