"""Events on their way to real HTTP servers: signed, retried, in order, given up, never lost by a slow neighbour."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, transaction
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from accounts import tasks
from accounts.models import Customer, PublicEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from accounts.notifying import schedule
from accounts.services import (
    delete_endpoint,
    disable_endpoint,
    enable_endpoint,
    fire_test,
    prune_deliveries,
    publish_events,
    replay_delivery,
    replay_event,
    rotate_secret,
)
from accounts.services.notifying.sending import (
    Candidate,
    Errand,
    Outcome,
    choose,
    lease_deliveries,
    record_outcome,
    send,
)
from accounts.tests.people import newcomer
from accounts.tests.receiver import SANDBOX, Answer, Receiver, deliver, endpoint_at, happen, later, receiving, states
from agora.lib import ids

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def ana() -> Customer:
    return newcomer("ana")


def attempts() -> list[tuple[int, int | None, str]]:
    rows = WebhookAttempt.objects.order_by("delivery__event_id", "delivery__created_at", "number")
    return [(row.number, row.status_code, row.error) for row in rows]


def sent(errand: Errand) -> Outcome:
    """On a thread of its own, as the desk does: this one has a transaction open."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(send, errand, SANDBOX).result()


def test_an_event_arrives_once_signed_as_the_library_verifies(receiver: Receiver, ana: Customer) -> None:
    _, secret = endpoint_at(receiver, ana)
    event = happen(ana)

    deliver()
    deliver(later(days=4))

    (heard,) = receiver.heard
    assert heard.verify(secret) == {
        "id": str(event.event_id),
        "type": "order.filled",
        "timestamp": event.at.isoformat().replace("+00:00", "Z"),
        "subject": {"type": "order", "id": str(event.subject_id)},
        "sequence": 1,
        "data": {"order_id": "an order", "note": "ação"},
    }
    assert heard.id == str(event.event_id)
    assert heard.headers["content-type"] == "application/json"
    assert states() == [("SUCCEEDED", 1)]
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 44).verify(heard.body, heard.headers)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (Answer(500, body=b"sorry"), 500, ""),
        (Answer(400), 400, ""),
        (Answer(302, headers={"Location": "http://127.0.0.1:1/"}), 302, ""),
        (Answer(delay=1.5), None, "TimedOut"),
        (Answer(200, body=b"x", headers={"Content-Length": "-1", "Transfer-Encoding": "chunked"}), 200, ""),
    ],
    ids=["500", "400", "redirect", "silence", "a broken body"],
)
def test_a_failure_is_tried_again_under_the_same_id_and_a_broken_body_is_none(
    receiver: Receiver, ana: Customer, answer: Answer, status: int | None, error: str
) -> None:
    _, secret = endpoint_at(receiver, ana)
    event = happen(ana)
    receiver.answers.append(answer)

    deliver()
    assert attempts() == [(1, status, error)]
    if status == 200:
        assert states() == [("SUCCEEDED", 1)]
        return
    assert states() == [("PENDING", 1)]
    deliver(later(seconds=4))
    assert len(receiver.heard) == 1  # not due yet
    deliver(later(seconds=6))

    assert states() == [("SUCCEEDED", 2)]
    assert [heard.id for heard in receiver.heard] == [str(event.event_id)] * 2
    assert receiver.heard[0].body == receiver.heard[1].body
    receiver.heard[0].verify(secret)


def test_an_answer_is_kept_to_a_kilobyte_for_its_owner_to_read(receiver: Receiver, ana: Customer) -> None:
    endpoint_at(receiver, ana)
    happen(ana)
    receiver.answers.append(Answer(500, body=b"y" * 3_000_000))

    deliver()

    attempt = WebhookAttempt.objects.get()
    assert attempt.excerpt == "y" * 1024
    assert attempt.milliseconds is not None


