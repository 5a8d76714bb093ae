"""The signer's process with a key that Fireblocks holds, as an API user who alone may have it sign."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from agora.lib.errors import Rejected, Uncertain
from custody.custodians.fireblocks import FireblocksCustodian
from custody.sandbox import process as fireblocks
from custody.signers.base import MintIntent, Signed, Submitted
from custody.signers.fireblocks import FireblocksSigner
from custody.tests.signer_process import LIMITS, TOKEN, SignerProcess
from custody.tests.test_signer_service import INTENT

GAS = "BASECHAIN_ETH_TEST5"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fireblocks.Sandbox]:
    folder = tmp_path_factory.mktemp("fireblocks")
    with fireblocks.running(folder, api_key="agora-sandbox", signer_api_key="agora-signer") as running:
        running.control.settings(raw_seconds=0.0)
        yield running


@pytest.fixture(scope="module")
def workers(sandbox: fireblocks.Sandbox) -> FireblocksCustodian:
    return FireblocksCustodian(
        api_key="agora-sandbox",
        private_key_pem=sandbox.private_key_file.read_text(),
        url=sandbox.url,
        jwks_url=sandbox.jwks_url,
    )


@pytest.fixture(scope="module")
def vault(workers: FireblocksCustodian) -> tuple[str, str]:
    vault_id = workers.ensure_vault_account(name="agora-minting", asset_id=GAS)
    return vault_id, workers.vault_address(vault_id=vault_id, asset_id=GAS)


@pytest.fixture
def signer(tmp_path: Path, sandbox: fireblocks.Sandbox, vault: tuple[str, str]) -> Iterator[SignerProcess]:
    process = SignerProcess(_config(tmp_path, sandbox, vault))
    yield process
    process.close()
    sandbox.control.clear_scenarios()


def _config(folder: Path, sandbox: fireblocks.Sandbox, vault: tuple[str, str]) -> Path:
    vault_id, address = vault
    options: dict[str, Any] = {
        "url": sandbox.url,
        "api_key": "agora-signer",
        "private_key_file": str(sandbox.data / "signer_private_key.pem"),
        "vault_account": vault_id,
        "asset": GAS,
    }
    limits = [f"{name} = {value}" for name, value in LIMITS.items()]
    lines = ["version = 1", 'record = "record.sqlite3"', "sandbox = true", "[socket]", f"uids = [{os.getuid()}]"]
    lines += ["[keys.minter]", 'backend = "fireblocks"', f'address = "{address}"', *limits]
    lines += ["[keys.minter.fireblocks]", *(f'{name} = "{value}"' for name, value in options.items())]
    lines += ["[[keys.minter.scopes]]", f'contract = "{TOKEN}"', 'methods = ["mint"]']
    lines += ['max_mint = "100"', 'max_day = "1000"']
    path = folder / "signer.toml"
    path.write_text("\n".join(lines))
    return path


def _signatures(sandbox: fireblocks.Sandbox, request_id: str) -> int:
    return len(sandbox.control.log(kind="signed", external_tx_id=request_id))


def test_it_signs_with_the_vaults_key_and_notes_it(signer: SignerProcess, vault: tuple[str, str]) -> None:
    signer.start()
    answer = signer.client().sign_mint(INTENT, request_id="plain-1")
    assert isinstance(answer, Signed)
    assert Account.recover_transaction(answer.raw) == vault[1] == signer.client().address()
    assert signer.client().health()["entries"] == 2


def test_what_fireblocks_is_still_working_on_is_asked_for_again(
    signer: SignerProcess, sandbox: fireblocks.Sandbox
) -> None:
    signer.start()
    sandbox.control.scenario(match={"operation": "RAW"}, hold="SUBMITTED")
    assert isinstance(signer.client().sign_mint(INTENT, request_id="slow-1"), Submitted)
    assert signer.client().health()["entries"] == 1
    sandbox.control.release("slow-1")
    assert isinstance(signer.client().sign_mint(INTENT, request_id="slow-1"), Signed)
    assert _signatures(sandbox, "slow-1") == 1


def test_killed_with_the_signature_in_its_hands_it_fetches_the_same_one_again(
    signer: SignerProcess, sandbox: fireblocks.Sandbox
) -> None:
    signer.start(crash_at="after_signature")
    with pytest.raises(Uncertain):
        signer.client().sign_mint(INTENT, request_id="kill-1")
    signer.wait_until_dead()
    signer.start()
    first = signer.client().sign_mint(INTENT, request_id="kill-1")
    assert signer.client().sign_mint(INTENT, request_id="kill-1") == first
    assert _signatures(sandbox, "kill-1") == 1
    # MPC signs differently each time: under another id it is the first signature that is answered all the same
    assert signer.client().sign_mint(INTENT, request_id="kill-2") == first
    assert _signatures(sandbox, "kill-2") == 0


def test_a_refusal_by_fireblocks_leaves_the_nonce_to_the_same_mint_under_a_new_request(
    signer: SignerProcess, sandbox: fireblocks.Sandbox
) -> None:
    signer.start()
    sandbox.control.scenario(match={"operation": "RAW"}, fail={"status": "REJECTED", "sub_status": "REJECTED_BY_USER"})
    with pytest.raises(Rejected, match="REJECTED"):
        signer.client().sign_mint(INTENT, request_id="no-1")
    other = dataclasses.replace(INTENT, mint_key="alpaca:2:1")
    with pytest.raises(Rejected, match="NONCE_TAKEN"):
        signer.client().sign_mint(other, request_id="no-2")
    assert isinstance(signer.client().sign_mint(INTENT, request_id="no-3"), Signed)


def test_the_workers_own_api_user_cannot_have_anything_signed(
    sandbox: fireblocks.Sandbox, workers: FireblocksCustodian, vault: tuple[str, str]
) -> None:
    """A taken worker holds Fireblocks' key for custody: the workspace's policy blocks its RAW, whatever it says."""
    vault_id, address = vault
    by_itself = FireblocksSigner(workers.client, vault_id=vault_id, asset_id=GAS, address=address)
    anything = MintIntent(**{**dataclasses.asdict(INTENT), "amount_wei": 10**30, "nonce": 99})
    with pytest.raises(Rejected, match="BLOCKED_BY_POLICY"):
        by_itself.sign_mint(anything, request_id="taken-1")
    assert _signatures(sandbox, "taken-1") == 0
