"""What the chain adapter's tests share: a token on a fresh anvil, signed mints, and nodes that misbehave."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import requests
from eth_account import Account
from eth_utils import keccak

from agora.lib import anvil
from minting.chains import abi
from minting.chains.base import MintCall
from minting.chains.evm import EvmChain
from minting.chains.operator import CALL_GAS, Call, Operator, wait_until_mined

# anvil's first accounts, known to everyone
ADMIN_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
MINTER_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
ADMIN = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
MINTER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
ALICE = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
QUARTER = 250_000_000_000_000_000


@dataclass(frozen=True)
class Deployed:
    address: str
    block_number: int
    code_hash: str | None


@dataclass(frozen=True)
class Node:
    """A running anvil, our adapter to it, and the token on it."""

    url: str
    chain: EvmChain
    token: Deployed

    def rpc(self, method: str, *params: object) -> Any:
        """Past the adapter: what a test does to the node behind its back."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = requests.post(self.url, json=body, timeout=10).json()
        assert "error" not in answer, answer
        return answer["result"]

    def signed_mint(self, mint_key: str, *, nonce: int | None = None, amount_wei: int = QUARTER) -> bytes:
        fees = self.chain.fees()
        transaction = {
            "type": 2,
            "chainId": anvil.CHAIN_ID,
            "nonce": self.chain.next_nonce(MINTER) if nonce is None else nonce,
            "to": self.token.address,
            "data": abi.encode_call("mint", ALICE, amount_wei, mint_key),
            "gas": 200_000,
            "maxFeePerGas": fees.max_fee_per_gas,
            "maxPriorityFeePerGas": fees.max_priority_fee_per_gas,
        }
        return bytes(Account.sign_transaction(transaction, MINTER_KEY).raw_transaction)

    def mint(self, mint_key: str) -> str:
        """A mint in a block of its own."""
        return self.mined(self.signed_mint(mint_key))

    def mined(self, raw: bytes) -> str:
        tx_hash = self.chain.broadcast(raw)
        self.rpc("evm_mine")
        return tx_hash

    def call(self, mint_key: str, *, minter: str = MINTER, amount_wei: int = QUARTER) -> MintCall:
        return MintCall(contract=self.token.address, minter=minter, to=ALICE, amount_wei=amount_wei, mint_key=mint_key)


@contextmanager
def node_with_token() -> Iterator[Node]:
    """An anvil with the AAPL token deployed in block 1, and its minter set up. Then blocks come by `evm_mine` alone.

    anvil's automining answers before it has mined: what a test sees next would be a matter of luck.
    """
    with anvil.running() as url:
        chain = EvmChain([url], chain_id=anvil.CHAIN_ID)
        set_automine = {"jsonrpc": "2.0", "id": 1, "method": "evm_setAutomine", "params": [False]}
        requests.post(url, json=set_automine, timeout=10).raise_for_status()
        node = Node(url=url, chain=chain, token=_token_in_one_block(chain))
        yield node
        chain.close()


def _token_in_one_block(chain: EvmChain) -> Deployed:
    """The AAPL token, with MINTER as its minter."""
    operator = Operator(chain, ADMIN_KEY)
    creation = operator.sign_creation(abi.encode_deployment(*arguments("AAPL")))
    chain.broadcast(creation.raw)
    calls = [
        abi.encode_call("grantRole", keccak(text="MINTER_ROLE"), MINTER),
        abi.encode_call("setMinterAllowance", MINTER, 10**24),
        abi.encode_call("setDailyMintCap", 10**24),
    ]
    fees = chain.fees()
    for nonce, data in enumerate(calls, start=creation.nonce + 1):
        raw, _ = operator.sign(Call(to=creation.address, data=data), nonce=nonce, gas=CALL_GAS, fees=fees)
        chain.broadcast(raw)
    chain.mine()
    (receipt,) = wait_until_mined(chain, [creation.tx_hash])
    return Deployed(creation.address, receipt.block_number, chain.code_hash(creation.address))


def arguments(ticker: str) -> tuple[object, ...]:
    """A token's constructor's."""
    return (f"{ticker} RAT", f"{ticker}-RAT", ticker, ADMIN, 0, "terms", bytes(32))


@contextmanager
def silent_node() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def closed_port() -> str:
    """The URL of a node that is down."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def scripted_node(answer: Callable[[Any], tuple[int, Any]]) -> Iterator[str]:
    """A server that gives each JSON request's answer: HTTP status, and the body (bytes as they are)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = answer(request)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
