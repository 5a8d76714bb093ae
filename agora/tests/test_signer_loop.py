"""The loop with a signer of its own process: minted, minted after a revert, and not minted when the signer says no."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone
from eth_utils import keccak

from accounts.models import Hold
from agora.lib import platform
from agora.tests.outside import Outside
from agora.tests.signing import signed_world
from agora.tests.world import World
from custody.signers import get_signer
from custody.tests.signer_process import SignerProcess
from minting.chains import abi
from minting.chains.local import ADMIN
from minting.models import MintTx, TxAttempt
from minting.services import observe_mint

FAST = {"maxFeePerGas": hex(10**12), "maxPriorityFeePerGas": hex(10**11)}  # ahead of the mint in its block


@pytest.fixture
def signed(outside: Outside, transactional_db: None, tmp_path: Path) -> Iterator[tuple[World, SignerProcess]]:
    with signed_world(outside, tmp_path) as both:
        yield both


def test_a_mint_is_signed_by_the_process_and_by_nobody_else(signed: tuple[World, SignerProcess]) -> None:
    world, signer = signed
    order = world.place()
    world.until_settled(order)

    assert world.token.minter == get_signer().address() == signer.client().address()
    assert signer.client().health()["entries"] == 2
    assert world.outside.custodian.control.log(kind="signed", external_tx_id=TxAttempt.objects.get().request_id) == []
    assert (world.balance(), world.minted_logs(), world.violations()) == (Decimal("0.25"), 1, [])


def test_a_mint_that_reverted_is_signed_under_a_new_nonce_as_its_replacement(
    signed: tuple[World, SignerProcess],
) -> None:
    world, signer = signed
    world.outside.rpc("evm_setAutomine", False)
    order = world.place()
    world.until(lambda: MintTx.objects.filter(status="SENT").exists())
    _by_admin(world, abi.encode_call("pauseMinting"), role="PAUSER_ROLE")
    world.outside.mine()
    assert world.supply() == 0
    world.outside.rpc("evm_setAutomine", True)
    _by_admin(world, abi.encode_call("unpauseMinting"))

    mint = MintTx.objects.get()
    MintTx.objects.filter(pk=mint.pk).update(next_attempt_at=timezone.now())
    observe_mint(mint_id=mint.pk, now=timezone.now())
    world.until_minted(order)

    first, second = TxAttempt.objects.order_by("nonce")
    assert (first.reverted_at is None, second.reverted_at is None) == (False, True)
    assert signer.client().health()["entries"] == 4
    assert (world.balance(), world.minted_logs(), world.violations()) == (Decimal("0.25"), 1, [])


def test_while_the_signer_is_gone_a_mint_waits_and_nothing_is_lost(signed: tuple[World, SignerProcess]) -> None:
    world, signer = signed
    signer.kill()
    order = world.place()
    world.until(lambda: MintTx.objects.filter(status="SIMULATED", attempts__gt=1).exists())
    assert world.supply() == 0

    signer.start()
    world.until_minted(order)
    assert (world.minted_logs(), TxAttempt.objects.count()) == (1, 1)


def test_what_the_signer_refuses_is_held_with_its_reason(signed: tuple[World, SignerProcess]) -> None:
    """A scope that is tighter than what is sold: staff must look, and nothing is minted."""
    world, signer = signed
    order = world.place("100.5")  # a mint may be of 100
    world.until(lambda: Hold.objects.filter(subject=f"order:{order.pk}", owner="minting-guard").exists())
    assert "OVER_MINT_CAP" in Hold.objects.get(subject=f"order:{order.pk}").reason
    assert (world.supply(), signer.client().health()["entries"]) == (0, 0)


def test_the_web_is_not_told_where_the_signer_is_and_the_signer_nothing_of_ours(tmp_path: Path) -> None:
    layout = platform.on_free_ports(tmp_path)
    for service in (platform.web_service(layout), platform.stream_service(layout)):
        assert service.env["SIGNER_SOCKET"] == ""
    assert platform.worker_service(layout).env["SIGNER_SOCKET"] == str(layout.signer_socket)
    given = platform.signer_service(layout).env
    assert [given[name] for name in ("DATABASE_URL", "SECRET_KEY", *platform.VENDOR_KEYS)] == [""] * 6


def test_a_long_home_still_has_a_socket_that_can_be_opened(tmp_path: Path) -> None:
    layout = platform.on_free_ports(tmp_path / ("x" * 120))
    assert len(str(layout.signer_socket)) < 100


def _by_admin(world: World, data: str, *, role: str = "") -> None:
    """Sent by the token's admin, who gives itself a role for that where it takes one."""
    world.outside.rpc("anvil_impersonateAccount", ADMIN)
    calls = [data]
    if role:
        calls.insert(0, abi.encode_call("grantRole", keccak(text=role), ADMIN))
    for call in calls:
        transaction = {"from": ADMIN, "to": world.token.address, "data": call, "gas": hex(200_000), **FAST}
        world.outside.rpc("eth_sendTransaction", transaction)
