"""EvmChain against nodes that are down, silent, lying, or only partly there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agora.lib.errors import Rejected, Unavailable, Uncertain
from minting.chains import errors
from minting.chains.evm import EvmChain
from minting.tests.chain_fixtures import (
    ALICE,
    QUARTER,
    Node,
    closed_port,
    node_with_token,
    scripted_node,
    silent_node,
)

CHAIN_ID = 31337
FAST = (0.5, 0.3)  # seconds: connect, read
RAW = b"\x02\xc0"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with node_with_token() as node:
        yield node


@contextmanager
def chain_of(*urls: str) -> Iterator[EvmChain]:
    chain = EvmChain(urls, chain_id=CHAIN_ID, timeout=FAST)
    yield chain
    chain.close()


class Script:
    """A node that answers each method by a result, an error (see `refused`), or a whole HTTP answer (status, body)."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {"eth_chainId": hex(CHAIN_ID), **answers}
        self.asked: list[str] = []

    def __call__(self, request: Any) -> tuple[int, Any]:
        if isinstance(request, list):
            answers = [self._answer(one) for one in request]
            whole = next((answer for answer in answers if isinstance(answer, tuple)), None)
            return whole or (200, [self._member(one) for one in request])
        self.asked.append(request["method"])
        answer = self._answer(request)
        if isinstance(answer, tuple):
            return answer
        return 200, self._wrapped(request, answer)

    def _member(self, request: Any) -> Any:
        self.asked.append(request["method"])
        return self._wrapped(request, self._answer(request))

    def _answer(self, request: Any) -> Any:
        answer = self.answers[request["method"]]
        return answer(*request["params"]) if callable(answer) else answer

    @staticmethod
    def _wrapped(request: Any, answer: Any) -> Any:
        kind = "error" if isinstance(answer, dict) and "code" in answer else "result"
        return {"jsonrpc": "2.0", "id": request["id"], kind: answer}


def refused(message: str, code: int = -32000) -> dict[str, Any]:
    return {"code": code, "message": message}


# --- Reads -----------------------------------------------------------------------------------------------------------


def test_read_goes_on_to_the_second_node_when_the_first_is_down(node: Node) -> None:
    with chain_of(closed_port(), node.url) as chain:
        assert chain.balance_of(contract=node.token.address, holder=ALICE) == 0
        assert chain.headers(0, 1) == node.chain.headers(0, 1)


def test_read_goes_on_when_the_first_is_silent_and_stays_where_it_was_answered(node: Node) -> None:
    script = Script(eth_blockNumber="0x1", eth_getBalance="0x7")
    with silent_node() as silent, scripted_node(script) as second, chain_of(silent, second) as chain:
        assert [chain.native_balance(ALICE) for _ in range(3)] == [7, 7, 7]

    assert script.asked == ["eth_chainId", "eth_getBalance", "eth_getBalance", "eth_getBalance"]


def test_read_with_all_nodes_down_is_unavailable_and_names_each() -> None:
    first, second = closed_port(), closed_port()
    with chain_of(first, second) as chain, pytest.raises(Unavailable) as failure:
        chain.head()

    assert first.removeprefix("http://") in failure.value.detail
    assert second.removeprefix("http://") in failure.value.detail
    assert failure.value.vendor_code == ""


def test_read_from_a_silent_node_is_unavailable() -> None:
    with silent_node() as silent, chain_of(silent) as chain, pytest.raises(Unavailable):
        chain.receipts(["0x" + "11" * 32])


def test_node_of_another_chain_is_not_believed(node: Node) -> None:
    script = Script(eth_chainId="0x1", eth_getBalance="0x7")
    with scripted_node(script) as other, chain_of(other) as chain, pytest.raises(Unavailable) as failure:
        chain.native_balance(ALICE)
    assert failure.value.vendor_code == "WrongChain"
    assert "eth_getBalance" not in script.asked

    with scripted_node(script) as other, chain_of(other, node.url) as chain:
        assert chain.native_balance(node.token.address) == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>maintenance</html>", b"\xff\xfe", b"[]", b"null", b"{}", b'{"result": null}', b'{"result": "7"}'],
)
def test_garbled_answer_is_unavailable_and_no_number(body: bytes) -> None:
    script = Script(eth_getBalance=(200, body))
    with scripted_node(script) as url, chain_of(url) as chain, pytest.raises(Unavailable):
        chain.native_balance(ALICE)


