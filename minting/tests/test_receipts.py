"""Receipts of real orders: who gets them, and whether the chain says the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from agora.lib import anvil
from agora.lib.db import snapshot
from agora.tests.world import World
from custody.trails import custody_trails
from minting.models import MintTx
from minting.receipts import receipt_bytes, verifier_policy
from minting.selectors import receipt_of, receipts_of
from minting.tests.receipts import edit, judged, judged_by_page, resealed, settled
from orders.trails import order_trails, trails_of_customer

pytestmark = pytest.mark.django_db(transaction=True)

CHAIN_CHECKS = ["chain.block[0]", "chain.transaction[0]", "chain.minted[0]"]


def verify(path: Path, *options: str) -> tuple[int, Any]:
    """The command as a process of its own, with a database that is not there."""
    run = subprocess.run(
        [sys.executable, "manage.py", "verify_receipt", str(path), "--json", *options],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout, run.stderr
    return run.returncode, json.loads(run.stdout)


def saved(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "receipt.json"
    path.write_bytes(content)
    return path


def failed(report: Any) -> list[str]:
    return [check["code"] for check in report["checks"] if not check["holds"]]


def test_a_customer_downloads_a_receipt_that_everybody_finds_right(world: World, tmp_path: Path) -> None:
    order = world.until_settled(world.place())
    browser = Client()
    browser.force_login(world.alice.user)

    answer = browser.get(f"/orders/{order.pk}/receipt.json")

    assert answer.status_code == 200
    assert answer["Content-Disposition"] == f'attachment; filename="agora-receipt-{order.pk}.json"'
    assert "no-store" in answer["Cache-Control"]
    assert judged(answer.content)[0] == "ok"
    assert judged_by_page([answer.content]) == [judged(answer.content)]
    code, report = verify(saved(tmp_path, answer.content), "--rpc", world.outside.chain_url)
    assert (code, report["outcome"], report["missing"]) == (0, "ok", [])
    assert [check["code"] for check in report["checks"]][-3:] == CHAIN_CHECKS


def test_a_receipt_names_what_the_vendors_and_the_chain_know(world: World) -> None:
    order = world.until_settled(world.place())
    row = MintTx.objects.get()

    receipt = receipt_of(order_id=order.pk)

    broker, mint = receipt["broker"]["content"], receipt["mints"]["content"]["mints"][0]
    movement = receipt["custody"]["content"]["movements"][0]
    fills = [(fill.execution_id, str(fill.price_usd.normalize())) for fill in order.fills.all()]
    assert broker["order_id"] == order.broker_order_id
    assert [(fact["execution_id"], fact["price_usd"]) for fact in broker["executions"]] == fills
    assert (movement["transaction_id"], movement["quantity"]) == (order.custody_reference, "0.25")
    assert (mint["tx_hash"], mint["block_hash"], mint["log_index"]) == (row.tx_hash, row.block_hash, row.log_index)
    log = world.outside.rpc("eth_getTransactionReceipt", mint["tx_hash"])["logs"]
    assert hex(mint["log_index"]) in [entry["logIndex"] for entry in log]
    assert receipt["summary"]["content"] == {"as_of": mint["status_at"], "complete": True, "missing": []}


def test_a_receipt_holds_no_personal_data_but_the_wallet(world: World) -> None:
    customer = world.alice.customer
    type(customer).objects.filter(pk=customer.pk).update(full_name="Ana Souza", email="ana@example.com")
    order = world.until_settled(world.place(client_order_id="rent for ana"))

    text = receipt_bytes(receipt_of(order_id=order.pk)).decode()

    assert world.alice.wallet in text
    for private in ("Ana", "ana@example.com", "rent for ana", str(customer.pk), str(world.alice.user.username)):
        assert private not in text


def test_a_strangers_receipt_is_not_there(world: World) -> None:
    order = world.place(person=world.bob)
    alice, nobody = Client(), Client()
    alice.force_login(world.alice.user)

    assert alice.get(f"/orders/{order.pk}/receipt.json").status_code == 404
    assert nobody.get(f"/orders/{order.pk}/receipt.json").status_code == 302


def test_at_every_step_the_receipt_is_honest_and_right(world: World) -> None:
    order = world.place()
    seen: dict[str, list[str]] = {}

    def look() -> bool:
        receipt = receipt_of(order_id=order.pk)
        assert judged(receipt_bytes(receipt))[0] == "ok"
        status = receipt["order"]["content"]["status"]
        seen[status] = receipt["summary"]["content"]["missing"]
        return status == "MINT_CONFIRMED"

    look()
    world.until(look)
    world.outside.mine(12)
    world.until_status(order, "SETTLED")
    look()

    assert seen["PENDING"] == ["broker_order", "execution", "custody", "mint", "settlement"]
    assert seen["MINT_CONFIRMED"] == ["settlement"]
    assert seen["SETTLED"] == []


def test_a_receipt_of_a_block_that_left_the_chain_is_refuted_by_the_chain(world: World, tmp_path: Path) -> None:
    order = world.until_minted(world.place())
    path = saved(tmp_path, receipt_bytes(receipt_of(order_id=order.pk)))
    assert verify(path, "--rpc", world.outside.chain_url)[0] == 0

    world.outside.rpc("anvil_reorg", 1, [])

    code, report = verify(path, "--rpc", world.outside.chain_url)
    assert (code, report["outcome"], failed(report)) == (1, "refuted", CHAIN_CHECKS)
    assert verify(path)[0] == 0  # which is why the chain is to be asked


@pytest.mark.parametrize(
    ("field", "value", "refuted"),
    [
        ("tx_hash", "0x" + "cd" * 32, ["chain.transaction[0]", "chain.minted[0]"]),
        ("block_hash", "0x" + "cd" * 32, CHAIN_CHECKS),
        ("block_number", 10**9, ["chain.block[0]", "chain.minted[0]"]),
        ("log_index", 99, ["chain.minted[0]"]),
        ("contract", "0x" + "11" * 20, ["chain.minted[0]"]),
    ],
)
def test_a_forgery_that_holds_together_is_refuted_by_the_chain(
    world: World, tmp_path: Path, field: str, value: Any, refuted: list[str]
) -> None:
    order = world.until_settled(world.place())
    forged = resealed(edit(receipt_of(order_id=order.pk), f"mints.content.mints.0.{field}", value))
    path = saved(tmp_path, receipt_bytes(forged))
    assert verify(path)[0] == 0

    code, report = verify(path, "--rpc", world.outside.chain_url)

    assert (code, failed(report)) == (1, refuted)


def test_a_forged_amount_and_recipient_are_refuted_by_the_chain(world: World, tmp_path: Path) -> None:
    order = world.until_settled(world.place())
    receipt = receipt_of(order_id=order.pk)
    for path, value in {
        "order.content.quantity": "2.5",
        "order.content.recipient": world.bob.wallet,
        "broker.content.filled_quantity": "2.5",
        "broker.content.executions.0.quantity": "2.5",
        "custody.content.movements.0.quantity": "2.5",
        "mints.content.mints.0.amount_wei": str(25 * 10**17),
        "mints.content.mints.0.recipient": world.bob.wallet,
    }.items():
        receipt = edit(receipt, path, value)
    path = saved(tmp_path, receipt_bytes(resealed(receipt)))
    assert verify(path)[0] == 0

    code, report = verify(path, "--rpc", world.outside.chain_url)

    assert (code, failed(report)) == (1, ["chain.minted[0]"])


def test_a_node_that_gives_no_answer_refutes_nothing_and_proves_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, receipt_bytes(settled()))

    for url in ("http://127.0.0.1:1", "nonsense"):
        code, report = verify(path, "--rpc", url)
        assert (code, report["outcome"]) == (2, "unanswered")
        assert report["problem"]


def test_a_node_of_another_chain_is_not_believed(world: World, tmp_path: Path) -> None:
    path = saved(tmp_path, receipt_bytes(resealed(edit(settled(), "mints.content.mints.0.chain_id", 1))))
    assert failed(verify(path, "--rpc", world.outside.chain_url)[1]) == ["chain.one"]

    other = settled()
    for index in (0, 1):
        other = edit(other, f"mints.content.mints.{index}.chain_id", 8453)
    code, report = verify(saved(tmp_path, receipt_bytes(resealed(other))), "--rpc", world.outside.chain_url)
    assert (code, report["outcome"]) == (2, "unanswered")
    assert f"serves chain {anvil.CHAIN_ID}, not 8453" in report["problem"]


def test_what_is_no_receipt_ends_in_two_with_a_sentence(tmp_path: Path) -> None:
    code, report = verify(saved(tmp_path, b"[" * 100_000))
    assert (code, report["outcome"], report["problem"]) == (2, "unreadable", "it is nested too deeply")
    code, report = verify(tmp_path / "there-is-none.json")
    assert (code, report["outcome"]) == (2, "unreadable")
    assert "there-is-none.json" in report["problem"]


def test_the_command_says_each_check_on_a_line_of_its_own(tmp_path: Path) -> None:
    path = saved(tmp_path, receipt_bytes(edit(settled(), "order.content.quantity", "2")))
    run = subprocess.run(
        [sys.executable, "manage.py", "verify_receipt", str(path)],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
    )

    lines = run.stdout.splitlines()
    assert run.returncode == 1
    assert "FAILS  hash.order" in lines
    assert "holds  mint_amounts" in lines
    assert lines[-1] == "REFUTED"


def test_the_verifier_is_a_page_and_a_download_for_anybody() -> None:
    page, download = Client().get("/receipts/verify/"), Client().get("/receipts/verify/download")

    assert (page.status_code, download.status_code) == (200, 200)
    assert page.content == download.content
    assert page["Content-Security-Policy"] == download["Content-Security-Policy"] == verifier_policy()
    assert "Content-Disposition" not in page
    assert download["Content-Disposition"] == 'attachment; filename="agora-receipt-verifier.html"'


def test_one_receipt_is_of_one_moment(world: World) -> None:
    """What is confirmed between two of the queries does not show in one section and not in the other."""
    order = world.place()

    def mint_in_another_connection() -> None:
        try:
            world.until_minted(order)
        finally:
            connection.close()

    @snapshot
    def read_around_a_change() -> tuple[str, int]:
        status = order_trails(order_ids=[order.pk])[0].status
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(mint_in_another_connection).result()
        return status, len(custody_trails(order_ids=[order.pk]))

    assert read_around_a_change() == ("PENDING", 0)
    assert receipt_of(order_id=order.pk)["order"]["content"]["status"] == "MINT_CONFIRMED"


def test_a_receipt_takes_as_many_queries_for_one_order_as_for_ten(world: World, django_assert_num_queries: Any) -> None:
    orders = [world.place("0.01") for _ in range(10)]
    for order in orders:
        world.until_minted(order)

    with django_assert_num_queries(6):
        receipts = receipts_of(trails=trails_of_customer(customer_id=world.alice.customer.pk))

    assert [receipt["order"]["content"]["id"] for receipt in receipts] == [str(order.pk) for order in orders]
    assert all(judged(receipt_bytes(receipt))[0] == "ok" for receipt in receipts)
