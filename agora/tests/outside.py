"""The outside world of the in-process tests, and the settings that point to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from django.test import override_settings

from agora.lib import anvil
from custody import custodians, signers
from custody.sandbox import process as fireblocks
from minting import chains
from orders import brokers, rates
from orders.sandbox import process as alpaca


@dataclasses.dataclass
class Outside:
    broker: alpaca.Sandbox
    custodian: fireblocks.Sandbox
    chain_url: str
    directory: Path  # of keys and records that an installation makes

    def reset(self) -> None:
        self.broker.control.reset()
        self.broker.control.settings(fill_delay=0.0, minimum_cost="0")
        self.custodian.control.clear_scenarios()
        self.custodian.control.settings(transfer_seconds=0.0, raw_seconds=0.0)
        self.rpc("anvil_dropAllTransactions")  # an earlier installation's would be foreign nonces to the next one
        self.rpc("evm_setAutomine", True)

    @contextmanager
    def configured(self) -> Iterator[None]:
        """Django's settings pointing here, with adapters of this installation's own and short waits."""
        with override_settings(
            ALPACA_URL=self.broker.url,
            ALPACA_DATA_URL=self.broker.url,
            ALPACA_STREAM_URL=self.broker.stream_url,
            PTAX_URL=f"{self.broker.url}/olinda/servico/PTAX/versao/v1/odata",
            ALPACA_KEY_ID=self.broker.key_id,
            ALPACA_SECRET_KEY=self.broker.secret_key,
            FIREBLOCKS_URL=self.custodian.url,
            FIREBLOCKS_API_KEY=self.custodian.api_key,
            FIREBLOCKS_PRIVATE_KEY_FILE=str(self.custodian.private_key_file),
            FIREBLOCKS_JWKS_URL=self.custodian.jwks_url,
            CHAIN_RPC_URLS=[self.chain_url],
            CHAIN_ID=anvil.CHAIN_ID,
            ATTESTOR_KEYS_FILE=str(self.directory / "attestors.json"),
            RESERVE_PUBLISHER_KEY_FILE=str(self.directory / "publisher.json"),
            REPORT_ATTESTOR_KEY_FILE=str(self.directory / "report-attestor.json"),
            LOCAL_DEPLOYMENTS=self.directory / "deployments",
            RESERVE_REPORT_GAP=0.0,
            RESERVE_GRACE=0.0,
            NUDGE_AFTER=0.2,
            UNCERTAIN_GRACE=0.1,
        ):
            adapters = (brokers.get_broker, custodians.get_custodian, custodians.get_webhook_verifier)
            factories = (*adapters, signers.get_signer, chains.get_chain, rates.get_rate_feeds)
            for factory in factories:
                factory.cache_clear()
            yield

    def rpc(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call to the chain, around our own code."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = requests.post(self.chain_url, json=body, timeout=10).json()
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.rpc("evm_mine")


@contextmanager
def start_outside(directory: Path) -> Iterator[Outside]:
    with (
        anvil.running() as chain_url,
        alpaca.running(directory / "alpaca") as broker,
        fireblocks.running(directory / "fireblocks") as custodian,
    ):
        yield Outside(broker=broker, custodian=custodian, chain_url=chain_url, directory=directory)
