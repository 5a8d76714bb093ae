"""The custodian and signer ports over the real SDK: against our sandbox, and against Fireblocks' own when keys are set.

For the vendor's sandbox workspace: FIREBLOCKS_SANDBOX_API_KEY, FIREBLOCKS_SANDBOX_PRIVATE_KEY_FILE and, for the
asset that names the minting key's chain, FIREBLOCKS_SANDBOX_GAS_ASSET. Only what moves nothing runs there.
"""

from __future__ import annotations

import os
import time
import uuid
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from eth_account import Account
from eth_utils import is_checksum_address

from agora.lib.errors import Rejected, Uncertain
from custody.custodians import get_custodian
from custody.custodians.base import TransferPhase
from custody.custodians.fireblocks import FireblocksCustodian
from custody.sandbox.process import running
from custody.signers import get_signer
from custody.signers.base import MintIntent, Signed
from custody.signers.fireblocks import FireblocksSigner

GAS = os.environ.get("FIREBLOCKS_SANDBOX_GAS_ASSET", "BASECHAIN_ETH_TEST5")
ASSET = "AAPL_RAT"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("fireblocks")) as process:
        yield process


@pytest.fixture(scope="module")
def local(sandbox):
    return FireblocksCustodian(
        api_key=sandbox.api_key,
        private_key_pem=sandbox.private_key_file.read_text(),
        url=sandbox.url,
        jwks_url=sandbox.jwks_url,
    )


@pytest.fixture(scope="module", params=["sandbox", "vendor"])
def custodian(request):
    if request.param == "sandbox":
        return request.getfixturevalue("local")
    if "FIREBLOCKS_SANDBOX_API_KEY" not in os.environ:
        pytest.skip("FIREBLOCKS_SANDBOX_API_KEY is not set")
    return FireblocksCustodian(
        api_key=os.environ["FIREBLOCKS_SANDBOX_API_KEY"],
        private_key_pem=Path(os.environ["FIREBLOCKS_SANDBOX_PRIVATE_KEY_FILE"]).read_text(),
        url="https://sandbox-api.fireblocks.io",
        jwks_url="https://sandbox-keys.fireblocks.io/.well-known/jwks.json",
        timeout=(5, 20),
    )


@pytest.fixture(scope="module")
def vaults(local):
    inbox = local.ensure_vault_account(name="agora-settlement-inbox", asset_id=ASSET)
    return inbox, local.ensure_vault_account(name="agora-custody", asset_id=ASSET)


def mint_intent(address, **changes):
    intent = {
        "chain_id": 84532,
        "contract": address,
        "to": address,
        "amount_wei": 10**18,
        "mint_key": "contract-suite",
        "nonce": 0,
        "gas": 120_000,
        "max_fee_per_gas": 10**9,
        "max_priority_fee_per_gas": 10**6,
    }
    return MintIntent(**(intent | changes))