def test_nobody_is_tried_for_three_days_by_the_schedule_and_then_given_up(ana: Customer) -> None:
    with receiving() as gone:
        endpoint_at(gone, ana)
    happen(ana)
    now = start = timezone.now()
    times = []
    for _ in range(20):
        deliver(now)
        row = WebhookDelivery.objects.get()
        if row.status != "PENDING":
            break
        times.append(now - start)
        now = row.next_attempt_at

    assert (row.status, row.attempts, row.reason) == ("GIVEN_UP", 14, "14 attempts failed")
    assert timedelta(days=3) * 0.89 < now - start < timedelta(days=3) * 1.11
    assert {error for _, _, error in attempts()} == {"ConnectionRefusedError"}
    for wait, planned in zip(
        [b - a for a, b in zip(times, [*times[1:], now - start], strict=True)], schedule.WAITS, strict=True
    ):
        assert planned * 0.9 <= wait <= planned * 1.1


@pytest.mark.parametrize(
    ("status", "header", "least", "most"),
    [
        (429, "120", 120, 120),
        (503, "7200", 7200, 7200),
        (429, "1", 4.5, 5.5),  # never sooner than ours
        (429, "99999999999", 86_400, 86_400),
        (429, "soon", 4.5, 5.5),
        (500, "120", 4.5, 5.5),
    ],
)
def test_a_wait_that_the_receiver_asks_for_is_kept(
    receiver: Receiver, ana: Customer, status: int, header: str, least: float, most: float
) -> None:
    endpoint_at(receiver, ana)
    happen(ana)
    receiver.usual = Answer(status, headers={"Retry-After": header})
    now = timezone.now()

    deliver(now)

    wait = (WebhookDelivery.objects.get().next_attempt_at - now).total_seconds()
    assert least <= wait <= most


def test_a_retry_after_may_be_a_date() -> None:
    now = timezone.now().replace(microsecond=0)
    assert schedule.asked_wait(f"{now + timedelta(minutes=5):%a, %d %b %Y %H:%M:%S} GMT", now=now) == timedelta(
        minutes=5
    )
    assert schedule.asked_wait("Wed, 21 Oct 2015 07:28:00 GMT", now=now) == timedelta(0)
    assert schedule.asked_wait("²", now=now) is None


def test_an_orders_events_wait_for_each_other_and_other_orders_do_not(receiver: Receiver, ana: Customer) -> None:
    endpoint_at(receiver, ana)
    order, other = ids.new_id(), ids.new_id()
    receiver.answers.extend([Answer(500)])
    for sequence, type_ in ((1, "order.submitted"), (2, "order.filled"), (3, "order.filled")):
        happen(ana, subject=order, sequence=sequence, type=type_)
    deliver()
    happen(ana, subject=other)

    deliver()

    assert [(h.event["subject"]["id"], h.event["sequence"]) for h in receiver.heard] == [
        (str(order), 1),
        (str(other), 1),
    ]
    assert states() == [("PENDING", 1), ("PENDING", 0), ("PENDING", 0), ("SUCCEEDED", 1)]
    deliver(later(seconds=6))
    of_order = [h.event["sequence"] for h in receiver.heard if h.event["subject"]["id"] == str(order)]
    assert of_order == [1, 1, 2, 3]


def test_after_an_event_is_given_up_the_next_has_its_turn(receiver: Receiver, ana: Customer) -> None:
    endpoint_at(receiver, ana)
    order = ids.new_id()
    happen(ana, subject=order, sequence=1, type="order.submitted")
    happen(ana, subject=order, sequence=2)
    publish_events(now=timezone.now())
    WebhookDelivery.objects.filter(sequence=1).update(attempts=13)
    receiver.answers.append(Answer(500))

    deliver()

    assert states() == [("GIVEN_UP", 14), ("SUCCEEDED", 1)]