def test_garbled_answer_makes_the_read_go_on(node: Node) -> None:
    script = Script(eth_getBlockByNumber={"number": "0x1"})
    with scripted_node(script) as first, chain_of(first, node.url) as chain:
        assert chain.head() == node.chain.head()


def test_batch_that_lacks_an_answer_is_unavailable() -> None:
    def answer(request: Any) -> tuple[int, Any]:
        if isinstance(request, list):
            return 200, [{"jsonrpc": "2.0", "id": one["id"], "result": None} for one in request[:-1]]
        return 200, {"jsonrpc": "2.0", "id": request["id"], "result": hex(CHAIN_ID)}

    with scripted_node(answer) as url, chain_of(url) as chain, pytest.raises(Unavailable):
        chain.receipts(["0x" + "11" * 32, "0x" + "22" * 32])


def test_null_receipt_among_others_is_only_missing() -> None:
    script = Script(eth_getTransactionReceipt=None)
    with scripted_node(script) as url, chain_of(url) as chain:
        assert chain.receipts(["0x" + "11" * 32, "0x" + "22" * 32]) == {}


def test_too_many_requests_is_unavailable_and_the_providers_key_stays_out_of_the_words() -> None:
    script = Script(eth_getBalance=(429, b"slow down"))
    with scripted_node(script) as url, chain_of(url + "/v3/secret-key") as chain, pytest.raises(Unavailable) as failure:
        chain.native_balance(ALICE)

    assert failure.value.detail == f"{url.removeprefix('http://')}: HTTP 429 slow down"


def test_node_that_is_down_keeps_the_providers_key_out_of_the_words() -> None:
    with chain_of(closed_port() + "/v3/secret-key") as chain, pytest.raises(Unavailable) as failure:
        chain.head()

    assert "secret-key" not in failure.value.detail
    assert "Connection refused" in failure.value.detail


def test_finalized_is_none_while_the_chain_has_none() -> None:
    script = Script(eth_getBlockByNumber=refused("finalized block not found"))
    with scripted_node(script) as url, chain_of(url) as chain:
        assert chain.finalized() is None


def test_logs_are_asked_for_in_halves_where_a_node_caps_the_range(node: Node) -> None:
    spans: list[tuple[int, int]] = []

    def logs(wanted: Any) -> Any:
        span = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        spans.append(span)
        return refused("query exceeds max block range 3", -32602) if span[1] - span[0] >= 3 else []

    with scripted_node(Script(eth_getLogs=logs)) as url, chain_of(url) as chain:
        assert chain.minted_logs(contracts=[node.token.address], first=0, last=9) == []

    answered = [span for span in spans if span[1] - span[0] < 3]
    assert answered == [(0, 2), (3, 4), (5, 7), (8, 9)]


def test_logs_that_a_node_refuses_at_any_length_are_asked_for_again_later(node: Node) -> None:
    script = Script(eth_getLogs=refused("method disabled", -32601))
    with scripted_node(script) as url, chain_of(url) as chain, pytest.raises(Unavailable):
        chain.minted_logs(contracts=[node.token.address], first=0, last=1000)

    assert script.asked.count("eth_getLogs") < 15