def until_final(custodian, external_tx_id, seconds=5.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        transfer = custodian.find_by_external_tx_id(external_tx_id)
        if transfer.phase is not TransferPhase.PENDING:
            return transfer
        time.sleep(0.02)
    raise AssertionError(f"{external_tx_id} is still {transfer.status}")


# --- Safe anywhere -------------------------------------------------------------------------------------------------


def test_vault_account_is_made_once_and_found_by_its_exact_name(custodian):
    first = custodian.ensure_vault_account(name="agora-contract", asset_id=GAS)
    longer = custodian.ensure_vault_account(name="agora-contract-2", asset_id=GAS)

    assert custodian.ensure_vault_account(name="agora-contract", asset_id=GAS) == first != longer


def test_vault_address_is_checksummed_and_stays_the_same(custodian):
    vault_id = custodian.ensure_vault_account(name="agora-contract", asset_id=GAS)

    address = custodian.vault_address(vault_id=vault_id, asset_id=GAS)

    assert is_checksum_address(address)
    assert custodian.vault_address(vault_id=vault_id, asset_id=GAS) == address


def test_unknown_external_tx_id_is_none(custodian):
    assert custodian.find_by_external_tx_id(f"never-used-{uuid.uuid4()}") is None


def test_raw_signature_recovers_to_the_vault_address(custodian):
    vault_id = custodian.ensure_vault_account(name="agora-contract", asset_id=GAS)
    address = custodian.vault_address(vault_id=vault_id, asset_id=GAS)
    signer = FireblocksSigner(custodian.client, vault_id=vault_id, asset_id=GAS, address=address, wait_seconds=60)
    intent = mint_intent(address)

    request_id = f"contract-{uuid.uuid4()}"
    signed = signer.sign_mint(intent, request_id=request_id)

    assert isinstance(signed, Signed)
    assert Account.recover_transaction(signed.raw) == signer.address() == address
    assert signer.sign_mint(intent, request_id=request_id) == signed


# --- Moves shares: our sandbox only --------------------------------------------------------------------------------


def test_transfer_moves_exactly_what_was_asked(local, vaults):
    inbox, custody = vaults
    quantity = Decimal("0.123456789")
    before = local.balance(vault_id=custody, asset_id=ASSET), local.balance(vault_id=inbox, asset_id=ASSET)

    started = local.transfer(
        external_tx_id="move-1", asset_id=ASSET, quantity=quantity, source_id=inbox, destination_id=custody, note="n"
    )
    done = until_final(local, "move-1")

    assert (started.status, started.phase, started.quantity) == ("SUBMITTED", TransferPhase.PENDING, quantity)
    assert (done.provider_id, done.status, done.phase) == (started.provider_id, "COMPLETED", TransferPhase.COMPLETED)
    assert (done.asset_id, done.quantity, done.source_id, done.destination_id) == (ASSET, quantity, inbox, custody)
    after = local.balance(vault_id=custody, asset_id=ASSET), local.balance(vault_id=inbox, asset_id=ASSET)
    assert (after[0] - before[0], before[1] - after[1]) == (quantity, quantity)


@pytest.mark.parametrize("quantity", ["0.000000001", "0.1", "123456789.123456789", "1E+2"])
def test_quantity_survives_the_wire_to_its_last_digit(local, vaults, quantity):
    inbox, custody = vaults
    local.transfer(
        external_tx_id=f"digits-{quantity}",
        asset_id=ASSET,
        quantity=Decimal(quantity),
        source_id=inbox,
        destination_id=custody,
        note="",
    )

    assert local.find_by_external_tx_id(f"digits-{quantity}").quantity == Decimal(quantity)


def test_raw_answer_can_be_stored_as_json_and_holds_no_float(local, vaults, sandbox):
    inbox, custody = vaults
    local.transfer(
        external_tx_id="raw-1",
        asset_id=ASSET,
        quantity=Decimal("0.3"),
        source_id=inbox,
        destination_id=custody,
        note="",
    )

    assert local.find_by_external_tx_id("raw-1").raw["amount"] == "0.3"


def test_transfer_without_cover_fails_and_moves_nothing(local):
    custody = local.ensure_vault_account(name="agora-untouched", asset_id=ASSET)  # no other test's transfer comes late
    empty = local.ensure_vault_account(name="agora-empty", asset_id=ASSET)
    before = local.balance(vault_id=custody, asset_id=ASSET)

    local.transfer(
        external_tx_id="poor-1", asset_id=ASSET, quantity=Decimal(1), source_id=empty, destination_id=custody, note=""
    )
    failed = until_final(local, "poor-1")

    assert (failed.status, failed.sub_status, failed.phase) == ("FAILED", "INSUFFICIENT_FUNDS", TransferPhase.FAILED)
    assert local.balance(vault_id=custody, asset_id=ASSET) == before
    assert local.balance(vault_id=empty, asset_id=ASSET) == 0


def test_external_tx_id_used_twice_is_uncertain_and_moves_once(local, vaults):
    inbox, custody = vaults
    order = {
        "asset_id": ASSET,
        "quantity": Decimal("0.5"),
        "source_id": inbox,
        "destination_id": custody,
        "note": "",
    }
    first = local.transfer(external_tx_id="twice-1", **order)

    with pytest.raises(Uncertain) as caught:
        local.transfer(external_tx_id="twice-1", **order)

    assert caught.value.vendor_code == "1438"
    assert local.find_by_external_tx_id("twice-1").provider_id == first.provider_id


def test_external_tx_id_of_a_refused_request_is_burned(local, vaults, sandbox):
    inbox, _ = vaults
    order = {"asset_id": ASSET, "quantity": Decimal(1), "source_id": inbox, "destination_id": "999999", "note": ""}
    with pytest.raises(Rejected, match="999999"):
        local.transfer(external_tx_id="burned-1", **order)

    with pytest.raises(Uncertain):
        local.transfer(external_tx_id="burned-1", **order | {"destination_id": inbox})

    assert local.find_by_external_tx_id("burned-1") is None
    assert sandbox.control.log(kind="transaction_created", external_tx_id="burned-1") == []


def test_signer_of_the_settings_uses_the_minting_vault_account(local, sandbox, monkeypatch):
    monkeypatch.setattr(settings, "FIREBLOCKS_URL", sandbox.url)
    monkeypatch.setattr(settings, "FIREBLOCKS_API_KEY", sandbox.api_key)
    monkeypatch.setattr(settings, "FIREBLOCKS_PRIVATE_KEY_FILE", str(sandbox.private_key_file))
    monkeypatch.setattr(settings, "FIREBLOCKS_GAS_ASSET", GAS)
    get_custodian.cache_clear()
    get_signer.cache_clear()

    signer = get_signer()

    vault_id = local.ensure_vault_account(name="agora-minting", asset_id=GAS)
    assert signer.address() == local.vault_address(vault_id=vault_id, asset_id=GAS)
    assert get_signer() is signer
    get_custodian.cache_clear()
    get_signer.cache_clear()


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity"])
def test_quantity_that_cannot_be_moved_never_leaves_the_process(local, vaults, sandbox, quantity):
    inbox, custody = vaults
    with pytest.raises(ValueError, match="quantity"):
        local.transfer(
            external_tx_id=f"odd-{quantity}",
            asset_id=ASSET,
            quantity=Decimal(quantity),
            source_id=inbox,
            destination_id=custody,
            note="",
        )

    assert sandbox.control.log(kind="request", external_tx_id=f"odd-{quantity}") == []


@pytest.mark.parametrize(
    ("amount", "status", "sub_status", "phase"),
    [
        ("13.130000000", "BLOCKED", "BLOCKED_BY_POLICY", TransferPhase.FAILED),
        ("99.99", "COMPLETED", "COMPLETED_BUT_3RD_PARTY_FAILED", TransferPhase.FAILED),
    ],
)
def test_magic_amounts_reach_the_unhappy_ends(local, vaults, amount, status, sub_status, phase):
    inbox, custody = vaults
    local.transfer(
        external_tx_id=f"magic-{amount}",
        asset_id=ASSET,
        quantity=Decimal(amount),
        source_id=inbox,
        destination_id=custody,
        note="",
    )

    ended = until_final(local, f"magic-{amount}")

    assert (ended.status, ended.sub_status, ended.phase) == (status, sub_status, phase)
