"""The misbehaving node: what it does to a client, and that it is honest when told nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from agora.lib import anvil
from minting.sandbox import process
from minting.sandbox.lies import forged

ZERO = "0x" + "00" * 32


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with anvil.running() as url:
        for _ in range(5):
            call(url, "evm_mine")
        yield url


@pytest.fixture(scope="module")
def started(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Node]:
    with process.running(tmp_path_factory.mktemp("rpc"), upstream=upstream) as node:
        yield node


@pytest.fixture
def node(started: process.Node) -> process.Node:
    started.control.reset()
    return started


def call(url: str, method: str, *params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
    answer = requests.post(url, json=body, timeout=5).json()
    assert answer["id"] == 7
    return answer["result"]


def test_an_honest_one_answers_as_the_node_does_in_batches_too(node: process.Node, upstream: str) -> None:
    block = call(upstream, "eth_getBlockByNumber", "0x2", False)
    batch = [
        {"jsonrpc": "2.0", "id": 9, "method": "eth_chainId", "params": []},
        {"jsonrpc": "2.0", "id": 4, "method": "eth_getBlockByNumber", "params": ["0x2", False]},
    ]

    answers = requests.post(node.url, json=batch, timeout=5).json()

    assert [(answer["id"], answer["result"]) for answer in answers] == [(9, hex(anvil.CHAIN_ID)), (4, block)]


def test_one_that_lags_knows_nothing_of_later_blocks(node: process.Node, upstream: str) -> None:
    head = int(call(upstream, "eth_blockNumber"), 16)
    node.control.settings(lag=2)

    assert call(node.url, "eth_blockNumber") == hex(head - 2)
    assert call(node.url, "eth_getBlockByNumber", "latest", False)["number"] == hex(head - 2)
    assert call(node.url, "eth_getBlockByNumber", hex(head), False) is None
    assert call(node.url, "eth_getLogs", {"fromBlock": hex(head), "toBlock": hex(head)}) == []


def test_a_forged_chain_is_linked_in_itself(node: process.Node, upstream: str) -> None:
    node.control.settings(lies=["block_hash"], lie_options={"block_hash": {"from": 2}})

    first, second, third = (call(node.url, "eth_getBlockByNumber", hex(n), False) for n in (1, 2, 3))

    assert (first["hash"], second["parentHash"]) == (call(upstream, "eth_getBlockByNumber", "0x1", False)["hash"],) * 2
    assert second["hash"] == forged(call(upstream, "eth_getBlockByNumber", "0x2", False)["hash"])
    assert third["parentHash"] == second["hash"]
    assert {entry["lie"] for entry in node.control.log(kind="lie")} == {"block_hash"}


def test_lies_about_single_answers(node: process.Node) -> None:
    lies = ["chain_id", "nonce", "code", "balance", "receipt", "no_logs", "key_used"]
    node.control.settings(lies=lies, lie_options={"chain_id": {"id": 5}, "receipt": {"status": "0x0"}})

    assert call(node.url, "eth_chainId") == "0x5"
    assert call(node.url, "eth_getTransactionCount", "0x" + "11" * 20, "latest") == "0x3"
    assert call(node.url, "eth_getCode", "0x" + "11" * 20, "latest") == "0xfe"
    assert call(node.url, "eth_getBalance", "0x" + "11" * 20, "latest") == "0x0"
    assert call(node.url, "eth_getTransactionReceipt", ZERO)["status"] == "0x0"


def test_a_dropped_broadcast_is_answered_and_noted_but_never_passed_on(node: process.Node, upstream: str) -> None:
    mark = len(node.control.log())
    node.control.settings(lies=["drop_broadcast"])

    tx_hash = call(node.url, "eth_sendRawTransaction", "0x02c0")

    (noted,) = node.control.log(after=mark, kind="broadcast")
    assert (noted["tx_hash"], noted["passed_on"]) == (tx_hash, False)
    assert call(upstream, "eth_getTransactionByHash", tx_hash) is None


def test_scripts_are_used_up_and_matched_by_method(node: process.Node) -> None:
    node.control.scenario(match={"method": "eth_chainId"}, http="429")
    node.control.scenario(match={"method": "eth_chainId"}, http="malformed")
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}

    assert call(node.url, "eth_blockNumber")
    assert requests.post(node.url, json=body, timeout=5).status_code == 429
    with pytest.raises(requests.JSONDecodeError):
        requests.post(node.url, json=body, timeout=5).json()
    assert call(node.url, "eth_chainId") == hex(anvil.CHAIN_ID)


def test_chance_is_the_seeds(upstream: str, tmp_path: Path) -> None:
    def faults(name: str, seed: int) -> list[str]:
        with process.running(tmp_path / name, upstream=upstream, seed=seed) as node:
            node.control.settings(rate=0.5, mix={"503": 1, "429": 1})
            body = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
            return [str(requests.post(node.url, json=body, timeout=5).status_code) for _ in range(12)]

    one = faults("a", 5)
    assert one == faults("b", 5)
    assert set(one) == {"200", "429", "503"}


def test_its_character_and_its_log_outlive_a_kill(node: process.Node) -> None:
    node.control.settings(lag=1)
    noted = node.control.log()

    node.kill()
    node.start()

    assert node.control.settings()["lag"] == 1
    assert node.control.log() == noted
