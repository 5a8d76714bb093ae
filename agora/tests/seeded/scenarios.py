"""For each bug the smallest run that brings it out: `(case) -> evidence`. Without the bug the evidence must be []."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
import uuid
from collections.abc import Callable

from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import Hold
from accounts.services import place_hold, release_hold
from accounts.tests.pausing import release_by_two
from agora.lib import locks
from agora.tests.seeded.cases import Case
from custody.errors import WebhookRefused
from custody.models import CustodyRecord
from custody.services import receive_webhook
from minting.models import MintTx, Token, TxAttempt
from minting.services import advance_mint, observe_mint
from orders.brokers import get_broker
from orders.models import Order
from orders.services import ingest_execution, list_at_broker

Scenario = Callable[[Case], list[str]]
LOOKUP = "GET /v2/orders:by_client_order_id"
NOT_FOUND = {"do": "fail", "status": 404, "code": 40410000, "message": "order not found"}
UNEVEN = "17.1"  # shares; no float is so many wei


def broken_submit(case: Case) -> list[str]:
    """The broker takes the order, and the connection breaks."""
    case.world.outside.broker.control.scenario({"do": "fill", "after": 0.3}, {"do": "drop", "when": "after"})
    case.place()
    return case.finish()


def late_signature(case: Case) -> list[str]:
    """The signature is made, and the connection breaks."""
    lost = {"fault": "drop", "when": "after"}
    case.world.outside.custodian.control.scenario(match={"operation": "RAW"}, http=lost)
    case.place()
    return case.finish()


def two_at_once(case: Case) -> list[str]:
    """Two workers get the same mint's nudge, and meet before its nonce."""
    case.world.outside.custodian.control.scenario(match={"operation": "TRANSFER"}, hold="QUEUED")
    subject = f"order:{case.place().pk}"
    case.until(lambda: CustodyRecord.objects.filter(status="SUBMITTED").exists())
    place_hold(subject=subject, owner="test", reason="until both are ready", now=timezone.now())
    case.world.outside.custodian.control.release(CustodyRecord.objects.get().external_tx_id)
    case.until(lambda: MintTx.objects.exists())
    release_hold(subject=subject, owner="test", actor="test", now=timezone.now())
    _race(MintTx.objects.get())
    return case.finish()


def _race(mint: MintTx) -> None:
    """Both begin while the signer's lock is ours, and go on together."""

    def advance() -> None:
        try:
            advance_mint(mint_id=mint.pk, now=timezone.now())
        finally:
            connection.close()

    workers = [threading.Thread(target=advance) for _ in range(2)]
    with transaction.atomic():
        locks.lock_in_transaction("signer", f"{mint.token.chain_id}:{mint.token.minter}")
        for worker in workers:
            worker.start()
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline and _waiting() < 2:
            time.sleep(0.02)
    for worker in workers:
        worker.join()


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return int(cursor.fetchone()[0])


def promise_refused_at_first(case: Case) -> list[str]:
    """When the shares are in custody the mint cannot be promised yet."""
    case.world.outside.custodian.control.scenario(match={"operation": "TRANSFER"}, hold="QUEUED")
    case.place()
    case.until(lambda: CustodyRecord.objects.filter(status="SUBMITTED").exists())
    Token.objects.update(committed_wei=10**18)  # as if another process had promised a share meanwhile
    case.world.outside.custodian.control.release(CustodyRecord.objects.get().external_tx_id)
    case.until(lambda: Hold.objects.filter(subject="asset:AAPL").exists())
    Token.objects.update(committed_wei=0)
    release_by_two(Hold.objects.get(subject="asset:AAPL"))
    return case.finish()


def mint_reorganised_away(case: Case) -> list[str]:
    """The mint's block leaves the chain, and other blocks take its place."""
    case.place()
    case.until(case.is_minted)
    block = MintTx.objects.get().block_number or 0
    head = int(case.world.outside.rpc("eth_blockNumber"), 16)
    case.world.outside.rpc("anvil_reorg", head - block + 1, [])
    case.world.outside.mine(1)
    case.turn()
    return case.finish()


def broker_not_sure(case: Case) -> list[str]:
    """The connection breaks after the effect, and the first look-up does not find the order yet."""
    control = case.world.outside.broker.control
    control.scenario({"do": "fill", "after": 0.5}, {"do": "drop", "when": "after"})
    control.scenario(NOT_FOUND, endpoint=LOOKUP)
    case.place()
    return case.finish()


def custodian_not_sure(case: Case) -> list[str]:
    """The connection breaks after the effect, and the first look-up does not find the transfer yet."""
    control = case.world.outside.custodian.control
    control.scenario(match={"operation": "TRANSFER"}, http={"fault": "drop", "when": "after"})
    there = {"endpoint": "GET /v1/transactions/external_tx_id/", "external_tx_id": "agora-custody-"}
    control.scenario(match=there, http={"fault": "not_found"})
    case.place()
    return case.finish()


