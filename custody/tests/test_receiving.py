"""Webhooks, from the custodian's signature to the task that looks the thing up."""

from __future__ import annotations

import json
import time

import pytest
from django.test import Client
from django_q.models import OrmQ

from agora.tests.world import World
from custody.custodians import get_custodian, get_webhook_verifier
from custody.custodians.base import TransferPhase
from custody.models import CustodyRecord, VendorMessage

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/webhooks/fireblocks"


def body(external_tx_id: str, status: str = "COMPLETED", event_id: str = "evt-1") -> bytes:
    data = {"id": "tx-1", "externalTxId": external_tx_id, "status": status, "subStatus": ""}
    event = {"id": event_id, "eventType": "transaction.status.updated", "resourceId": "tx-1", "data": data}
    return json.dumps(event).encode()


def post(world: World, payload: bytes, signature: str | None = None) -> int:
    signature = world.outside.custodian.control.sign_webhook(payload) if signature is None else signature
    headers = {"Fireblocks-Webhook-Signature": signature}
    return int(Client().post(URL, payload, content_type="application/json", headers=headers).status_code)


def test_a_signed_notification_completes_the_order_without_waiting_for_a_sweep(world: World) -> None:
    world.outside.custodian.control.scenario(match={"operation": "TRANSFER"}, hold="QUEUED")
    order = world.until_status(world.place(), "FILLED")
    world.until(lambda: CustodyRecord.objects.filter(status="SUBMITTED").exists())
    record = CustodyRecord.objects.get()
    world.outside.custodian.control.release(record.external_tx_id)
    while get_custodian().find_by_external_tx_id(record.external_tx_id).phase != TransferPhase.COMPLETED:
        time.sleep(0.01)
    assert CustodyRecord.objects.get().status == "SUBMITTED"  # nobody has looked since

    assert post(world, body(record.external_tx_id)) == 200
    world.run_tasks()

    record.refresh_from_db()
    order.refresh_from_db()
    assert record.status == "COMPLETED"
    assert order.status in ("CUSTODY_CONFIRMED", "MINT_CONFIRMED")


def test_a_notification_is_not_believed_it_is_looked_up(world: World) -> None:
    world.outside.custodian.control.scenario(match={"operation": "TRANSFER"}, hold="QUEUED")
    world.place()
    world.until(lambda: CustodyRecord.objects.filter(status="SUBMITTED").exists())
    record = CustodyRecord.objects.get()

    assert post(world, body(record.external_tx_id)) == 200  # signed, and wrong: the transaction is still queued
    world.run_tasks()

    record.refresh_from_db()
    assert (record.status, record.provider_status) == ("SUBMITTED", "QUEUED")


def test_the_same_notification_twice_is_kept_and_queued_once(world: World) -> None:
    assert [post(world, body("agora-custody-x-1")) for _ in range(2)] == [200, 200]
    assert (VendorMessage.objects.count(), OrmQ.objects.count()) == (1, 1)


def test_a_notification_of_mere_progress_is_kept_and_costs_no_look_up(world: World) -> None:
    assert post(world, body("agora-custody-x-1", status="QUEUED")) == 200
    assert (VendorMessage.objects.count(), OrmQ.objects.count()) == (1, 0)


@pytest.mark.parametrize("signature", ["", "x.y.z", "eyJhbGciOiJub25lIn0.."])
def test_an_unsigned_notification_is_refused_and_leaves_nothing(world: World, signature: str) -> None:
    assert post(world, body("agora-custody-x-1"), signature) == 401
    assert (VendorMessage.objects.count(), OrmQ.objects.count()) == (0, 0)


def test_an_edited_notification_is_refused(world: World) -> None:
    signature = world.outside.custodian.control.sign_webhook(body("agora-custody-x-1"))
    assert post(world, body("agora-custody-y-1"), signature) == 401
    assert VendorMessage.objects.count() == 0


def test_a_notification_that_cannot_be_checked_now_is_asked_for_again(world: World, settings: object) -> None:
    signature = world.outside.custodian.control.sign_webhook(body("agora-custody-x-1"))
    settings.FIREBLOCKS_JWKS_URL = "http://127.0.0.1:9/jwks.json"  # type: ignore[attr-defined]
    get_webhook_verifier.cache_clear()
    try:
        assert post(world, body("agora-custody-x-1"), signature) == 503
    finally:
        get_webhook_verifier.cache_clear()
    assert VendorMessage.objects.count() == 0