# Answers that are about the way to the node, or about the node: another is asked, and nothing of the mint is final.
ODD = {
    "limit in a 200": refused(
        "15/second request limit reached - reduce calls per second or upgrade your account", -32007
    ),
    "method not found": refused("the method eth_call does not exist/is not available", -32601),
    "revert without data": refused("execution reverted"),
    "invalid params": refused("invalid argument 1: hex string without 0x prefix", -32602),
    "null": None,
    "words": "temporarily unavailable",
    "html": (200, "<html><body>Just a moment…</body></html>"),
    "html 403": (403, "<html><center><h1>403 Forbidden</h1></center></html>"),
    "html 404": (404, "404 page not found"),
    "error in a 400": (400, {"error": refused("project id required in the url", -32600)}),
    "error in a 500": (500, {"jsonrpc": "2.0", "id": 1, "error": refused("internal error")}),
    "empty": (200, ""),
    "empty object": (200, {}),
    "a list": (200, []),
    "deep": (200, b"[" * 100_000),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
def test_a_mint_is_simulated_by_the_next_node_whatever_the_first_one_says(node: Node, odd: Any) -> None:
    script = Script(eth_call=odd, eth_estimateGas=odd, eth_getTransactionCount=odd)
    with scripted_node(script) as url, chain_of(url, node.url) as both, chain_of(url) as alone:
        assert both.simulate_mint(node.call("odd")) > 0
        with pytest.raises((Unavailable, Uncertain)):
            alone.simulate_mint(node.call("odd"))


@pytest.mark.parametrize(
    "answer", [None, refused("pending block is not available"), refused("header for hash not found"), refused("?", 7)]
)
def test_a_node_without_a_pending_block_is_asked_for_the_latest(answer: Any) -> None:
    def at(*params: Any) -> Any:
        return answer if params[-1] == "pending" else "0x5208"

    with scripted_node(Script(eth_call=at, eth_estimateGas=at)) as url, chain_of(url) as chain:
        assert chain.simulate(sender=ALICE, to=ALICE, data="0x00") == 26250


@pytest.mark.parametrize(
    ("price", "tip"),
    [("0x77359400", 10**9), ("0x1", 0), (refused("no", -32601), 10**9)],
)
def test_a_tip_is_found_where_no_node_suggests_one(price: Any, tip: int) -> None:
    script = Script(
        eth_getBlockByNumber={"baseFeePerGas": hex(10**9)},
        eth_maxPriorityFeePerGas=refused("the method eth_maxPriorityFeePerGas does not exist", -32601),
        eth_gasPrice=price,
    )
    with scripted_node(script) as url, chain_of(url) as chain:
        assert (chain.fee_market().base_fee, chain.fee_market().tip) == (10**9, tip)


def test_how_many_requests_a_node_takes_at_once_is_learned_and_remembered() -> None:
    sizes: list[int] = []
    script = Script(eth_getTransactionReceipt=None)

    def small(request: Any) -> tuple[int, Any]:
        if isinstance(request, list):
            sizes.append(len(request))
            if len(request) > 20:
                return 200, {"jsonrpc": "2.0", "id": None, "error": refused("batch limit exceeded: too large", -32600)}
        return script(request)

    hashes = ["0x" + f"{number:064x}" for number in range(50)]
    with scripted_node(small) as url, chain_of(url) as chain:
        assert chain.receipts(hashes) == {}
        assert chain.receipts(hashes) == {}
    assert sizes == [50, 25, 12, 12, 12, 12, 2, 12, 12, 12, 12, 2]


# --- Broadcast -------------------------------------------------------------------------------------------------------


def test_broadcast_to_a_node_that_is_down_is_unavailable() -> None:
    with chain_of(closed_port()) as chain, pytest.raises(Unavailable):
        chain.broadcast(RAW)


def test_broadcast_without_an_answer_is_uncertain() -> None:
    with silent_node() as silent, chain_of(silent) as chain, pytest.raises(Uncertain):
        chain.broadcast(RAW)


def test_broadcast_is_uncertain_when_one_node_is_silent_and_the_other_down() -> None:
    with silent_node() as silent, chain_of(silent, closed_port()) as chain, pytest.raises(Uncertain):
        chain.broadcast(RAW)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_broadcast_that_a_gateway_fails_is_uncertain_and_sent_once(status: int) -> None:
    script = Script(eth_sendRawTransaction=(status, b"upstream"))
    with scripted_node(script) as url, chain_of(url) as chain, pytest.raises(Uncertain):
        chain.broadcast(RAW)

    assert script.asked == ["eth_sendRawTransaction"]


@pytest.mark.parametrize("answer", [None, "0x", "0x" + "11" * 32, (200, b"<html>"), refused("internal error", -32603)])
def test_broadcast_with_a_garbled_answer_is_uncertain(answer: Any) -> None:
    script = Script(eth_sendRawTransaction=answer, eth_getTransactionByHash=None)
    with scripted_node(script) as url, chain_of(url) as chain, pytest.raises(Uncertain):
        chain.broadcast(RAW)


def test_broadcast_goes_to_every_node_and_one_that_takes_it_is_enough(node: Node) -> None:
    script = Script(eth_sendRawTransaction=refused("txpool is full"))
    raw = node.signed_mint("trade-1")
    with (
        silent_node() as silent,
        scripted_node(script) as full,
        chain_of(closed_port(), silent, full, node.url) as chain,
    ):
        tx_hash = chain.broadcast(raw)

    node.rpc("evm_mine")
    assert script.asked == ["eth_sendRawTransaction"]
    assert node.chain.receipts([tx_hash])[tx_hash].succeeded is True
    assert node.chain.balance_of(contract=node.token.address, holder=ALICE) == QUARTER


@pytest.mark.parametrize("words", ["already known", "transaction already imported", "nonce too low: next nonce 7"])
def test_broadcast_that_a_node_refuses_but_has_is_sent(words: str) -> None:
    script = Script(
        eth_sendRawTransaction=refused(words),
        eth_getTransactionByHash=lambda tx_hash: {"hash": tx_hash, "nonce": "0x6"},
    )
    with scripted_node(script) as url, chain_of(url) as chain:
        tx_hash = chain.broadcast(RAW)

    assert script.asked == ["eth_sendRawTransaction", "eth_getTransactionByHash"]
    assert len(tx_hash) == 66


def test_broadcast_already_known_but_not_to_be_found_is_uncertain() -> None:
    script = Script(eth_sendRawTransaction=refused("already known"), eth_getTransactionByHash=None)
    with scripted_node(script) as url, chain_of(url) as chain, pytest.raises(Uncertain) as failure:
        chain.broadcast(RAW)

    assert failure.value.vendor_code == "AlreadyKnown"


def test_broadcast_refused_by_a_node_that_then_falls_silent_is_uncertain() -> None:
    script = Script(eth_sendRawTransaction=refused("nonce too low"), eth_getTransactionByHash=(503, b""))
    with scripted_node(script) as url, chain_of(url) as chain, pytest.raises(Uncertain):
        chain.broadcast(RAW)


def test_broadcast_refused_by_the_one_node_that_is_up_is_rejected() -> None:
    script = Script(eth_sendRawTransaction=refused("nonce too low"), eth_getTransactionByHash=None)
    with scripted_node(script) as url, chain_of(closed_port(), url) as chain, pytest.raises(Rejected) as failure:
        chain.broadcast(RAW)

    assert failure.value.vendor_code == "NonceTooLow"


def test_call_refused_with_status_400_is_read_all_the_same(node: Node) -> None:
    paused = {"code": 3, "message": "execution reverted", "data": "0x08c379a0" + _text("paused")}
    script = Script(eth_call=(400, {"jsonrpc": "2.0", "id": 1, "error": paused}))
    with scripted_node(script) as url, chain_of(url) as chain, pytest.raises(Rejected) as failure:
        chain.total_supply(contract=node.token.address)

    assert (failure.value.vendor_code, failure.value.detail) == ("Error", "reverted with Error('paused')")


def _text(words: str) -> str:
    return f"{32:064x}{len(words):064x}{words.encode().hex():0<64}"


# --- Words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind", "vendor_code"),
    [
        ({"code": -32000, "message": "nonce too low: next nonce 5, tx nonce 4"}, Rejected, "NonceTooLow"),
        ({"code": -32003, "message": "nonce too low"}, Rejected, "NonceTooLow"),
        ({"code": -32000, "message": "already known"}, Uncertain, "AlreadyKnown"),
        ({"code": -32003, "message": "transaction already imported"}, Uncertain, "AlreadyKnown"),
        ({"code": -32000, "message": "replacement transaction underpriced"}, Rejected, "ReplacementUnderpriced"),
        ({"code": -32003, "message": "Insufficient funds for gas * price + value"}, Rejected, "InsufficientFunds"),
        ({"code": -32000, "message": "max fee per gas less than block base fee: …"}, Rejected, "FeeTooLow"),
        ({"code": -32000, "message": "header not found"}, Unavailable, "UnknownBlock"),
        ({"code": -32602, "message": "BlockOutOfRangeError: block height is 0 but …"}, Unavailable, "UnknownBlock"),
        ({"code": -32016, "message": "over rate limit"}, Unavailable, "Busy"),
        ({"code": -32005, "message": "daily request count exceeded"}, Unavailable, "Busy"),
        ({"code": -32000, "message": "request timed out"}, Uncertain, "NodeTimeout"),
        ({"code": -32603, "message": "Internal error"}, Uncertain, "InternalError"),
        ({"code": 3, "message": "execution reverted"}, Uncertain, "3"),  # no data: whose refusal, and of what?
        ({"code": -32000, "message": "execution reverted", "data": "0x"}, Uncertain, "-32000"),
        ({"code": 3, "message": "execution reverted", "data": "0xdeadbeef"}, Rejected, "Reverted"),
        ({"code": -32015, "message": "VM error", "data": "Reverted 0x4e487b71" + f"{17:064x}"}, Rejected, "Panic"),
        ({"code": -32601, "message": "Method not found"}, Uncertain, "-32601"),
        ({"code": -32007, "message": "15/second request limit reached - reduce calls per second"}, Unavailable, "Busy"),
        (
            {"code": -32000, "message": "in-flight transaction limit reached for delegated accounts"},
            Unavailable,
            "Busy",
        ),
        ({"code": -32000, "message": "txpool is full"}, Unavailable, "Busy"),
        ({"code": -32010, "message": "AlreadyKnown"}, Uncertain, "-32010"),
        ({"code": -32000, "message": "ALREADY_EXISTS: already known"}, Uncertain, "AlreadyKnown"),
        ({"code": -32000, "message": "unknown transaction type"}, Uncertain, "-32000"),
        (
            {"code": -32000, "message": "transaction underpriced: gas tip cap 0, minimum needed 1"},
            Rejected,
            "FeeTooLow",
        ),
        ({"code": -32010, "message": "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1"}, Rejected, "FeeTooLow"),
        ({"code": -32000, "message": "header for hash not found"}, Unavailable, "UnknownBlock"),
        ({"code": -32000, "message": "pending block is not available"}, Unavailable, "UnknownBlock"),
        ({"code": -32600, "message": "batch too large"}, Unavailable, "TooMuch"),
        ({"code": -32602, "message": "query returned more than 10000 results"}, Unavailable, "TooMuch"),
        ({"code": -32000, "message": "upstream connect error"}, Uncertain, "-32000"),
        ({"code": "SERVER_ERROR", "message": None}, Uncertain, "SERVER_ERROR"),
        ({"message": "no code"}, Uncertain, "Unknown"),
        ({}, Uncertain, "Unknown"),
        ({"code": -32000, "message": "x" * 10**6}, Uncertain, "-32000"),
        ({"code": -32000, "message": "fine", "data": "0xdeadbeef"}, Uncertain, "-32000"),
        ({"code": -32000, "message": ["odd"], "data": 7}, Uncertain, "-32000"),
        ("a string", Uncertain, "Unknown"),
        (["a list"], Uncertain, "Unknown"),
        (True, Uncertain, "Unknown"),
    ],
)
def test_nodes_words_become_one_of_three(error: Any, kind: type[Exception], vendor_code: str) -> None:
    refusal = errors.refusal(error)

    assert (isinstance(refusal, kind), refusal.vendor_code) == (True, vendor_code)
