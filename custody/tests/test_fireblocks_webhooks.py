"""Webhooks v2: the sandbox signs and sends them as Fireblocks does, and the custodian believes only those."""

from __future__ import annotations

import base64
import json
import queue
import threading
import time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from agora.lib.errors import Unavailable
from custody.custodians import jws
from custody.custodians.base import WebhookInvalid
from custody.custodians.fireblocks import FireblocksCustodian
from custody.sandbox.process import running

BODY = b'{"id":"e-1","eventType":"transaction.status.updated","resourceId":"p-1","data":{"externalTxId":"x-1"}}'
HEADER = "Fireblocks-Webhook-Signature"
ASSET = "AAPL_RAT"


@pytest.fixture(scope="module")
def receiver():
    """A web server that keeps what it is sent and answers with the statuses in its `answers`, then 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.received.append((time.monotonic(), dict(self.headers), body))
            status = 200 if server.answers.empty() else server.answers.get()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.received, server.answers = [], queue.Queue()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, receiver):
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    with running(tmp_path_factory.mktemp("fireblocks"), webhook_url=url) as process:
        process.control.settings(webhook_retry_seconds=[0.05, 0.1], transfer_seconds=0.08)
        yield process


@pytest.fixture
def custodian(sandbox):
    return FireblocksCustodian(
        api_key=sandbox.api_key,
        private_key_pem=sandbox.private_key_file.read_text(),
        url=sandbox.url,
        jwks_url=sandbox.jwks_url,
    )


def move(custodian, external_tx_id):
    inbox = custodian.ensure_vault_account(name="agora-settlement-inbox", asset_id=ASSET)
    custody = custodian.ensure_vault_account(name="agora-custody", asset_id=ASSET)
    return custodian.transfer(
        external_tx_id=external_tx_id,
        asset_id=ASSET,
        quantity=Decimal(1),
        source_id=inbox,
        destination_id=custody,
        note="",
    )


def received(receiver, external_tx_id, count, seconds=5.0):
    """The first `count` deliveries about a transaction, and that no more come."""
    deadline = time.monotonic() + seconds
    while True:
        mine = [(headers, body) for _, headers, body in list(receiver.received) if external_tx_id.encode() in body]
        if len(mine) >= count or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    time.sleep(0.1)
    mine = [(headers, body) for _, headers, body in list(receiver.received) if external_tx_id.encode() in body]
    assert len(mine) == count, [json.loads(body)["data"]["status"] for _, body in mine]
    return mine


def statuses(deliveries):
    return [json.loads(body)["data"]["status"] for _, body in deliveries]


# --- Verification --------------------------------------------------------------------------------------------------


def test_signed_event_is_believed(sandbox, custodian):
    event = custodian.verify_webhook(headers={HEADER.upper(): sandbox.control.sign_webhook(BODY)}, body=BODY)

    assert (event.event_id, event.event_type) == ("e-1", "transaction.status.updated")
    assert (event.provider_id, event.external_tx_id) == ("p-1", "x-1")
    assert event.raw == json.loads(BODY)


@pytest.mark.parametrize("edited", [BODY.replace(b"p-1", b"p-2"), BODY + b" ", b"", b"[]"])
def test_edited_body_is_not_believed(sandbox, custodian, edited):
    signature = sandbox.control.sign_webhook(BODY)

    with pytest.raises(WebhookInvalid):
        custodian.verify_webhook(headers={HEADER: signature}, body=edited)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"not json", b'{"id":"e-1"}', b"\xff"])
def test_signed_body_that_is_no_event_is_not_believed(sandbox, custodian, body):
    with pytest.raises(WebhookInvalid, match="signed body"):
        custodian.verify_webhook(headers={HEADER: sandbox.control.sign_webhook(body)}, body=body)


def test_signature_of_another_key_under_a_known_name_is_not_believed(sandbox, custodian):
    kid = jwt.get_unverified_header(sandbox.control.sign_webhook(BODY).replace("..", ".e30."))["kid"]
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    with pytest.raises(WebhookInvalid, match="does not cover"):
        custodian.verify_webhook(headers={HEADER: detached(stranger, "RS512", kid)}, body=BODY)


def test_unknown_key_name_is_not_believed(custodian):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    with pytest.raises(WebhookInvalid, match="made-up"):
        custodian.verify_webhook(headers={HEADER: detached(stranger, "RS512", "made-up")}, body=BODY)


@pytest.mark.parametrize("algorithm", ["RS256", "HS512", "none"])
def test_other_algorithms_are_not_believed(sandbox, custodian, algorithm):
    kid = jwt.get_unverified_header(sandbox.control.sign_webhook(BODY).replace("..", ".e30."))["kid"]
    keys = {"RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048), "HS512": "s" * 64, "none": None}

    with pytest.raises(WebhookInvalid):
        custodian.verify_webhook(headers={HEADER: detached(keys[algorithm], algorithm, kid)}, body=BODY)


@pytest.mark.parametrize("signature", ["", "a", "a.b", "a.b.c", "..", "a..", "..c", "a..b.c", "é..é", "!!..!!"])
def test_header_that_is_no_detached_signature_is_not_believed(custodian, signature):
    with pytest.raises(WebhookInvalid):
        custodian.verify_webhook(headers={HEADER: signature}, body=BODY)


def test_missing_header_is_not_believed(custodian):
    with pytest.raises(WebhookInvalid):
        custodian.verify_webhook(headers={}, body=BODY)


def test_new_key_is_fetched_when_its_name_is_first_seen(sandbox, custodian, monkeypatch):
    custodian.verify_webhook(headers={HEADER: sandbox.control.sign_webhook(BODY)}, body=BODY)
    sandbox.control.rotate_webhook_key()
    signature = sandbox.control.sign_webhook(BODY)
    with pytest.raises(WebhookInvalid, match="published"):
        custodian.verify_webhook(headers={HEADER: signature}, body=BODY)  # fetched a moment ago: not yet again

    monkeypatch.setattr(jws, "REFETCH_PAUSE", 0.0)

    assert custodian.verify_webhook(headers={HEADER: signature}, body=BODY).event_id == "e-1"


def test_keys_that_cannot_be_had_are_unavailable_and_not_invalid(sandbox):
    verifier = jws.WebhookVerifier(jwks_url=sandbox.url + "/v1/nowhere")

    with pytest.raises(Unavailable):
        verifier.verify_webhook(headers={HEADER: sandbox.control.sign_webhook(BODY)}, body=BODY)


# --- Delivery ------------------------------------------------------------------------------------------------------


def test_each_status_is_told_once_in_order_and_verifies(receiver, custodian):
    started = move(custodian, "told")

    deliveries = received(receiver, "told", 5)

    assert statuses(deliveries) == ["SUBMITTED", "QUEUED", "PENDING_SIGNATURE", "CONFIRMING", "COMPLETED"]
    events = [custodian.verify_webhook(headers=headers, body=body) for headers, body in deliveries]
    assert {event.provider_id for event in events} == {started.provider_id}
    assert {event.external_tx_id for event in events} == {"told"}
    assert [event.event_type for event in events] == ["transaction.created"] + ["transaction.status.updated"] * 4
    assert len({event.event_id for event in events}) == 5


@pytest.mark.parametrize("status", [500, 503, 408, 429])
def test_delivery_is_repeated_after_a_passing_failure(receiver, custodian, status):
    receiver.answers.put(status)

    move(custodian, f"again-{status}")

    deliveries = received(receiver, f"again-{status}", 6)
    assert sorted(statuses(deliveries)).count("SUBMITTED") == 2


@pytest.mark.parametrize("status", [400, 401, 404])
def test_delivery_is_not_repeated_after_a_refusal(receiver, custodian, status):
    receiver.answers.put(status)

    move(custodian, f"lost-{status}")

    assert statuses(received(receiver, f"lost-{status}", 5)).count("SUBMITTED") == 1


def test_events_can_come_twice(receiver, sandbox, custodian):
    sandbox.control.scenario(match={"external_tx_id": "double"}, webhooks={"duplicate": 2})

    move(custodian, "double")

    ids = [json.loads(body)["id"] for _, body in received(receiver, "double", 10)]
    assert len(set(ids)) == 5


def test_events_can_come_last_first(receiver, sandbox, custodian):
    sandbox.control.scenario(match={"external_tx_id": "backwards"}, webhooks={"reverse": True})

    move(custodian, "backwards")

    told = statuses(received(receiver, "backwards", 5))
    assert told == ["COMPLETED", "CONFIRMING", "PENDING_SIGNATURE", "QUEUED", "SUBMITTED"]


def test_events_can_be_lost(receiver, sandbox, custodian):
    sandbox.control.scenario(match={"external_tx_id": "silent"}, webhooks={"drop": True})

    move(custodian, "silent")
    time.sleep(0.2)

    received(receiver, "silent", 0, seconds=0.1)


def detached(key, algorithm, kid):
    token = jwt.PyJWS().encode(BODY, key, algorithm=algorithm, headers={"kid": kid})
    header, payload, signature = token.split(".")
    assert payload == base64.urlsafe_b64encode(BODY).rstrip(b"=").decode()
    return f"{header}..{signature}"
