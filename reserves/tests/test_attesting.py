"""Reports of reserves, and the gate that waits for them: a real oracle on a real chain."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

from accounts.models import Hold
from accounts.tests.pausing import release_by_two
from agora.management.commands.stuck import find_stuck
from agora.tests.world import LATER, World
from custody.custodians import get_custodian
from custody.custodians.base import TransferPhase
from custody.models import CustodyRecord, VaultAccount
from custody.services import sweep_custody
from minting.chains import abi
from minting.models import MintTx, TxAttempt
from minting.selectors import GatedToken, gated_tokens
from orders.explaining import explain
from orders.services import list_at_broker
from reserves.attestors.base import Report, typed_data
from reserves.models import AttestationOutcome, ReserveAttestation
from reserves.publishers import get_publisher
from reserves.publishers.onchain import OnchainPublisher, Standing
from reserves.services import attesting, keep_attested, refresh
from reserves.services.observing import observe

pytestmark = pytest.mark.django_db(transaction=True)
QUARTER = Decimal("0.25")


def test_an_order_is_minted_after_a_report_that_k_attestors_signed(world: World) -> None:
    world.until_settled(world.place())

    report = ReserveAttestation.objects.get()
    assert (report.sequence, report.reserves_wei) == (1, 25 * 10**16)
    assert [outcome.accepted for outcome in report.outcomes.all()] == [True]
    assert _signers(report) == [entry["attestor"] for entry in report.signatures]
    assert len(set(_signers(report))) == report.threshold == 2
    assert _standing(world) == Standing(
        reserves_wei=25 * 10**16,
        as_of=int(report.as_of.timestamp()),
        valid_until=int(report.valid_until.timestamp()),
        sequence=1,
    )
    assert Hold.objects.filter(released_at=None).count() == 0
    assert (world.supply(), TxAttempt.objects.count(), world.violations()) == (QUARTER, 1, [])


def test_one_report_covers_all_that_came_into_custody_before_it(
    world: World, attestors_away: Callable[[], None]
) -> None:
    orders = [world.place("0.1") for _ in range(5)]
    world.until(lambda: MintTx.objects.filter(unbacked_since__isnull=False).count() == 5)
    assert ReserveAttestation.objects.count() == 0

    attestors_away()
    for order in orders:
        world.until_minted(order)

    assert [int(row.reserves_wei) for row in ReserveAttestation.objects.all()] == [5 * 10**17]
    assert (world.supply(), world.violations()) == (Decimal("0.5"), [])


def test_each_report_has_the_next_sequence_and_the_next_nonce(world: World) -> None:
    for _ in range(3):
        world.until_minted(world.place("0.1"))

    rows = ReserveAttestation.objects.order_by("sequence")
    assert [(row.sequence, int(row.reserves_wei)) for row in rows] == [(1, 10**17), (2, 2 * 10**17), (3, 3 * 10**17)]
    nonces = [row.nonce for row in rows]
    assert nonces == list(range(nonces[0], nonces[0] + 3))
    assert world.violations() == []


def test_nothing_is_published_while_nothing_changes(world: World) -> None:
    world.until_settled(world.place())
    world.until(lambda: all(attesting.is_quiet(token=token, now=timezone.now()) for token in gated_tokens()))

    keep_attested(now=timezone.now())

    assert ReserveAttestation.objects.count() == 1


def test_a_report_is_renewed_when_a_third_of_its_validity_is_left(world: World, settings: Any) -> None:
    world.until_settled(world.place())
    world.outside.rpc("evm_increaseTime", settings.RESERVE_VALIDITY * 2 // 3 + 60)
    world.outside.mine()
    later = timezone.now() + timedelta(seconds=settings.RESERVE_VALIDITY * 2 // 3 + 60)

    keep_attested(now=later)

    first, second = ReserveAttestation.objects.order_by("sequence")
    assert (second.reserves_wei, second.valid_until > first.valid_until) == (first.reserves_wei, True)
    world.until(lambda: _standing(world).sequence == 2)  # its block comes a moment after its broadcast


def test_a_lapsed_feed_holds_a_mint_with_its_reason_until_a_report_comes(
    world: World, settings: Any, attestors_away: Callable[[], None]
) -> None:
    attestors_away()
    world.until_minted(world.place())
    settings.ATTESTOR_KEYS_FILE = "/nowhere/attestors.json"
    world.outside.rpc("evm_increaseTime", settings.RESERVE_VALIDITY + 60)
    world.outside.mine()

    order = world.place("0.5")
    world.until(lambda: Hold.objects.filter(owner="reserve-gate", released_at=None).exists())
    mint = MintTx.objects.get(order=order)
    order.refresh_from_db()

    assert (mint.status, order.status, world.supply()) == ("PENDING", "CUSTODY_CONFIRMED", QUARTER)
    assert "/nowhere/attestors.json" in Hold.objects.get(owner="reserve-gate", released_at=None).reason
    assert explain(order=order, now=timezone.now()).startswith("The custodian holds your shares. Your tokens wait for")
    (stuck,) = [row for row in find_stuck(older_than=-60, now=timezone.now()) if row.kind == "mint"]
    assert [hold.owner for hold in stuck.holds] == ["reserve-gate"]

    attestors_away()
    world.until_minted(order)
    assert Hold.objects.filter(released_at=None).count() == 0
    assert (MintTx.objects.get(order=order).unbacked_since, world.supply()) == (None, Decimal("0.75"))
    assert world.violations() == []


def test_a_refused_mints_reason_has_the_figures(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.until_minted(world.place())
    for caller in ("reserves.tasks.services", "agora.tests.world"):
        monkeypatch.setattr(f"{caller}.keep_attested", lambda now: None)  # reports come late

    world.place("0.5")
    world.until(lambda: Hold.objects.filter(owner="reserve-gate").exists())

    assert Hold.objects.get(owner="reserve-gate").reason == "0.25 shares are attested and 0.75 are needed"


def test_an_open_break_stops_reports_and_mints_and_says_so(world: World) -> None:
    world.until_settled(world.place())
    shares = _steal(world)
    refresh(now=timezone.now(), fresh=timedelta(0))
    release_by_two(Hold.objects.get(owner="reserves"))  # staff were too quick

    order = world.place("0.5")
    world.until(lambda: Hold.objects.filter(owner="reserve-gate", released_at=None).exists())

    hold = Hold.objects.get(owner="reserve-gate", released_at=None)
    assert hold.reason == (
        "no reserves are attested while the books differ: the custodian's balance is below our records"
    )
    assert (ReserveAttestation.objects.count(), world.supply()) == (1, QUARTER)

    world.outside.custodian.control.credit(vault=VaultAccount.objects.get().name, asset="AAPL", amount=str(shares))
    refresh(now=timezone.now(), fresh=timedelta(0))
    world.until_minted(order)
    assert (world.supply(), world.violations()) == (Decimal("0.75"), [])


def test_no_more_is_attested_than_the_custodian_has(world: World) -> None:
    """The balance falls behind our back, and nobody has compared the books yet."""
    world.until_minted(world.place())
    _steal(world, leave=Decimal("0.1"))

    order = world.place("0.5")
    world.until(lambda: ReserveAttestation.objects.count() == 2)

    assert ReserveAttestation.objects.latest("sequence").reserves_wei == 6 * 10**17  # 0.1 and 0.5, not 0.75
    world.until(lambda: Hold.objects.filter(owner="reserve-gate", released_at=None).exists())
    assert (MintTx.objects.get(order=order).status, world.supply()) == ("PENDING", QUARTER)


def test_a_report_that_is_mined_while_we_look_is_not_made_again(world: World) -> None:
    token, publisher = _ready_to_publish(world)
    before = publisher.standing(token.reserve_feed)
    row = _save(token, publisher)
    publisher.broadcast(bytes(row.raw))
    world.outside.mine()

    now = timezone.now()
    newest = observe(token=token, publisher=publisher, standing=before, now=now)

    assert newest == row
    again = attesting.prepare(token=token, publisher=publisher, standing=before, in_flight=newest, now=now)
    assert again is None


def test_a_publisher_killed_before_its_broadcast_leaves_one_report_that_is_sent_later(world: World) -> None:
    token, publisher = _ready_to_publish(world)
    row = _save(token, publisher)  # and then kill -9
    assert (row.sequence, _standing(world).sequence) == (1, 0)

    world.until(lambda: AttestationOutcome.objects.filter(attestation=row).exists())

    assert ReserveAttestation.objects.get().outcomes.get().accepted is True
    assert _standing(world).sequence == 1
    world.until(lambda: world.supply() == QUARTER)
    assert world.violations() == []


def test_a_publisher_killed_after_its_broadcast_publishes_nothing_twice(world: World) -> None:
    token, publisher = _ready_to_publish(world)
    row = _save(token, publisher)
    publisher.broadcast(bytes(row.raw))  # and then kill -9, before the mints were told

    world.until(lambda: world.supply() == QUARTER)

    assert ReserveAttestation.objects.count() == 1
    assert publisher.next_nonce() == row.nonce + 1
    assert world.violations() == []


def test_a_report_whose_nonce_another_transaction_took_is_given_up_for_a_new_one(world: World) -> None:
    token, publisher = _ready_to_publish(world)
    row = _save(token, publisher)
    world.outside.rpc("anvil_impersonateAccount", publisher.address)
    world.outside.rpc("eth_sendTransaction", {"from": publisher.address, "to": publisher.address, "value": "0x1"})

    world.until(lambda: world.supply() == QUARTER)

    first, second = ReserveAttestation.objects.order_by("sequence")
    assert [(outcome.accepted, "nonce" in outcome.reason) for outcome in first.outcomes.all()] == [(False, True)]
    assert (first.pk, second.sequence, second.nonce) == (row.pk, 2, row.nonce + 1)
    assert world.violations() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [({"ATTESTOR_THRESHOLD": 1}, "TooFewSignatures(1, 2)"), ({"strangers": True}, "UnknownSigner")],
)
def test_a_report_that_the_oracle_would_refuse_is_not_sent_and_the_order_says_why(
    world: World, settings: Any, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    right = (settings.ATTESTOR_KEYS_FILE, settings.ATTESTOR_THRESHOLD)
    if change.pop("strangers", False):
        settings.ATTESTOR_KEYS_FILE = _key_file(tmp_path, *("0x" + f"{number:064x}" for number in (7, 8, 9)))
    for name, value in change.items():
        setattr(settings, name, value)

    order = world.place()
    world.until(lambda: Hold.objects.filter(owner="reserve-gate", reason__contains=says).exists())
    assert (ReserveAttestation.objects.count(), world.supply()) == (0, 0)

    settings.ATTESTOR_KEYS_FILE, settings.ATTESTOR_THRESHOLD = right
    world.until_minted(order)
    assert world.violations() == []


def test_too_few_attestors_are_no_report(world: World, settings: Any, tmp_path: Path) -> None:
    keys = json.loads(Path(settings.ATTESTOR_KEYS_FILE).read_text())
    settings.ATTESTOR_KEYS_FILE = _key_file(tmp_path, keys[0])

    world.place()
    world.until(lambda: Hold.objects.filter(owner="reserve-gate").exists())

    world.until(lambda: Hold.objects.filter(reason="1 of 2 attestors signed the reserves").exists())
    assert (ReserveAttestation.objects.count(), world.supply()) == (0, 0)


def test_keys_that_others_can_read_are_refused(world: World, settings: Any) -> None:
    Path(settings.ATTESTOR_KEYS_FILE).chmod(0o644)
    try:
        world.place()
        world.until(lambda: Hold.objects.filter(reason__contains="chmod 600").exists())
    finally:
        Path(settings.ATTESTOR_KEYS_FILE).chmod(0o600)

    assert ReserveAttestation.objects.count() == 0


def test_a_report_that_a_reorg_removed_is_brought_again_and_the_mint_follows(world: World) -> None:
    order = world.until_minted(world.place())

    world.outside.rpc("anvil_reorg", 2, [])
    assert (_standing(world).sequence, world.supply()) == (0, 0)
    world.until(lambda: world.supply() == QUARTER or world.outside.mine())  # a revert counts once it is settled
    world.until_minted(order)

    assert (world.minted_logs(), world.violations()) == (1, [])


def test_all_the_reports_that_a_reorg_removed_are_brought_again_in_the_order_of_their_nonces(world: World) -> None:
    for _ in range(2):
        world.until_minted(world.place())
    assert ReserveAttestation.objects.count() == 2

    world.outside.rpc("anvil_reorg", 4, [])
    assert (_standing(world).sequence, world.supply()) == (0, 0)
    world.until(lambda: world.supply() == 2 * QUARTER or world.outside.mine())

    assert _standing(world).sequence >= 2
    assert (world.minted_logs(), world.violations()) == (2, [])


def test_a_report_that_reverted_in_a_block_that_is_gone_is_brought_again_for_its_nonce(world: World) -> None:
    """Those behind it wait for its nonce, whatever became of it in a block that is no longer there."""
    for _ in range(2):
        world.until_minted(world.place())
    first = ReserveAttestation.objects.order_by("nonce")[0]
    gone = {"block_number": 1, "block_hash": "0x" + "de" * 32, "reason": "the oracle reverted"}
    AttestationOutcome.objects.create(attestation=first, accepted=False, seen_at=timezone.now(), **gone)

    world.outside.rpc("anvil_reorg", 4, [])
    world.until(lambda: world.supply() == 2 * QUARTER or world.outside.mine())

    assert (world.minted_logs(), world.violations()) == (2, [])


def test_a_mint_ahead_of_its_report_in_the_block_reverts_and_is_sent_again(world: World) -> None:
    """The order of two accounts' transactions in a block is the builder's to choose."""
    world.outside.rpc("evm_setAutomine", False)
    world.place()
    world.until(lambda: MintTx.objects.filter(status="SENT").exists())
    report = ReserveAttestation.objects.get()
    world.outside.rpc("anvil_dropTransaction", report.tx_hash)  # it comes too late for this block
    world.outside.mine()
    assert world.supply() == 0
    world.outside.rpc("evm_setAutomine", True)

    world.until(lambda: world.supply() == QUARTER)

    assert [attempt.reverted_at is None for attempt in TxAttempt.objects.order_by("nonce")] == [False, True]
    assert (ReserveAttestation.objects.count(), world.violations()) == (1, [])


def test_a_revert_that_a_reorg_took_back_leaves_no_hole_in_the_nonces(world: World, settings: Any) -> None:
    """What was signed under the next nonce can only be mined after it."""
    settings.CHAIN_SETTLED_BLOCKS = 2  # the local chain's blocks are final at eight: the reorg must stay above those
    world.outside.rpc("evm_setAutomine", False)
    order = world.place()
    world.until(lambda: MintTx.objects.filter(status="SENT").exists())
    world.outside.rpc("anvil_dropTransaction", ReserveAttestation.objects.get().tx_hash)
    world.outside.mine()
    reverted_in = int(world.outside.rpc("eth_blockNumber"), 16)
    world.outside.rpc("evm_setAutomine", True)
    world.outside.mine()
    world.until(lambda: world.supply() == QUARTER)
    world.until_minted(order)

    head = int(world.outside.rpc("eth_blockNumber"), 16)
    world.outside.rpc("anvil_reorg", head - reverted_in + 1, [])
    assert world.supply() == 0
    world.until(lambda: world.supply() == QUARTER or world.outside.mine())
    order = world.until_settled(order)

    mined = int(world.outside.rpc("eth_getTransactionCount", world.token.minter, "latest"), 16)
    assert mined == TxAttempt.objects.latest("nonce").nonce + 1
    assert (order.minted_quantity, world.minted_logs(), world.violations()) == (QUARTER, 1, [])


def test_attestations_are_facts_that_the_database_lets_nobody_change(world: World) -> None:
    world.until_minted(world.place())

    for sql in ("UPDATE reserves_reserveattestation SET reserves_wei = 1", "DELETE FROM reserves_attestationoutcome"):
        with pytest.raises(DatabaseError, match="append_only"), connection.cursor() as cursor:
            cursor.execute(sql)


def test_the_audit_finds_a_supply_beyond_what_was_attested(world: World) -> None:
    world.until_settled(world.place())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE reserves_reserveattestation DISABLE TRIGGER USER")
        cursor.execute("UPDATE reserves_reserveattestation SET reserves_wei = 1, signatures = '[]'")
        cursor.execute("ALTER TABLE reserves_reserveattestation ENABLE TRIGGER USER")

    found = world.violations()

    assert any(line.startswith("the supply of a gated token is within the reserves") for line in found)
    assert any(line.startswith("every attestation is signed by as many") for line in found)


def test_what_is_signed_is_what_the_oracle_hashes(world: World) -> None:
    (token,) = gated_tokens()
    report = Report(
        chain_id=token.chain_id,
        consumer=token.address,
        asset_hash=keccak(text="AAPL"),
        reserves_wei=10**18,
        as_of=1,
        valid_until=2,
        sequence=3,
    )
    message = encode_typed_data(full_message=typed_data(report, oracle=token.reserve_feed))
    ours = keccak(b"\x19" + message.version + message.header + message.body)
    data = abi.encode_call("hashReport", report.as_tuple(), of="ReserveOracle")

    assert world.outside.rpc("eth_call", {"to": token.reserve_feed, "data": data}, "latest") == "0x" + ours.hex()


@pytest.fixture
def attestors_away(world: World, settings: Any) -> Callable[[], None]:
    """The attestors cannot be reached; call it when they come back."""
    right = settings.ATTESTOR_KEYS_FILE
    settings.ATTESTOR_KEYS_FILE = "/nowhere/attestors.json"

    def come_back() -> None:
        settings.ATTESTOR_KEYS_FILE = right

    return come_back


def _standing(world: World) -> Standing:
    return get_publisher().standing(world.token.reserve_feed)


def _signers(row: ReserveAttestation) -> list[str]:
    """Who signed, by the signatures alone."""
    report = Report(
        chain_id=row.chain_id,
        consumer=row.token.address,
        asset_hash=keccak(text="AAPL"),
        reserves_wei=int(row.reserves_wei),
        as_of=int(row.as_of.timestamp()),
        valid_until=int(row.valid_until.timestamp()),
        sequence=row.sequence,
    )
    message = encode_typed_data(full_message=typed_data(report, oracle=row.oracle))
    return [Account.recover_message(message, signature=entry["signature"]) for entry in row.signatures]


def _ready_to_publish(world: World) -> tuple[GatedToken, OnchainPublisher]:
    """Shares in custody, nothing attested yet, and nothing queued."""
    order = world.place()
    while not CustodyRecord.objects.filter(order=order, status="COMPLETED").exists():
        _run_tasks("orders.", "custody.")
        list_at_broker(now=timezone.now())
        sweep_custody(now=timezone.now() + LATER)
    _run_tasks()
    (token,) = gated_tokens()
    return token, get_publisher()


def _run_tasks(*apps: str) -> None:
    """Run what is queued for these apps, and lose the rest: the sweeps find it again."""
    while row := OrmQ.objects.order_by("pk").first():
        task = row.task
        row.delete()
        if task["func"].startswith(apps):
            import_string(task["func"])(*task["args"])


def _save(token: GatedToken, publisher: OnchainPublisher) -> ReserveAttestation:
    """Every phase up to the broadcast."""
    standing = publisher.standing(token.reserve_feed)
    signed = attesting.prepare(token=token, publisher=publisher, standing=standing, in_flight=None, now=timezone.now())
    assert signed is not None
    return attesting.save(token=token, publisher=publisher, signed=signed, gas=300_000, now=timezone.now())


def _steal(world: World, leave: Decimal = Decimal(0)) -> Decimal:
    """Take the vault's shares away at the custodian, behind our back; how many."""
    vault, custodian, thief = VaultAccount.objects.get(), get_custodian(), f"theft-{uuid4()}"
    shares = custodian.balance(vault_id=vault.vendor_id, asset_id="AAPL") - leave
    custodian.transfer(
        external_tx_id=thief,
        asset_id="AAPL",
        quantity=shares,
        source_id=vault.vendor_id,
        destination_id=vault.inbox_vendor_id,
        note="",
    )
    world.until(lambda: (found := custodian.find_by_external_tx_id(thief)) and found.phase == TransferPhase.COMPLETED)
    return shares


def _key_file(directory: Path, *keys: str) -> str:
    path = directory / "keys.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(keys))
    return str(path)
