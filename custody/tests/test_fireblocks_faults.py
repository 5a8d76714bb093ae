"""What the adapters make of a Fireblocks that fails, lies, stalls or answers too late, and that nothing doubles."""

from __future__ import annotations

import functools
import socket
import threading
import time
from contextlib import contextmanager
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import connections

from agora.lib.errors import Unavailable, Uncertain
from agora.lib.http import CallInsideTransaction
from custody.custodians.base import TransferPhase
from custody.custodians.fireblocks import FireblocksCustodian
from custody.sandbox.process import running

ASSET = "AAPL_RAT"
POST, GET = "POST /v1/transactions", "GET /v1/transactions"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("fireblocks")) as process:
        yield process


@pytest.fixture(autouse=True)
def _no_scenario_is_left(sandbox):
    yield
    sandbox.control.clear_scenarios()


def custodian_at(sandbox, *, url=None, patience=5.0):
    return FireblocksCustodian(
        api_key=sandbox.api_key,
        private_key_pem=sandbox.private_key_file.read_text(),
        url=url or sandbox.url,
        jwks_url=sandbox.jwks_url,
        timeout=(1.0, patience),
    )


@pytest.fixture(scope="module")
def custodian(sandbox):
    return custodian_at(sandbox)


@pytest.fixture(scope="module")
def hasty(sandbox):
    """Gives up sooner than the time-outs of the scenarios here."""
    return custodian_at(sandbox, patience=0.3)


@pytest.fixture(scope="module")
def vaults(custodian):
    inbox = custodian.ensure_vault_account(name="agora-settlement-inbox", asset_id=ASSET)
    return inbox, custodian.ensure_vault_account(name="agora-custody", asset_id=ASSET)


def move(custodian, vaults, external_tx_id, quantity="0.25"):
    inbox, custody = vaults
    return custodian.transfer(
        external_tx_id=external_tx_id,
        asset_id=ASSET,
        quantity=Decimal(quantity),
        source_id=inbox,
        destination_id=custody,
        note="",
    )


def until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def effects(sandbox, external_tx_id):
    return len(sandbox.control.log(kind="transaction_created", external_tx_id=external_tx_id))


# --- Requests that go wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "http", "error", "happened"),
    [
        ("429", {"fault": "status", "status": 429, "retry_after": 2}, Unavailable, 0),
        ("401", {"fault": "status", "status": 401}, Unavailable, 0),
        ("403", {"fault": "status", "status": 403}, Unavailable, 0),
        ("500-before", {"fault": "status", "status": 500}, Uncertain, 0),
        ("500-after", {"fault": "status", "status": 500, "when": "after"}, Uncertain, 1),
        ("504-after", {"fault": "status", "status": 504, "when": "after"}, Uncertain, 1),
        ("302-after", {"fault": "status", "status": 302, "when": "after"}, Uncertain, 1),
        ("408-after", {"fault": "status", "status": 408, "when": "after"}, Uncertain, 1),
        ("timeout-before", {"fault": "timeout", "seconds": 1}, Uncertain, 0),
        ("timeout-after", {"fault": "timeout", "seconds": 1, "when": "after"}, Uncertain, 1),
        ("malformed-after", {"fault": "malformed", "when": "after"}, Uncertain, 1),
        ("drop-before", {"fault": "drop"}, Uncertain, 0),
        ("drop-after", {"fault": "drop", "when": "after"}, Uncertain, 1),
    ],
)
def test_transfer_that_goes_wrong_says_truly_whether_it_happened(
    sandbox, custodian, hasty, vaults, name, http, error, happened
):
    external_tx_id = f"wrong-{name}"
    sandbox.control.scenario(match={"endpoint": POST, "external_tx_id": external_tx_id}, http=http)

    with pytest.raises(error) as caught:
        move(hasty if http["fault"] == "timeout" else custodian, vaults, external_tx_id)

    assert type(caught.value) is error
    assert effects(sandbox, external_tx_id) == happened
    found = custodian.find_by_external_tx_id(external_tx_id)
    assert (found is not None) == bool(happened)


def test_too_many_requests_says_when_to_come_back(sandbox, custodian, vaults):
    sandbox.control.scenario(
        match={"external_tx_id": "slow-down"}, http={"fault": "status", "status": 429, "retry_after": 7}
    )

    with pytest.raises(Unavailable) as caught:
        move(custodian, vaults, "slow-down")

    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    "http",
    [
        {"fault": "status", "status": 429},
        {"fault": "status", "status": 500},
        {"fault": "status", "status": 302},
        {"fault": "timeout", "seconds": 1},
        {"fault": "malformed"},
        {"fault": "drop"},
    ],
)
def test_look_up_that_goes_wrong_is_unavailable_and_not_none(sandbox, custodian, hasty, http):
    sandbox.control.scenario(match={"endpoint": GET}, http=http)

    with pytest.raises(Unavailable):
        (hasty if http["fault"] == "timeout" else custodian).find_by_external_tx_id("whatever")

    assert custodian.find_by_external_tx_id("whatever") is None


