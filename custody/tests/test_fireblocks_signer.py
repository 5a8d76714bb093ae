"""Signing over the real SDK when Fireblocks stalls, lies or loses the answer: one signature a request id, or none."""

from __future__ import annotations

import dataclasses
import time
from decimal import Decimal

import pytest
from eth_account import Account

from agora.lib.errors import Rejected, Uncertain
from custody.custodians.fireblocks import FireblocksCustodian
from custody.sandbox.process import running
from custody.signers.base import MintIntent, Signed, Submitted
from custody.signers.fireblocks import FireblocksSigner

ASSET, GAS = "AAPL_RAT", "BASECHAIN_ETH_TEST5"
POST, GET = "POST /v1/transactions", "GET /v1/transactions"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("fireblocks")) as process:
        yield process


@pytest.fixture(autouse=True)
def _no_scenario_is_left(sandbox):
    yield
    sandbox.control.clear_scenarios()


@pytest.fixture(scope="module")
def custodian(sandbox):
    return FireblocksCustodian(
        api_key=sandbox.api_key,
        private_key_pem=sandbox.private_key_file.read_text(),
        url=sandbox.url,
        jwks_url=sandbox.jwks_url,
    )


@pytest.fixture(scope="module")
def minting(custodian):
    vault_id = custodian.ensure_vault_account(name="agora-minting", asset_id=GAS)
    return vault_id, custodian.vault_address(vault_id=vault_id, asset_id=GAS)


@pytest.fixture(scope="module")
def signer(custodian, minting):
    vault_id, address = minting
    return FireblocksSigner(custodian.client, vault_id=vault_id, asset_id=GAS, address=address, wait_seconds=1.0)


@pytest.fixture(scope="module")
def intent(minting):
    return MintIntent(
        chain_id=31337,
        contract=minting[1],
        to=minting[1],
        amount_wei=10**18,
        mint_key="trade-1",
        nonce=0,
        gas=120_000,
        max_fee_per_gas=10**9,
        max_priority_fee_per_gas=10**6,
    )


def until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_signature_is_made_once_however_often_it_is_asked_for(sandbox, signer, intent):
    first = signer.sign_mint(intent, request_id="s-once")

    again = [signer.sign_mint(intent, request_id="s-once") for _ in range(3)]

    assert again == [first] * 3
    assert len(sandbox.control.log(kind="signed", external_tx_id="s-once")) == 1


def test_signing_that_was_created_in_a_time_out_is_picked_up(sandbox, signer, intent):
    sandbox.control.scenario(
        match={"endpoint": POST, "external_tx_id": "s-lost"}, http={"fault": "drop", "when": "after"}
    )
    with pytest.raises(Uncertain):
        signer.sign_mint(intent, request_id="s-lost")

    signed = signer.sign_mint(intent, request_id="s-lost")

    assert isinstance(signed, Signed)
    assert len(sandbox.control.log(kind="transaction_created", external_tx_id="s-lost")) == 1


def test_slow_signature_is_submitted_first_and_signed_later(sandbox, custodian, minting, intent):
    vault_id, address = minting
    hasty = FireblocksSigner(custodian.client, vault_id=vault_id, asset_id=GAS, address=address, wait_seconds=0.1)
    sandbox.control.scenario(match={"external_tx_id": "s-slow"}, hold="PENDING_AUTHORIZATION")

    waiting = hasty.sign_mint(intent, request_id="s-slow")
    assert isinstance(waiting, Submitted)
    assert waiting.status in {"SUBMITTED", "PENDING_AUTHORIZATION"}
    sandbox.control.release("s-slow")

    until(lambda: isinstance(hasty.sign_mint(intent, request_id="s-slow"), Signed))


def test_trouble_while_waiting_does_not_lose_the_request(sandbox, signer, intent):
    sandbox.control.scenario(match={"endpoint": GET}, http={"fault": "status", "status": 500})

    waiting = signer.sign_mint(intent, request_id="s-trouble")

    assert isinstance(waiting, Submitted)
    assert isinstance(signer.sign_mint(intent, request_id="s-trouble"), Signed)


@pytest.mark.parametrize("status", ["FAILED", "REJECTED", "BLOCKED", "CANCELLED", "TIMEOUT"])
def test_signing_that_ended_without_a_signature_is_rejected(sandbox, signer, intent, status):
    sandbox.control.scenario(match={"external_tx_id": f"s-{status}"}, fail={"status": status, "sub_status": "BECAUSE"})

    for _ in range(2):
        with pytest.raises(Rejected, match=f"{status} BECAUSE"):
            signer.sign_mint(intent, request_id=f"s-{status}")


@pytest.mark.parametrize("trick", ["wrong_key", "wrong_digest"])
def test_signature_that_is_not_ours_is_rejected(sandbox, signer, intent, trick):
    sandbox.control.scenario(match={"external_tx_id": f"s-{trick}"}, signature=trick)

    with pytest.raises(Rejected, match="something else"):
        signer.sign_mint(intent, request_id=f"s-{trick}")


def test_high_s_from_the_provider_is_normalised(sandbox, signer, intent):
    sandbox.control.scenario(match={"external_tx_id": "s-high"}, signature="high_s")

    signed = signer.sign_mint(intent, request_id="s-high")

    assert Account.recover_transaction(signed.raw) == signer.address()


def test_request_id_that_signed_another_intent_is_rejected(signer, intent):
    other = dataclasses.replace(intent, nonce=1)
    signer.sign_mint(intent, request_id="s-other")

    with pytest.raises(Rejected, match="something else"):
        signer.sign_mint(other, request_id="s-other")


def test_request_id_of_a_transfer_signs_nothing(custodian, signer, intent):
    inbox = custodian.ensure_vault_account(name="agora-settlement-inbox", asset_id=ASSET)
    custodian.transfer(
        external_tx_id="s-transfer",
        asset_id=ASSET,
        quantity=Decimal(1),
        source_id=inbox,
        destination_id=inbox,
        note="",
    )

    with pytest.raises(Rejected, match="something else"):
        signer.sign_mint(intent, request_id="s-transfer")