def test_gone_disables_at_once_and_gives_the_rest_up(receiver: Receiver, ana: Customer) -> None:
    endpoint, _ = endpoint_at(receiver, ana)
    receiver.usual = Answer(410)
    happen(ana)
    happen(ana)

    deliver(threads=1)

    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.disabled_reason) == ("DISABLED", "it answered 410 Gone")
    assert sorted(states()) == [("GIVEN_UP", 0), ("GIVEN_UP", 1)]
    assert len(receiver.heard) == 1
    notice = PublicEvent.objects.get(type="webhook_endpoint.disabled")
    assert (notice.subject_id, notice.sequence, notice.data["reason"]) == (endpoint.pk, 2, "it answered 410 Gone")
    happen(ana)
    deliver()
    assert len(receiver.heard) == 1
    enable_endpoint(endpoint=endpoint, now=timezone.now())
    receiver.usual = Answer()
    happen(ana)
    deliver()
    assert len(receiver.heard) == 2  # from now on: what was missed is in the feed


@pytest.mark.django_db(transaction=True)
def test_days_of_nothing_but_failures_disable_with_a_letter_to_the_owner(receiver: Receiver) -> None:
    ana = newcomer("ana")
    ana.email = "ana@example.com"
    ana.save()
    endpoint, _ = endpoint_at(receiver, ana)
    receiver.usual = Answer(500)
    now = timezone.now()
    for day in range(6):
        with transaction.atomic():
            happen(ana)
        for hour in range(0, 24, 12):
            deliver(now + timedelta(days=day, hours=hour))
            endpoint.refresh_from_db()
            failed_for = timedelta(days=day, hours=hour)
            assert (endpoint.status == "DISABLED") == (failed_for >= timedelta(days=5)), failed_for

    assert endpoint.disabled_reason == f"nothing has succeeded since {now:%Y-%m-%d %H:%M} UTC"
    assert {status for status, _ in states()} == {"GIVEN_UP"}
    tasks.send_webhook_notice(str(endpoint.pk))
    (letter,) = mail.outbox
    assert letter.to == ["ana@example.com"]
    assert receiver.url in letter.body
    assert "nothing has succeeded since" in letter.body


def test_one_success_ends_the_count_of_failures(receiver: Receiver, ana: Customer) -> None:
    endpoint, _ = endpoint_at(receiver, ana)
    receiver.answers.append(Answer(500))
    happen(ana)
    deliver()
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since is None) == (1, False)

    deliver(later(seconds=6))

    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since) == (0, None)


def test_while_a_secret_is_rotated_both_verify_and_then_only_the_new_one(receiver: Receiver, ana: Customer) -> None:
    endpoint, old = endpoint_at(receiver, ana)
    new = rotate_secret(endpoint=endpoint, overlap=timedelta(hours=1), now=timezone.now())
    happen(ana)
    deliver()
    assert len(receiver.heard[0].headers["webhook-signature"].split()) == 2
    for secret in (old, new):
        receiver.heard[0].verify(secret)

    newest = rotate_secret(endpoint=endpoint, overlap=timedelta(0), now=timezone.now())
    happen(ana)
    deliver()

    receiver.heard[1].verify(newest)
    for secret in (old, new):
        with pytest.raises(WebhookVerificationError):
            receiver.heard[1].verify(secret)


def test_a_secret_whose_overlap_is_over_does_not_sign_and_is_wiped(receiver: Receiver, ana: Customer) -> None:
    endpoint, _ = endpoint_at(receiver, ana)
    rotate_secret(endpoint=endpoint, overlap=timedelta(hours=1), now=later(hours=-2))
    happen(ana)

    deliver()
    prune_deliveries(now=timezone.now())

    assert len(receiver.heard[0].headers["webhook-signature"].split()) == 1
    endpoint.refresh_from_db()
    assert (endpoint.previous_secret_sealed, endpoint.previous_secret_until) == ("", None)