def test_not_found_that_fireblocks_did_not_write_is_unavailable():
    with _answering(b"404 Not Found", b"<h1>nginx</h1>") as custodian, pytest.raises(Unavailable, match="nginx"):
        custodian.find_by_external_tx_id("whatever")


def test_duplicate_that_is_told_only_in_words_is_uncertain_and_not_final(vaults):
    body = b'{"message": "The external tx id that was provided in the request, already exists"}'
    with _answering(b"400 Bad Request", body) as custodian, pytest.raises(Uncertain) as caught:
        move(custodian, vaults, "in-words")

    assert caught.value.vendor_code == "1438"


def test_refusal_that_fireblocks_did_not_write_is_uncertain_for_a_transfer(vaults):
    with _answering(b"400 Bad Request", b"<h1>nginx</h1>") as custodian, pytest.raises(Uncertain, match="nginx"):
        move(custodian, vaults, "by-a-proxy")


@pytest.mark.parametrize("status", [b"400 Bad Request", b"404 Not Found", b"422 Unprocessable Entity"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"words"',
        b"{}",
        b'{"message": "Forbidden"}',
        b'{"error": "not found"}',
        b'{"message": {"code": 1}, "code": 1}',
        b'{"message": "by a gateway", "code": "NO_ROUTE"}',
        b'{"message": "by a gateway", "code": true}',
        b'{"message": "cut of',
    ],
)
def test_what_is_not_in_fireblocks_shape_proves_nothing(vaults, status, body):
    with _answering(status, body) as custodian, pytest.raises(Uncertain):
        move(custodian, vaults, "odd-answer")
    with _answering(status, body) as custodian, pytest.raises(Unavailable):
        custodian.find_by_external_tx_id("odd-answer")


def test_connection_refused_is_unavailable_even_for_a_transfer(sandbox, vaults):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(Unavailable, match="could not be reached"):
        move(custodian_at(sandbox, url=f"http://127.0.0.1:{port}"), vaults, "refused")


def test_no_call_is_made_inside_a_transaction(sandbox, custodian, vaults, monkeypatch):
    monkeypatch.setattr(connections["default"], "in_atomic_block", True)

    with pytest.raises(CallInsideTransaction):
        move(custodian, vaults, "in-transaction")

    assert sandbox.control.log(external_tx_id="in-transaction") == []


def test_nothing_is_resent_after_a_time_out(sandbox, hasty, vaults):
    sandbox.control.scenario(match={"external_tx_id": "once"}, http={"fault": "timeout", "seconds": 1, "when": "after"})

    with pytest.raises(Uncertain):
        move(hasty, vaults, "once")

    assert len(sandbox.control.log(kind="request", external_tx_id="once")) == 1


# --- Transactions that go wrong ------------------------------------------------------------------------------------


def test_held_transfer_is_pending_until_released(sandbox, custodian, vaults):
    sandbox.control.scenario(match={"external_tx_id": "held"}, hold="PENDING_AUTHORIZATION")
    move(custodian, vaults, "held")
    until(lambda: custodian.find_by_external_tx_id("held").status == "PENDING_AUTHORIZATION")
    time.sleep(0.3)
    assert custodian.find_by_external_tx_id("held").phase is TransferPhase.PENDING

    sandbox.control.release("held")

    until(lambda: custodian.find_by_external_tx_id("held").phase is TransferPhase.COMPLETED)


def test_failed_transfer_moves_nothing_and_frees_what_it_locked(sandbox, custodian, vaults):
    sandbox.control.scenario(
        match={"external_tx_id": "fails"}, fail={"status": "FAILED", "sub_status": "SIGNING_ERROR"}
    )
    before = [custodian.balance(vault_id=vault_id, asset_id=ASSET) for vault_id in vaults]

    move(custodian, vaults, "fails")
    until(lambda: custodian.find_by_external_tx_id("fails").phase is TransferPhase.FAILED)

    assert custodian.find_by_external_tx_id("fails").sub_status == "SIGNING_ERROR"
    assert [custodian.balance(vault_id=vault_id, asset_id=ASSET) for vault_id in vaults] == before
    wallet = custodian.client.get_vault_account_asset(vaults[0], ASSET)
    assert wallet["lockedAmount"] == "0"


@contextmanager
def _answering(status, body):
    """A custodian whose Fireblocks gives one answer, by hand."""

    def answer():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield FireblocksCustodian(api_key="key", private_key_pem=_any_key(), url=url, jwks_url=url)
        thread.join()


@functools.cache
def _any_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
