"""Stopping a token on the chain: by one person, once, whatever dies; started again by two, and by its admin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from eth_utils import keccak

from accounts.models import AuditEntry, Hold, User
from accounts.services import approve_proposal, execute_proposal, propose
from agora.lib import crashpoints
from agora.lib.errors import Rejected
from agora.tests.outside import Outside
from agora.tests.signing import signed_world
from agora.tests.world import World
from custody.signers import get_stop_signer
from custody.signers.base import StopIntent, StopMethod
from custody.tests.signer_process import SignerProcess
from custody.tests.test_signer_service import frame
from minting.chains import abi, get_chain
from minting.chains.local import ADMIN
from minting.errors import NotSwitchable
from minting.models import MintTx, TokenSwitch
from minting.selectors import switches
from minting.services import advance_switch, stop_token, sweep_switches

STOPPED = keccak(text="MintingStopped(address)").hex()


@pytest.fixture
def signed(outside: Outside, transactional_db: None, tmp_path: Path) -> Iterator[tuple[World, SignerProcess]]:
    with signed_world(outside, tmp_path) as both:
        yield both


def stop(what: str = "MINTING", reason: str = "keys may be lost") -> TokenSwitch:
    return stop_token(symbol="AAPL", what=what, actor="shell:ann", reason=reason, now=timezone.now())


def turn(world: World) -> None:
    world.run_tasks()
    sweep_switches(now=timezone.now() + timedelta(hours=1))
    world.run_tasks()


def is_stopped(world: World) -> bool:
    return bool(get_chain().read(contract=world.token.address, function="mintingPaused")[0])


def times_stopped(world: World) -> int:
    """By the contract's own log."""
    asked = {"address": world.token.address, "fromBlock": "0x0", "topics": ["0x" + STOPPED]}
    return len(world.outside.rpc("eth_getLogs", asked))


def by_admin(world: World, function: str, *arguments: object) -> None:
    world.outside.rpc("anvil_impersonateAccount", ADMIN)
    data = abi.encode_call(function, *arguments)
    call = {"from": ADMIN, "to": world.token.address, "data": data, "gas": hex(200_000)}
    world.outside.rpc("eth_sendTransaction", call)


def test_a_stop_reaches_the_chain_once_and_is_done_under_12_blocks(signed: tuple[World, SignerProcess]) -> None:
    world, signer = signed
    switch = stop()
    assert stop(reason="again") == switch  # asked twice
    turn(world)
    switch.refresh_from_db()
    assert (switch.status, is_stopped(world), times_stopped(world)) == ("EFFECTIVE", True, 1)
    assert switch.signer == signer.client("pauser").address() != world.token.minter

    for _ in range(3):  # late, and more than once
        advance_switch(switch_id=switch.pk, now=timezone.now())
    world.outside.mine(12)
    turn(world)
    switch.refresh_from_db()
    assert (switch.status, times_stopped(world), TokenSwitch.objects.count()) == ("DONE", 1, 1)
    assert [event.to_status for event in switch.events.all()] == ["REQUESTED", "SIGNED", "SENT", "EFFECTIVE", "DONE"]
    assert AuditEntry.objects.filter(action="token.stop", reason="keys may be lost").count() == 1
    assert world.violations() == []


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