def test_a_replay_sends_the_same_event_under_the_same_id_and_holds_nobody_up(receiver: Receiver, ana: Customer) -> None:
    endpoint, _ = endpoint_at(receiver, ana)
    order = ids.new_id()
    first = happen(ana, subject=order, sequence=1, type="order.submitted")
    deliver()
    again = replay_event(endpoint=endpoint, event=PublicEvent.objects.get(pk=first.pk), now=timezone.now())
    assert replay_delivery(delivery=WebhookDelivery.objects.earliest("created_at"), now=timezone.now()) == again
    receiver.answers.append(Answer(500))
    deliver()
    happen(ana, subject=order, sequence=2)

    deliver()
    deliver(later(seconds=6))

    assert [heard.event["sequence"] for heard in receiver.heard] == [1, 1, 2, 1]
    assert {heard.id for heard in receiver.heard if heard.event["sequence"] == 1} == {str(first.event_id)}
    assert sorted(states()) == [("SUCCEEDED", 1), ("SUCCEEDED", 1), ("SUCCEEDED", 2)]


def test_a_test_goes_to_its_endpoint_alone_whatever_its_types(receiver: Receiver, ana: Customer) -> None:
    endpoint, secret = endpoint_at(receiver, ana)
    with receiving() as other:
        endpoint_at(other, ana, types=())
        event = fire_test(endpoint=endpoint, now=timezone.now())
        assert fire_test(endpoint=endpoint, now=timezone.now()) == event

        deliver()

        assert "webhook_endpoint.test" not in other.types
    assert receiver.types == ["webhook_endpoint.test"]
    assert receiver.heard[0].verify(secret)["data"]["endpoint_id"] == str(endpoint.pk)


def test_only_the_types_asked_for_and_only_ones_own_events_are_sent(receiver: Receiver, ana: Customer) -> None:
    endpoint_at(receiver, ana, types=("order.filled",))
    bob = newcomer("bob")
    happen(ana, type="order.submitted")
    happen(bob)
    event = happen(ana)

    deliver()

    assert [heard.id for heard in receiver.heard] == [str(event.event_id)]


@pytest.mark.parametrize("end", ["delete", "disable"])
def test_an_endpoint_that_ends_with_events_on_their_way_gets_none_of_them(
    receiver: Receiver, ana: Customer, end: str
) -> None:
    endpoint, _ = endpoint_at(receiver, ana)
    happen(ana)
    publish_events(now=timezone.now())
    if end == "delete":
        delete_endpoint(endpoint=endpoint, now=timezone.now())
    else:
        disable_endpoint(endpoint=endpoint, actor="staff:1", reason="a test", now=timezone.now())

    deliver()
    deliver(later(days=1))

    assert receiver.heard == []
    assert states() == [("GIVEN_UP", 0)]


def test_an_endpoint_deleted_while_a_request_is_under_way_keeps_its_end(receiver: Receiver, ana: Customer) -> None:
    endpoint, _ = endpoint_at(receiver, ana)
    happen(ana)
    publish_events(now=timezone.now())
    (errand,) = lease_deliveries(room=8, now=timezone.now())
    outcome = sent(errand)
    delete_endpoint(endpoint=endpoint, now=timezone.now())

    record_outcome(errand=errand, outcome=outcome, now=timezone.now())

    assert (len(receiver.heard), states(), attempts()) == (1, [("GIVEN_UP", 1)], [])
    assert WebhookEndpoint.objects.get().secret_sealed == ""


def test_a_lease_that_ran_out_is_sent_again_with_the_same_id_and_the_dead_ones_word_is_not_taken(
    receiver: Receiver, ana: Customer
) -> None:
    endpoint_at(receiver, ana)
    event = happen(ana)
    publish_events(now=timezone.now())
    (dead,) = lease_deliveries(room=8, now=timezone.now())
    outcome = sent(dead)
    assert lease_deliveries(room=8, now=later(seconds=29)) == []

    deliver(later(seconds=31))
    record_outcome(errand=dead, outcome=outcome, now=later(seconds=32))

    assert [heard.id for heard in receiver.heard] == [str(event.event_id)] * 2
    assert attempts() == [(1, None, "Interrupted"), (2, 200, "")]
    assert states() == [("SUCCEEDED", 2)]