def forged_webhook(case: Case) -> list[str]:
    """Somebody says that the shares have arrived. They have not."""
    case.world.outside.custodian.control.scenario(match={"operation": "TRANSFER"}, hold="QUEUED")
    case.place()
    case.until(lambda: CustodyRecord.objects.filter(status="SUBMITTED").exists())
    record = CustodyRecord.objects.get()
    data = {"id": record.provider_id, "externalTxId": record.external_tx_id, "status": "COMPLETED"}
    event = {"id": str(uuid.uuid4()), "eventType": "transaction.status.updated", "data": data}
    try:
        receive_webhook(headers={}, body=json.dumps(event).encode(), now=timezone.now())
    except WebhookRefused:
        case.turn()
    else:
        case.until(case.is_minted)
    found = case.unbacked()
    case.world.outside.custodian.control.release(record.external_tx_id)
    return found + case.finish()


def uneven_quantity(case: Case) -> list[str]:
    case.place(UNEVEN)
    return case.finish()


def told_twice(case: Case) -> list[str]:
    """An execution is listed twice, the second time in other words."""
    case.world.outside.broker.control.scenario({"do": "fill", "qty": "0.1"}, {"do": "cancel", "after": 0.1})
    case.place()
    case.until(case.is_minted)
    for execution in get_broker().list_executions():
        again = dataclasses.replace(execution, raw={**execution.raw, "told": "twice"})
        case.guarded(lambda again=again: ingest_execution(execution=again, now=timezone.now()))
    case.turn()
    return case.finish()


def plain_order(case: Case) -> list[str]:
    case.place()
    return case.finish()


def list_breaks_off(case: Case) -> list[str]:
    """The order fills, and the list of executions is half an answer the first time."""
    control = case.world.outside.broker.control
    control.scenario({"do": "hold"})
    order = case.place()
    case.until(lambda: Order.objects.get(pk=order.pk).status == "SUBMITTED")
    control.order(Order.objects.get(pk=order.pk).broker_order_id, "fill")
    control.scenario({"do": "garble"}, endpoint="GET /v2/account/activities/{activity_type}")
    case.guarded(lambda: list_at_broker(now=timezone.now()))
    return case.finish()


def lost_from_the_pool(case: Case) -> list[str]:
    """The node forgets the mint, as at a restart, and it is looked after."""
    case.world.outside.rpc("evm_setAutomine", False)
    case.place()
    case.until(lambda: MintTx.objects.filter(status="SENT").exists())
    for attempt in TxAttempt.objects.all():
        case.world.outside.rpc("anvil_dropTransaction", attempt.tx_hash)
    MintTx.objects.update(next_attempt_at=timezone.now())
    observe_mint(mint_id=MintTx.objects.get().pk, now=timezone.now())
    case.run_tasks()
    case.world.outside.rpc("evm_setAutomine", True)
    case.world.outside.mine()
    return case.finish()


def completed_but(case: Case) -> list[str]:
    """The custodian completes a transfer whose third party failed: the order waits, held, for people to settle it."""
    failed = {"status": "COMPLETED", "sub_status": "COMPLETED_BUT_3RD_PARTY_FAILED"}
    case.world.outside.custodian.control.scenario(match={"operation": "TRANSFER"}, fail=failed)
    case.place()
    case.until(lambda: CustodyRecord.objects.filter(status__in=("FAILED", "COMPLETED")).exists())
    case.until(case.is_minted)
    return case.unbacked()


def lost_doorbell(case: Case) -> list[str]:
    """What is queued when the shares are claimed is lost, as after a rotation of SECRET_KEY."""
    case.place()
    deadline = time.monotonic() + 30
    while not CustodyRecord.objects.exists() and time.monotonic() < deadline:
        if not case.run_one_task():
            case.guarded(lambda: list_at_broker(now=timezone.now()))
            time.sleep(0.02)
    OrmQ.objects.all().delete()
    return case.finish()


def asked_twice(case: Case) -> list[str]:
    """A client did not hear the answer, and asks again."""
    case.place(client_order_id="mine")
    case.guarded(lambda: case.place(client_order_id="mine"))
    return case.finish()


def nudged_twice(case: Case) -> list[str]:
    """Each task is delivered twice."""
    case.deliveries = 2
    case.place()
    return case.finish()


SCENARIOS: dict[str, Scenario] = {
    "new_id_on_retry": broken_submit,
    "new_nonce_on_retry": late_signature,
    "no_fence": two_at_once,
    "ack_before_commit": promise_refused_at_first,
    "hash_unchecked": mint_reorganised_away,
    "number_only": mint_reorganised_away,
    "broker_404_trusted": broker_not_sure,
    "custodian_404_trusted": custodian_not_sure,
    "webhook_trusted": forged_webhook,
    "float_quantity": uneven_quantity,
    "constraint_dropped": told_twice,
    "call_in_transaction": plain_order,
    "cursor_early": list_breaks_off,
    "silence_believed": lost_from_the_pool,
    "half_completed": completed_but,
    "sweep_asleep": lost_doorbell,
    "repeat_not_known": asked_twice,
    "promised_again": nudged_twice,
}