@pytest.mark.parametrize("point", ["before_sign", "after_sign", "before_broadcast", "after_broadcast"])
def test_a_worker_killed_at_any_step_stops_the_token_by_one_transaction(
    signed: tuple[World, SignerProcess], monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    world, signer = signed

    def here(name: str) -> None:
        if name == f"switch.{point}":
            raise Killed

    switch = stop()
    with monkeypatch.context() as armed:
        armed.setattr(crashpoints, "here", here)
        with pytest.raises(Killed):
            advance_switch(switch_id=switch.pk, now=timezone.now())
    switch.refresh_from_db()
    assert (switch.status, switch.nonce) == ("SIGNED" if "broadcast" in point else "REQUESTED", 0)
    assert times_stopped(world) <= (point == "after_broadcast")  # its block comes a moment after its broadcast

    turn(world)
    turn(world)
    switch.refresh_from_db()
    assert (switch.status, times_stopped(world), signer.client().health()["entries"]) == ("EFFECTIVE", 1, 2)
    assert int(world.outside.rpc("eth_getTransactionCount", switch.signer, "latest"), 16) == 1


def test_what_waits_for_a_mint_waits_without_reverting(signed: tuple[World, SignerProcess]) -> None:
    world, _ = signed
    stop()
    turn(world)
    order = world.place()
    world.until_status(order, "CUSTODY_CONFIRMED")
    for _ in range(3):
        world.tick()
    assert Hold.objects.get(subject="minting:AAPL").owner == "on-chain-stop"
    assert MintTx.objects.get().tx_attempts.count() == 0
    assert (world.supply(), world.violations()) == (Decimal(0), [])


def test_a_second_stop_of_another_kind_has_the_next_nonce(signed: tuple[World, SignerProcess]) -> None:
    world, _ = signed
    stop()
    stop("TRANSFERS")
    for _ in range(3):
        turn(world)
    assert list(TokenSwitch.objects.order_by("nonce").values_list("nonce", "status")) == [
        (0, "EFFECTIVE"),
        (1, "EFFECTIVE"),
    ]
    assert is_stopped(world)
    assert get_chain().read(contract=world.token.address, function="transfersPaused") == (True,)


def test_without_a_signer_the_stop_waits_and_goes_on_when_it_is_back(signed: tuple[World, SignerProcess]) -> None:
    world, signer = signed
    signer.kill()
    switch = stop()
    turn(world)
    switch.refresh_from_db()
    assert (switch.status, is_stopped(world)) == ("REQUESTED", False)
    signer.start()
    turn(world)
    assert (is_stopped(world), times_stopped(world)) == (True, 1)


def test_a_stop_whose_block_left_the_chain_is_sent_again_as_the_same_bytes(
    signed: tuple[World, SignerProcess],
) -> None:
    world, signer = signed
    switch = stop()
    turn(world)
    entries = signer.client().health()["entries"]
    depth = int(world.outside.rpc("eth_blockNumber"), 16) - _block_of(switch) + 1
    world.outside.rpc("anvil_reorg", depth, [])
    assert not is_stopped(world)
    turn(world)  # sends it
    turn(world)  # sees it
    switch.refresh_from_db()
    assert (switch.status, is_stopped(world), times_stopped(world)) == ("EFFECTIVE", True, 1)
    assert "its block left the chain" in {event.reason for event in switch.events.all()}
    assert signer.client().health()["entries"] == entries


def test_what_the_contract_refuses_has_failed_with_its_words_and_may_be_asked_for_again(
    signed: tuple[World, SignerProcess],
) -> None:
    world, signer = signed
    pauser = signer.client("pauser").address()
    by_admin(world, "revokeRole", keccak(text="PAUSER_ROLE"), pauser)
    first = stop()
    turn(world)
    first.refresh_from_db()
    assert (first.status, first.nonce, "AccessControl" in first.problem) == ("FAILED", None, True)
    assert signer.client().health()["entries"] == 0
    by_admin(world, "grantRole", keccak(text="PAUSER_ROLE"), pauser)
    second = stop()
    turn(world)
    second.refresh_from_db()
    assert (second.status, second.nonce, times_stopped(world)) == ("EFFECTIVE", 0, 1)


def test_what_the_signer_refuses_gives_its_nonce_back(signed: tuple[World, SignerProcess]) -> None:
    world, signer = signed
    fees = "max_priority_fee_per_gas = 1000000000000000"
    config = signer.config.read_text()
    signer.config.write_text(config.replace(fees, "max_priority_fee_per_gas = 0"))
    signer.stop()
    signer.start()
    first = stop()
    turn(world)
    first.refresh_from_db()
    assert (first.status, first.nonce, "OVER_FEE_CAP" in first.problem) == ("FAILED", None, True)
    signer.config.write_text(config)
    signer.stop()
    signer.start()
    stop()
    turn(world)
    assert (is_stopped(world), times_stopped(world)) == (True, 1)


def test_the_pausers_key_signs_no_mint_and_nothing_that_starts_again(signed: tuple[World, SignerProcess]) -> None:
    """A taken worker can stop the token, which is safe; what it cannot is start it."""
    _, signer = signed
    message = {"op": "sign", "key": "pauser", "method": "unpauseMinting", "request_id": "r", "intent": {}}
    assert signer.raw(frame(message))["code"] == "METHOD_NOT_ALLOWED"
    stop_signer = get_stop_signer()
    assert stop_signer is not None
    elsewhere = StopIntent(
        chain_id=31337, contract=ADMIN, method=StopMethod.MINTING, nonce=0, gas=60_000,
        max_fee_per_gas=1, max_priority_fee_per_gas=1,
    )  # fmt: skip
    with pytest.raises(Rejected, match="CONTRACT_NOT_ALLOWED"):
        stop_signer.sign_stop(elsewhere, request_id="r")


def test_to_start_again_takes_two_people_and_the_admin(signed: tuple[World, SignerProcess]) -> None:
    world, signer = signed
    stop()
    turn(world)
    ann, ben = (User.objects.create_user(name, is_staff=True) for name in ("ann", "ben"))
    now = timezone.now()
    proposal = propose(
        action="token.start",
        subject=f"token:{world.token.pk}",
        payload={"what": "MINTING"},
        proposer=ann,
        reason="keys are safe",
        now=now,
    )
    approve_proposal(
        proposal_id=proposal.pk, approver=ben, payload_hash=proposal.payload_hash, reason="", now=timezone.now()
    )
    execute_proposal(proposal_id=proposal.pk, executor=ben, now=timezone.now())
    turn(world)
    start = TokenSwitch.objects.get(turn="START")
    assert (start.status, is_stopped(world)) == ("REQUESTED", True)  # nothing is sent: the key is not here
    (shown,) = [one for one in switches() if one.turn == "START"]
    assert f"data   {abi.encode_call('unpauseMinting')}    # unpauseMinting()" in shown.ceremony
    assert f"to     {world.token.address}" in shown.ceremony

    by_admin(world, "unpauseMinting")
    turn(world)
    start.refresh_from_db()
    assert start.status == "EFFECTIVE"
    world.outside.mine(13)
    turn(world)
    start.refresh_from_db()
    assert (start.status, is_stopped(world), world.violations()) == ("DONE", False, [])
    assert signer.client().health()["entries"] == 2  # of the stop


def test_one_person_cannot_write_a_start_into_the_database(signed: tuple[World, SignerProcess]) -> None:
    world, _ = signed
    columns = "id, version, attempts, created_at, updated_at, token_id, turn, what, status, asked_by, reason"
    insert = (
        f"INSERT INTO minting_tokenswitch ({columns}, problem, chain_id, signer, tx_hash)"
        " VALUES (gen_random_uuid(), 1, 0, now(), now(), %s, 'START', 'MINTING', 'REQUESTED', 'x', 'x', '', 1, '', '')"
    )
    with pytest.raises(DatabaseError, match="two people start a token"), transaction.atomic():
        connection.cursor().execute(insert, [world.token.pk])
    assert not TokenSwitch.objects.exists()


@pytest.mark.parametrize(("symbol", "reason"), [("MSFT", "x"), ("AAPL", " ")])
def test_a_stop_of_nothing_or_for_nothing_is_refused(
    signed: tuple[World, SignerProcess], symbol: str, reason: str
) -> None:
    with pytest.raises(NotSwitchable):
        stop_token(symbol=symbol, what="MINTING", actor="shell:ann", reason=reason, now=timezone.now())
    assert (TokenSwitch.objects.count(), Hold.objects.count()) == (0, 0)


def _block_of(switch: TokenSwitch) -> int:
    switch.refresh_from_db()
    assert switch.block_number is not None
    return switch.block_number
