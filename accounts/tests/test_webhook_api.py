"""`/api/v1/webhook-endpoints` and `/api/v1/events`: one's own only, secrets shown once, refusals that say why."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import Customer, PublicEvent, User, WebhookDelivery, WebhookEndpoint, WebhookEndpointEvent
from accounts.services import complete_deletion, issue_api_token, publish_events, request_deletion
from accounts.tests.people import newcomer
from accounts.tests.receiver import deliver, happen, later, receiving

pytestmark = pytest.mark.django_db
URL = "/api/v1/webhook-endpoints"


class Api:
    def __init__(self, name: str) -> None:
        self.customer: Customer = newcomer(name)
        token = issue_api_token(user=self.customer.user, name="test", now=timezone.now())
        self.client = Client(headers={"Authorization": f"Bearer {token}"})

    def call(self, method: str, path: str, body: Any = None) -> Any:
        more = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.client, method)(path, **more)

    def create(self, **body: Any) -> dict[str, Any]:
        answer = self.call("post", URL, {"url": "https://hooks.example/in", **body})
        assert answer.status_code == 201, answer.content
        return dict(answer.json())


@pytest.fixture
def ana() -> Api:
    return Api("ana")


@pytest.fixture
def bob() -> Api:
    return Api("bob")


def test_an_endpoint_shows_its_secret_once_and_keeps_it_encrypted(ana: Api) -> None:
    made = ana.create(description="orders", event_types=["order.filled"])

    assert made["secret"].startswith("whsec_")
    path = f"{URL}/{made['endpoint_id']}"
    for shown in (ana.call("get", path).json(), ana.call("get", URL).json()["results"][0]):
        assert shown == {name: value for name, value in made.items() if name != "secret"}
    row = WebhookEndpoint.objects.get()
    assert row.secret_sealed.startswith("v1.sandbox.")
    assert made["secret"] not in str(WebhookEndpoint.objects.values().get())


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_request"),
        ({"url": "http://hooks.example"}, 422, "webhook_url_refused"),
        ({"url": "https://10.0.0.1/"}, 422, "webhook_url_refused"),
        ({"url": "https://169.254.169.254/latest"}, 422, "webhook_url_refused"),
        ({"url": "https://a:b@hooks.example"}, 422, "webhook_url_refused"),
        ({"url": "https://hooks.example:22"}, 422, "webhook_url_refused"),
        ({"url": "https://hooks.example", "event_types": ["order.eaten"]}, 422, "event_type_unknown"),
        ({"url": "https://hooks.example", "secret": "mine"}, 400, "invalid_request"),
        ({"url": ["https://hooks.example"]}, 400, "invalid_request"),
        ({"url": "https://hooks.example", "event_types": "order.filled"}, 400, "invalid_request"),
    ],
)
def test_a_bad_endpoint_is_refused_and_nothing_is_made(ana: Api, body: Any, status: int, code: str) -> None:
    answer = ana.call("post", URL, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert WebhookEndpoint.objects.count() == 0


def test_outside_the_sandbox_this_machine_is_no_endpoint(ana: Api, settings: Any) -> None:
    ana.create(url="http://127.0.0.1:8080/in")
    settings.AGORA_MODE = "paper"
    settings.SECURE_SSL_REDIRECT = False
    live_key = issue_api_token(user=ana.customer.user, name="live", now=timezone.now())  # a sandbox's is of no use here
    ana.client = Client(headers={"Authorization": f"Bearer {live_key}"})
    answer = ana.call("post", URL, {"url": "http://127.0.0.1:8080/in"})
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_url_refused")


def test_five_endpoints_are_the_most_and_a_deleted_one_makes_room(ana: Api) -> None:
    made = [ana.create() for _ in range(5)]
    answer = ana.call("post", URL, {"url": "https://hooks.example"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_endpoints")

    assert ana.call("delete", f"{URL}/{made[0]['endpoint_id']}").status_code == 204
    ana.create()
    assert ana.call("get", f"{URL}/{made[0]['endpoint_id']}").status_code == 404
    assert ana.call("delete", f"{URL}/{made[0]['endpoint_id']}").status_code == 404


def test_an_endpoint_is_changed_disabled_and_enabled(ana: Api) -> None:
    path = f"{URL}/{ana.create()['endpoint_id']}"

    changed = ana.call("patch", path, {"url": "https://new.example/", "event_types": ["order.minted"]}).json()
    assert (changed["url"], changed["event_types"]) == ("https://new.example/", ["order.minted"])
    assert ana.call("patch", path, {"url": "https://10.0.0.1"}).status_code == 422
    off = ana.call("patch", path, {"status": "DISABLED"}).json()
    assert (off["status"], off["disabled_reason"], off["url"]) == (
        "DISABLED",
        "its owner disabled it",
        "https://new.example/",
    )
    for what in ("test", "replay"):
        body = {} if what == "test" else {"event_id": _an_event(ana)}
        refused = ana.call("post", f"{path}/{what}", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_not_active")
    on = ana.call("patch", path, {"status": "ACTIVE"}).json()
    assert (on["status"], on["disabled_at"], on["disabled_reason"]) == ("ACTIVE", None, "")
    assert ana.call("patch", path, {"status": "DELETED"}).status_code == 400
    walked = WebhookEndpointEvent.objects.values_list("to_status", flat=True).order_by("sequence")
    assert list(walked) == ["ACTIVE", "DISABLED", "ACTIVE"]


def _an_event(api: Api) -> str:
    event = happen(api.customer)
    publish_events(now=timezone.now())
    return str(event.event_id)


def test_a_second_rotation_waits_for_the_first_unless_the_secret_got_out(ana: Api) -> None:
    made = ana.create()
    path = f"{URL}/{made['endpoint_id']}/rotate-secret"

    first = ana.call("post", path, {"overlap_seconds": 3600})
    assert first.status_code == 200
    assert first.json()["secret"] != made["secret"]
    assert first.json()["previous_secret_until"] is not None
    again = ana.call("post", path, {})
    assert (again.status_code, again.json()["code"]) == (409, "rotation_open")
    at_once = ana.call("post", path, {"overlap_seconds": 0})
    assert (at_once.status_code, at_once.json()["previous_secret_until"]) == (200, None)
    assert ana.call("post", path, {"overlap_seconds": 10**7}).status_code == 400


def test_a_new_key_seals_secrets_anew_and_they_still_open(ana: Api, settings: Any) -> None:
    with receiving() as receiver:
        made = ana.create(url=receiver.url, event_types=["order.filled"])
        old = settings.PII_KEYS
        settings.PII_KEYS = ["k2:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=", *old]
        call_command("reseal_pii", verbosity=0)
        settings.PII_KEYS = settings.PII_KEYS[:1]

        happen(ana.customer)
        deliver()

        assert WebhookEndpoint.objects.get().secret_sealed.startswith("v1.k2.")
        receiver.heard[0].verify(made["secret"])


def test_test_deliveries_and_replays_are_seen_by_their_owner(ana: Api) -> None:
    with receiving() as receiver:
        path = f"{URL}/{ana.create(url=receiver.url, event_types=['order.filled'])['endpoint_id']}"
        assert ana.call("post", f"{path}/test", {}).status_code == 202
        event = happen(ana.customer)
        deliver()

        shown = ana.call("get", f"{path}/deliveries").json()["results"]
        assert [(one["type"], one["status"], one["attempts"][0]["status_code"]) for one in shown] == [
            ("order.filled", "SUCCEEDED", 200),
            ("webhook_endpoint.test", "SUCCEEDED", 200),
        ]
        assert shown[0]["attempts"][0]["excerpt"] == "ok"
        assert ana.call("get", f"{path}/deliveries?status=PENDING").json() == {"results": []}
        assert ana.call("get", f"{path}/deliveries?status=LOST").status_code == 400

        assert ana.call("post", f"{path}/replay", {"event_id": str(event.event_id)}).status_code == 202
        deliver(later(seconds=1))
        again = ana.call("post", f"{path}/deliveries/{shown[0]['delivery_id']}/replay", {})
        assert (again.status_code, again.json()["is_replay"]) == (202, True)
        deliver(later(seconds=2))
        assert [heard.id for heard in receiver.heard].count(str(event.event_id)) == 3


def test_a_stranger_meets_404_everywhere_and_nobody_401(ana: Api, bob: Api) -> None:
    endpoint_id = ana.create()["endpoint_id"]
    event_id = _an_event(ana)
    delivery = WebhookDelivery.objects.get(event__event_id=event_id)
    bobs = bob.create()["endpoint_id"]
    paths: list[tuple[str, str, Any]] = [
        ("get", f"{URL}/{endpoint_id}", None),
        ("patch", f"{URL}/{endpoint_id}", {"url": "https://evil.example"}),
        ("delete", f"{URL}/{endpoint_id}", None),
        ("post", f"{URL}/{endpoint_id}/rotate-secret", {}),
        ("post", f"{URL}/{endpoint_id}/test", {}),
        ("post", f"{URL}/{endpoint_id}/replay", {"event_id": event_id}),
        ("post", f"{URL}/{bobs}/replay", {"event_id": event_id}),
        ("get", f"{URL}/{endpoint_id}/deliveries", None),
        ("post", f"{URL}/{endpoint_id}/deliveries/{delivery.pk}/replay", {}),
        ("post", f"{URL}/{bobs}/deliveries/{delivery.pk}/replay", {}),
        ("get", f"/api/v1/events/{event_id}", None),
    ]
    for method, path, body in paths:
        assert bob.call(method, path, body).status_code == 404, path
        more = {} if body is None else {"data": body, "content_type": "application/json"}
        assert getattr(Client(), method)(path, **more).status_code == 401, path
    assert WebhookEndpoint.objects.get(pk=endpoint_id).url == "https://hooks.example/in"
    staff = User.objects.create_user("staff")
    token = issue_api_token(user=staff, name="t", now=timezone.now())
    assert Client(headers={"Authorization": f"Bearer {token}"}).get(URL).status_code == 403


def test_events_are_listed_by_page_after_a_cursor(ana: Api, bob: Api) -> None:
    ids = [_an_event(ana) for _ in range(5)]
    happen(ana.customer)  # not numbered yet
    _registered, *rest = ana.call("get", "/api/v1/events").json()["results"]
    assert [event["id"] for event in rest] == ids

    page = ana.call("get", f"/api/v1/events?after={ids[0]}&limit=2").json()
    assert [event["id"] for event in page["results"]] == ids[1:3]
    assert (page["next_after"], page["has_more"]) == (ids[2], True)
    page = ana.call("get", f"/api/v1/events?after={ids[2]}&limit=2").json()
    assert ([event["id"] for event in page["results"]], page["has_more"]) == (ids[3:], False)
    page = ana.call("get", f"/api/v1/events?after={ids[4]}").json()
    assert page == {"results": [], "next_after": ids[4], "has_more": False}
    only = ana.call("get", "/api/v1/events?type=customer.registered&type=customer.approved").json()["results"]
    assert [event["type"] for event in only] == ["customer.registered"]
    assert ana.call("get", f"/api/v1/events/{ids[1]}").json()["id"] == ids[1]
    for query, status in (
        (f"after={uuid.uuid4()}", 422),
        ("after=7", 400),
        ("limit=0", 400),
        ("limit=201", 400),
        ("type=order.eaten", 400),
        ("page=2", 400),
    ):
        assert ana.call("get", f"/api/v1/events?{query}").status_code == status, query
    assert bob.call("get", f"/api/v1/events?after={ids[0]}").status_code == 422


def test_an_overlap_ends_by_itself(ana: Api) -> None:
    path = f"{URL}/{ana.create()['endpoint_id']}/rotate-secret"
    ana.call("post", path, {"overlap_seconds": 60})
    WebhookEndpoint.objects.update(previous_secret_until=timezone.now() - timedelta(seconds=1))
    assert ana.call("post", path, {"overlap_seconds": 60}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_an_account_that_is_closed_takes_its_endpoints_along_and_where_they_led(ana: Api) -> None:
    ana.create(description="mine")
    request = request_deletion(customer=ana.customer, reason="", now=timezone.now())

    complete_deletion(request=request, actor="staff:1", reason="asked for", now=timezone.now())

    row = WebhookEndpoint.objects.get()
    assert (row.status, row.url, row.description, row.secret_sealed) == ("DELETED", "", "", "")
    last = PublicEvent.objects.filter(subject_kind="customer").latest("sequence")
    assert (last.type, last.data["status"]) == ("customer.closed", "CLOSED")
