"""The console's page of an order, the list of what stands still, and what staff may do about it (docs/console.md)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import AuditEntry, Hold, Proposal
from accounts.selectors import CLOSED, active_holds
from accounts.services import place_hold
from agora.lib import transitions
from agora.tests.rows import new_mint, new_order, new_record, walk_to
from agora.tests.staff import console_of, new_staff
from agora.tests.tables import unchanged
from agora.tests.test_every_page import _Inline
from agora.tests.world import World
from custody.models import CustodyRecord, VendorMessage
from custody.states import CustodyStatus
from minting.models import MintTx
from minting.states import MintStatus
from orders.models import BrokerMessage, Order, OrderClosing, OrderEvent
from orders.selectors import closing_blockers
from orders.states import OrderStatus

pytestmark = pytest.mark.django_db(transaction=True)


def _page(client: Any, order: Order) -> str:
    answer = client.get(f"/admin/orders/order/{order.pk}/change/")
    assert answer.status_code == 200
    text: str = answer.content.decode()
    inline = _Inline()
    inline.feed(text)
    assert inline.found == []
    return text


def _act(client: Any, row: Any, name: str, **typed: str) -> Any:
    url = f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/act/{name}/"
    seen = str(type(row).objects.get(pk=row.pk).version)
    return client.post(url, {"seen": seen, "reason": "a test", **typed})


def _offered(page: str) -> set[str]:
    return set(re.findall(r"/act/([a-z-]+)/", page))


def _tasks() -> list[str]:
    return sorted(row.task["func"] for row in OrmQ.objects.all())


# --- The page --------------------------------------------------------------------------------------------------------
def test_a_settled_order_is_told_from_its_acceptance_to_its_blocks(world: World) -> None:
    order = world.until_settled(world.place())
    record, mint = CustodyRecord.objects.get(), MintTx.objects.get()
    attempt = mint.tx_attempts.get()

    page = _page(console_of(new_staff()), order)

    for told in (
        *(order.broker_order_id, order.fills.get().execution_id, record.provider_id, record.external_tx_id),
        *(mint.mint_key, attempt.tx_hash, mint.block_hash, mint.recipient, "a••••"),
    ):
        assert told in page, told
    timeline = page[page.index("<h2>Timeline</h2>") :]
    steps = [timeline.index(f'moment-order">\n<span class="moment-at">{_shown(e)}') for e in order.events.all()]
    assert len(steps) == order.version
    assert steps == sorted(steps)
    assert "alice" not in page.replace("alice@", "")
    receipt = console_of(new_staff("again")).get(f"/admin/orders/order/{order.pk}/receipt.json")
    assert receipt.status_code == 200
    assert attempt.tx_hash in receipt.content.decode()


def _shown(event: OrderEvent) -> str:
    return f'<time datetime="{event.at.isoformat()}">'


@pytest.mark.parametrize("status", OrderStatus.values)
def test_an_order_in_each_status_has_its_page_and_its_legal_acts(status: str) -> None:
    order = walk_to(new_order(), status)
    expected = {
        "PENDING": {"hold", "cancel"},
        "SUBMITTING": {"hold", "cancel", "look-up", "propose-never-placed"},
        "SUBMITTED": {"hold", "cancel"},
        "PARTIALLY_FILLED": {"hold", "cancel"},
        **{one: {"hold"} for one in ("FILLED", "CUSTODY_CONFIRMED", "MINT_CONFIRMED")},
    }
    assert _offered(_page(console_of(new_staff()), order)) == expected.get(status, set())


@pytest.mark.parametrize("status", CustodyStatus.values)
def test_a_transfer_in_each_status_offers_what_is_legal(status: str) -> None:
    record = walk_to(new_record(order=walk_to(new_order(), "FILLED")), status)
    CustodyRecord.objects.filter(pk=record.pk).update(called_at=timezone.now())
    expected = {
        "PENDING": {"look-up"},
        "SUBMITTED": {"look-up"},
        "FAILED": {"retry", "propose-close"},
        "COMPLETED": set(),
    }
    client = console_of(new_staff())
    assert _offered(_page(client, record.order)) - {"hold"} == expected[status]
    with unchanged():
        for name in {"look-up", "retry", "propose-close"} - expected[status]:
            assert _act(client, record, name, resolution="REFUNDED", reference="x").status_code == 409


@pytest.mark.parametrize("status", MintStatus.values)
def test_a_mint_in_each_status_offers_what_is_legal(status: str) -> None:
    mint = walk_to(new_mint(), status)
    expected = {"SIGNED": {"rebroadcast"}, "SENT": {"observe"}, "FAILED": {"propose-close"}}.get(status, set())
    client = console_of(new_staff())
    assert _offered(_page(client, mint.order)) - {"hold", "cancel"} == expected
    with unchanged():
        for name in {"rebroadcast", "observe", "propose-close"} - expected:
            assert _act(client, mint, name, resolution="REFUNDED", reference="x").status_code == 409


def test_the_number_of_queries_does_not_grow_with_what_happened() -> None:
    mint = walk_to(new_mint(), "SETTLED")
    client, now = console_of(new_staff()), timezone.now()

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            _page(client, mint.order)
        return len(seen)

    queries()  # content types and the like are read once a process
    few = queries()
    for number in range(60):
        BrokerMessage.objects.create(
            source="list", order=mint.order, digest=str(number), payload={}, outcome="APPLIED", received_at=now
        )
        VendorMessage.objects.create(
            digest=str(number), external_tx_id=mint.custody_record.external_tx_id, body="", received_at=now
        )
        place_hold(subject=f"order:{mint.order_id}", owner=f"owner-{number}", reason="x", now=now)
    assert queries() == few <= 40


def test_a_viewer_sees_neither_the_customer_nor_the_audit_log() -> None:
    order = new_order()
    page = _page(console_of(new_staff("v", group="viewer")), order)
    assert not {"<h2>Customer</h2>", "<h2>Limit</h2>", "<h2>Audit log</h2>"} & set(re.findall("<h2>.*?</h2>", page))
    assert _offered(page) == set()


# --- The list --------------------------------------------------------------------------------------------------------
def test_the_list_names_class_age_and_legal_acts_in_few_queries() -> None:
    failed = walk_to(new_record(order=walk_to(new_order(), "FILLED")), "FAILED")
    asset = failed.order.asset
    for _ in range(30):
        walk_to(new_order(asset=asset), "SUBMITTED")
    past = timezone.now() - timedelta(hours=2)
    Order.objects.update(updated_at=past)
    CustodyRecord.objects.update(updated_at=past - timedelta(hours=1))
    client = console_of(new_staff())

    with CaptureQueriesContext(connection) as seen, unchanged():
        page = client.get("/admin/stuck/").content.decode()
    assert len([one for one in seen if "string_agg" not in one["sql"]]) <= 40
    assert page.index(f"/custodyrecord/{failed.pk}/act/retry/") < page.index("/act/cancel/")
    assert "Failed: staff decide: 1" in page
    assert "for 3\xa0hours" in page
    assert "Page 1 of 2" in page
    only = client.get("/admin/stuck/?cause=failed&older_than=nonsense").content.decode()
    assert only.count("<article") == 1
    assert "/admin/stuck/" in client.get("/admin/").content.decode()
    assert console_of(new_staff("nobody", permissions=("accounts.view_tier",))).get("/admin/stuck/").status_code == 403


# --- What the acts do ------------------------------------------------------------------------------------------------
def test_an_uncertain_order_is_looked_up_by_a_worker_and_not_by_the_page() -> None:
    order = walk_to(new_order(), "SUBMITTING")
    OrmQ.objects.all().delete()

    assert _act(console_of(new_staff()), order, "look-up").status_code == 302

    assert _tasks() == ["orders.tasks.submit_order"]
    assert Order.objects.get().status == "SUBMITTING"


def test_a_hold_of_ones_own_is_replaced_and_released_by_oneself_alone() -> None:
    order, user = new_order(), new_staff()
    client = console_of(user)

    _act(client, order, "hold", hours="1")
    _act(client, order, "hold")

    first, second = Hold.objects.order_by("placed_at")
    assert (first.released_by, second.owner, second.until) == (f"staff:{user.pk}", f"staff:{user.pk}", None)
    another = console_of(new_staff("another", group="operations"))
    assert _act(another, second, "release").status_code == 409
    assert _act(client, second, "propose-release").status_code == 409
    assert _act(client, second, "release").status_code == 302
    assert active_holds(subjects=[f"order:{order.pk}"], now=timezone.now()) == []


def test_a_hold_that_ran_out_does_not_keep_its_owner_from_another() -> None:
    order, now = new_order(), timezone.now()
    subject = f"order:{order.pk}"
    past = now - timedelta(hours=2)
    place_hold(subject=subject, owner="o", reason="first", now=past, until=now - timedelta(hours=1))

    place_hold(subject=subject, owner="o", reason="second", now=now)

    assert [hold.reason for hold in active_holds(subjects=[subject], now=now)] == ["second"]


def test_anothers_hold_is_released_by_two_people() -> None:
    hold = place_hold(subject=f"order:{new_order().pk}", owner="minting-guard", reason="x", now=timezone.now())
    proposer, approver = new_staff("p", group="operations"), new_staff("a", group="compliance")
    assert _act(console_of(proposer), hold, "propose-release").status_code == 302
    proposal = Proposal.objects.get()

    client = console_of(proposer)
    with unchanged():
        assert _act(client, proposal, "approve").status_code == 403
    assert _act(console_of(approver), proposal, "approve").status_code == 302

    hold.refresh_from_db()
    assert hold.released_by == f"staff:{approver.pk}"


def test_a_hold_released_in_between_is_not_released_again() -> None:
    hold = place_hold(subject=f"order:{new_order().pk}", owner="minting-guard", reason="x", now=timezone.now())
    _act(console_of(new_staff("p", group="operations")), hold, "propose-release")
    Hold.objects.update(released_at=timezone.now(), released_by="worker")
    another = place_hold(subject=hold.subject, owner="minting-guard", reason="y", now=timezone.now())

    answer = _act(console_of(new_staff("a", group="compliance")), Proposal.objects.get(), "approve")

    assert answer.status_code == 409
    assert Hold.objects.get(pk=another.pk).released_at is None


def _closed(record: CustodyRecord) -> Order:
    proposer, approver = new_staff("p", group="operations"), new_staff("a", group="compliance")
    typed = {"resolution": "REFUNDED", "reference": "case 7"}
    assert _act(console_of(proposer), record, "propose-close", **typed).status_code == 302
    assert _act(console_of(approver), Proposal.objects.get(), "approve").status_code == 302
    return Order.objects.get(pk=record.order_id)


def test_an_order_settled_outside_is_closed_by_two_people_and_stays_so() -> None:
    record = walk_to(new_record(order=walk_to(new_order(), "FILLED")), "FAILED")
    order = _closed(record)

    assert (order.status, order.closing.resolution, order.closing.cause) == (
        "FILLED",
        "REFUNDED",
        f"custody:{record.pk}",
    )
    assert AuditEntry.objects.filter(action="order.close", subject=f"order:{order.pk}").count() == 1
    assert [one.owner for one in active_holds(subjects=[f"order:{order.pk}"], now=timezone.now())] == [CLOSED]
    client = console_of(new_staff())
    with unchanged():
        for name in ("retry", "propose-close"):
            assert _act(client, record, name, resolution="REFUNDED", reference="x").status_code == 409
        hold = Hold.objects.get(owner=CLOSED)
        for name in ("release", "propose-release"):
            assert _act(client, hold, name).status_code == 409
    assert "<article" not in client.get("/admin/stuck/?older_than=0").content.decode()
    assert closing_blockers(customer=order.customer, now=timezone.now()) == []


def test_the_database_keeps_a_closed_order_closed() -> None:
    record = walk_to(new_record(order=walk_to(new_order(), "FILLED")), "FAILED")
    _closed(record)
    for statement in (
        lambda: transitions.apply(record, to="PENDING", actor="test", now=timezone.now()),
        lambda: Hold.objects.filter(owner=CLOSED).update(released_at=timezone.now()),
        lambda: Hold.objects.filter(owner=CLOSED).delete(),
        lambda: OrderClosing.objects.update(reference="other"),
    ):
        with pytest.raises((ProgrammingError, InternalError)), transaction.atomic():
            statement()
        record.refresh_from_db()


def test_an_attempt_made_after_the_proposal_is_not_closed_by_it() -> None:
    record = walk_to(new_record(order=walk_to(new_order(), "FILLED")), "FAILED")
    typed = {"resolution": "DELIVERED", "reference": "case 8"}
    _act(console_of(new_staff("p", group="operations")), record, "propose-close", **typed)
    _act(console_of(new_staff("o", group="operations")), record, "retry")
    walk_to(CustodyRecord.objects.get(), "FAILED")

    answer = _act(console_of(new_staff("a", group="compliance")), Proposal.objects.get(), "approve")

    assert answer.status_code == 409
    assert not OrderClosing.objects.exists()


def test_the_same_bytes_are_sent_again_and_nothing_is_signed(world: World) -> None:
    world.outside.rpc("evm_setAutomine", False)
    try:
        order = world.place()
        world.until(lambda: MintTx.objects.filter(status="SENT").exists())
        mint = MintTx.objects.get()
        raw = [bytes(one.raw) for one in mint.tx_attempts.all()]
        world.outside.rpc("anvil_dropTransaction", mint.tx_attempts.get().tx_hash)

        assert _act(console_of(new_staff()), mint, "observe").status_code == 302
        world.run_tasks()
    finally:
        world.outside.rpc("evm_setAutomine", True)
    world.outside.mine(1)

    world.until_minted(order)
    assert [bytes(one.raw) for one in mint.tx_attempts.all()] == raw
    assert world.supply() == order.quantity
    assert world.violations() == []