def test_a_slow_receiver_holds_up_nobody_else(ana: Customer) -> None:
    with receiving() as slow, receiving() as quick:
        slow.usual = Answer(500, delay=0.9)
        for name in ("bob", "carla", "davi"):
            customer = newcomer(name)
            endpoint_at(slow, customer)
            for _ in range(6):
                happen(customer)
        endpoint_at(quick, ana)
        WebhookEndpoint.objects.exclude(customer=ana).update(failing_since=timezone.now(), failures=1)
        for _ in range(20):
            happen(ana)
        started = time.monotonic()

        deliver()

        assert len(quick.heard) == 20
        assert max(heard.at for heard in quick.heard) - started < 1.0
        assert slow.most_at_once <= 4


def test_threads_are_shared_fairly() -> None:
    a, b, c = (ids.new_id() for _ in range(3))
    healthy = [Candidate(delivery_id=ids.new_id(), endpoint_id=a, is_trouble=False) for _ in range(6)]
    failing = [Candidate(delivery_id=ids.new_id(), endpoint_id=e, is_trouble=True) for e in (b, b, c)]

    assert choose([*healthy, *failing], room=8, busy=[]) == [
        *healthy[:4],
        failing[0],
        failing[2],
    ]
    assert choose([*failing, *healthy], room=2, busy=[failing[0], failing[2]]) == healthy[:2]
    assert choose(healthy, room=3, busy=healthy[:4]) == []
    assert choose(healthy, room=0, busy=[]) == []


def test_a_name_that_turns_private_is_refused_at_its_next_attempt(receiver: Receiver, ana: Customer) -> None:
    endpoint, _ = endpoint_at(receiver, ana)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url="https://hooks.example/in")
    happen(ana)

    deliver(to=replace(SANDBOX, resolve=lambda host, port: ["10.0.0.1"]))

    assert attempts() == [(1, None, "AddressRefused")]
    assert states() == [("PENDING", 1)]


def test_a_secret_that_cannot_be_read_stops_its_endpoint_and_no_other(
    receiver: Receiver, ana: Customer, settings: Any
) -> None:
    endpoint_at(receiver, ana)
    keys = settings.PII_KEYS
    settings.PII_KEYS = ["k2:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="]
    bob = newcomer("bob")
    endpoint_at(receiver, bob)
    happen(ana)
    bobs = happen(bob)

    deliver()
    assert [heard.id for heard in receiver.heard] == [str(bobs.event_id)]
    settings.PII_KEYS = [*settings.PII_KEYS, *keys]
    deliver(later(minutes=2))

    assert states() == [("SUCCEEDED", 1)] * 2


def test_what_ended_a_month_ago_is_forgotten_and_events_are_not(receiver: Receiver, ana: Customer) -> None:
    endpoint_at(receiver, ana)
    happen(ana)
    deliver(later(days=-31))
    happen(ana)
    deliver()
    events = PublicEvent.objects.count()

    assert prune_deliveries(now=timezone.now()) == 1

    assert (WebhookDelivery.objects.count(), WebhookAttempt.objects.count()) == (1, 1)
    assert PublicEvent.objects.count() == events


@pytest.mark.parametrize(
    "change",
    [
        lambda: WebhookAttempt.objects.update(status_code=200),
        lambda: WebhookAttempt.objects.all().delete(),
        lambda: WebhookDelivery.objects.update(status="PENDING", ended_at=None),
        lambda: WebhookDelivery.objects.update(sequence=7),
        lambda: PublicEvent.objects.update(data={}),
        lambda: PublicEvent.objects.update(position=77),
        lambda: PublicEvent.objects.all().delete(),
    ],
)
def test_the_database_lets_no_fact_be_changed(receiver: Receiver, ana: Customer, change: Any) -> None:
    endpoint_at(receiver, ana)
    happen(ana)
    deliver()

    with pytest.raises(DatabaseError), transaction.atomic():
        change()
