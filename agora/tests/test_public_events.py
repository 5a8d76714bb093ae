"""What integrators hear of: one event a move, as docs/asyncapi.yaml says, in a feed that no reader misses any of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest
import yaml
from django.db import connection, transaction
from django.utils import timezone

from accounts import feed
from accounts.errors import EventCursorUnknown
from accounts.models import Customer, PublicEvent
from accounts.notifying import types
from accounts.services import (
    approve_customer,
    create_endpoint,
    delete_endpoint,
    disable_endpoint,
    enable_endpoint,
    fire_test,
    publish_events,
    reject_customer,
    reopen_customer,
)
from accounts.tests.people import newcomer
from accounts.tests.receiver import happen
from agora.lib import ids
from agora.tests.rows import new_asset, new_order, status_pairs, walk_to
from agora.tests.world import World
from orders.services import report_minted
from orders.states import LADDER, MOVES, PUBLIC, public_type

ASYNCAPI = yaml.safe_load((Path(__file__).resolve().parents[2] / "docs" / "asyncapi.yaml").read_text())


def conforms(event: dict[str, Any]) -> None:
    """The event is as the document says of its type."""
    payload = ASYNCAPI["components"]["messages"][event["type"]]["payload"]
    schema = {**payload, "components": ASYNCAPI["components"]}
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(event)


def published(customer: Customer) -> list[dict[str, Any]]:
    publish_events(now=timezone.now())
    return [feed.wire(event) for event in feed.events_after(customer=customer)]


def test_the_document_names_every_type_and_no_other() -> None:
    messages = ASYNCAPI["components"]["messages"]
    assert set(messages) == types.ALL
    for channel in ASYNCAPI["channels"].values():
        assert set(channel["messages"]) == types.ALL
    assert set(types.ORDER) == {*PUBLIC.values(), "order.reorged", "order.late_fill"}


def test_the_schemas_can_refuse() -> None:
    good = {
        "id": str(ids.new_id()),
        "type": "customer.approved",
        "timestamp": "2026-11-20T12:00:00Z",
        "subject": {"type": "customer", "id": str(ids.new_id())},
        "sequence": 2,
        "data": {
            "customer_id": str(ids.new_id()), "status": "APPROVED", "previous_status": "PENDING", "reject_kind": None
        },
    }  # fmt: skip
    conforms(good)
    for broken in (
        {**good, "sequence": 0},
        {**good, "data": {}},
        {**good, "data": {**good["data"], "email": "ana@example.com"}},  # type: ignore[dict-item]
        {**good, "subject": {"type": "order", "id": str(ids.new_id())}},
        {**good, "type": "order.filled"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            conforms(broken)


@pytest.mark.parametrize(("before", "after"), status_pairs(MOVES))
def test_each_move_of_an_order_has_its_type(before: str, after: str) -> None:
    back = before in LADDER and after in LADDER and LADDER.index(after) < LADDER.index(before)
    assert public_type(before=before, after=after, actor="minting") == ("order.reorged" if back else PUBLIC[after])
    assert public_type(before=before, after=after, actor="alpaca") == ("order.late_fill" if back else PUBLIC[after])


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted(MOVES))
def test_an_order_announces_each_of_its_moves_once_as_the_document_says(status: str) -> None:
    order = walk_to(new_order(asset=new_asset(), quantity=Decimal("0.25")), status)

    events = [event for event in published(order.customer) if event["subject"]["type"] == "order"]

    moves = list(order.events.order_by("sequence"))
    assert [event["sequence"] for event in events] == list(range(1, len(moves) + 1))
    assert [event["data"]["status"] for event in events] == [move.to_status for move in moves]
    assert events[-1]["data"]["status"] == status
    for event in events:
        conforms(event)
        assert event["data"]["quantity"] == "0.25"
        assert order.recipient not in str(event)


@pytest.mark.django_db
def test_customers_and_endpoints_announce_each_move_without_personal_data() -> None:
    ana = newcomer()
    Customer.objects.filter(pk=ana.pk).update(full_name="Ana Souza", email="ana@example.com")
    now = timezone.now()
    approve_customer(customer=ana, actor="test", now=now)
    reject_customer(customer=ana, kind="RETRY", sentence="Ana Souza is blurred", actor="test", now=now)
    reopen_customer(customer=ana, actor="test", reason="ana@example.com wrote", now=now)
    endpoint, secret = create_endpoint(customer=ana, url="http://127.0.0.1:1/token-in-url", now=now)
    fire_test(endpoint=endpoint, now=now)
    disable_endpoint(endpoint=endpoint, actor="webhooks", reason="a test", now=now)
    enable_endpoint(endpoint=endpoint, now=now)
    delete_endpoint(endpoint=endpoint, now=now)

    events = published(ana)

    assert [event["type"] for event in events] == [
        *("customer.registered", "customer.approved", "customer.rejected", "customer.reopened"),
        *("webhook_endpoint.created", "webhook_endpoint.test", "webhook_endpoint.disabled"),
        *("webhook_endpoint.enabled", "webhook_endpoint.deleted"),
    ]
    for event in events:
        conforms(event)
        for private in ("Ana", "ana@", "blurred", "token-in-url", secret):
            assert private not in str(event)


@pytest.mark.django_db
def test_a_move_that_is_undone_was_never_announced() -> None:
    ana = newcomer()
    before = PublicEvent.objects.count()
    with transaction.atomic():
        approve_customer(customer=ana, actor="test", now=timezone.now())
        assert PublicEvent.objects.count() == before + 1
        transaction.set_rollback(True)
    assert PublicEvent.objects.count() == before


def test_an_order_from_purchase_to_settlement_and_back_by_a_reorg(world: World) -> None:
    order = world.until_settled(world.place("0.25", client_order_id="mine-1"))
    report_minted(
        order_id=order.pk, minted=Decimal(0), settled=Decimal(0), tx_hash="", reason="reorg", now=timezone.now()
    )

    events = [event for event in published(world.alice.customer) if event["subject"]["id"] == str(order.pk)]

    assert [event["type"] for event in events] == [
        *("order.accepted", "order.submitting", "order.submitted", "order.filled", "order.in_custody"),
        *("order.minted", "order.settled", "order.reorged", "order.reorged"),
    ]
    for event in events:
        conforms(event)
    figures = [
        (event["data"]["filled_quantity"], event["data"]["custody_quantity"], event["data"]["minted_quantity"])
        for event in events
    ]
    assert figures == [
        *[("0", "0", "0")] * 3, ("0.25", "0", "0"), ("0.25", "0.25", "0"), *[("0.25",) * 3] * 2,
        *[("0.25", "0.25", "0")] * 2,
    ]  # fmt: skip
    assert {event["data"]["client_order_id"] for event in events} == {"mine-1"}


class Writer(threading.Thread):
    """A transaction of its own that announces, and commits when told to."""

    def __init__(self, customer: Customer) -> None:
        super().__init__(daemon=True)
        self.customer = customer
        self.written, self.commit = threading.Event(), threading.Event()

    def run(self) -> None:
        try:
            with transaction.atomic():
                happen(self.customer)
                self.written.set()
                self.commit.wait(20)
        finally:
            connection.close()


@pytest.fixture
def people(transactional_db: None) -> tuple[Customer, Customer]:
    return newcomer("ana"), newcomer("bob")


def test_an_event_that_commits_late_is_not_skipped_by_a_reader_who_went_on(
    people: tuple[Customer, Customer],
) -> None:
    """Written first, committed last: by id or time it stands before what the reader has seen."""
    ana, _ = people
    late = Writer(ana)
    late.start()
    late.written.wait(10)
    create_endpoint(customer=ana, url="http://127.0.0.1:1/", now=timezone.now())

    seen = published(ana)
    assert [event["type"] for event in seen] == ["customer.registered", "webhook_endpoint.created"]
    late.commit.set()
    late.join(10)
    publish_events(now=timezone.now())

    rest = feed.events_after(customer=ana, after=PublicEvent.objects.get(event_id=seen[-1]["id"]).event_id)
    assert [event.type for event in rest] == ["order.filled"]
    by_id = list(PublicEvent.objects.filter(customer=ana).order_by("pk").values_list("type", flat=True))
    assert by_id == ["customer.registered", "order.filled", "webhook_endpoint.created"]


class Crowd:
    """Threads with a database connection each; what goes wrong in one is kept to be shown."""

    def __init__(self) -> None:
        self.problems: list[BaseException] = []

    def start(self, work: Callable[..., None], *args: Any) -> threading.Thread:
        thread = threading.Thread(target=self._run, args=(work, *args), daemon=True)
        thread.start()
        return thread

    def _run(self, work: Callable[..., None], *args: Any) -> None:
        try:
            work(*args)
        except BaseException as problem:  # noqa: BLE001 - shown by the assertion
            self.problems.append(problem)
        finally:
            connection.close()


def _write(customer: Customer, order_id: UUID) -> None:
    for sequence in range(1, 26):
        with transaction.atomic():
            happen(customer, subject=order_id, sequence=sequence)


def _publish(stop: threading.Event) -> None:
    while not stop.is_set():
        publish_events(now=timezone.now())


def _read(customer: Customer, seen: list[PublicEvent], stop: threading.Event) -> None:
    while True:
        done = stop.is_set()
        page = feed.events_after(customer=customer, after=seen[-1].event_id if seen else None, limit=7)
        seen.extend(page)
        if done and not page:
            return


def test_readers_and_publishers_at_once_miss_nothing_and_number_without_a_gap(
    people: tuple[Customer, Customer],
) -> None:
    ana, crowd, stop, seen = people[0], Crowd(), threading.Event(), list[PublicEvent]()
    order_ids = [ids.new_id() for _ in range(8)]

    others = [crowd.start(_publish, stop), crowd.start(_publish, stop), crowd.start(_read, ana, seen, stop)]
    for writer in [crowd.start(_write, ana, order_id) for order_id in order_ids]:
        writer.join(60)
    publish_events(now=timezone.now())
    stop.set()
    for thread in others:
        thread.join(30)

    assert crowd.problems == []
    positions = PublicEvent.objects.order_by("position").values_list("position", flat=True)
    assert list(positions) == list(range(1, PublicEvent.objects.count() + 1))
    assert [event.position for event in seen] == list(positions.filter(customer=ana))
    for order_id in order_ids:
        assert [event.sequence for event in seen if event.subject_id == order_id] == list(range(1, 26))


def test_a_feed_is_its_customers_own_and_wants_a_cursor_from_it(people: tuple[Customer, Customer]) -> None:
    ana, bob = people
    publish_events(now=timezone.now())
    (bobs,) = feed.events_after(customer=bob)

    assert [event.customer_id for event in feed.events_after(customer=ana)] == [ana.pk]
    with pytest.raises(EventCursorUnknown):
        feed.events_after(customer=ana, after=bobs.event_id)
    assert feed.events_after(customer=bob, after=bobs.event_id) == []
