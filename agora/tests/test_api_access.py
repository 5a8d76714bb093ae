"""Who may do what, for every operation of the committed OpenAPI document: a new one is tested by being in it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.api.base import ApiView
from accounts.feed import deliveries_of
from accounts.services import create_endpoint, fire_test, issue_api_token
from accounts.services.notifying.publishing import publish_events
from agora.lib.api import scopes
from agora.lib.api.views import api_not_found
from agora.tests.rows import new_asset, new_person
from agora.tests.shared import shared_database
from agora.tests.tables import unchanged
from agora.tests.world import WALLETS, Person
from orders.services import place_order

DOCUMENT: dict[str, Any] = yaml.safe_load((settings.BASE_DIR / "docs" / "openapi.yaml").read_text())
METHODS = ("get", "post", "put", "patch", "delete")


@dataclasses.dataclass(frozen=True)
class Operation:
    method: str
    path: str
    scope: str  # PUBLIC, ANY_CALLER or a scope
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _operations() -> Iterator[Operation]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                security = item[method].get("security", [{}])
                named = security[0].get("bearer", []) if security[0] else [scopes.PUBLIC]
                yield Operation(method.upper(), path, named[0] if named else scopes.ANY_CALLER, _example(item[method]))


def _example(operation: dict[str, Any]) -> Any:
    """A body that would do something, were the caller allowed to."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return next((example["value"] for example in content.get("examples", {}).values()), {})


NOWHERE = {"symbol": "AAPL", "sequence": 1, "name": "report.json", "address": WALLETS[0]}  # public, and not there yet
OPERATIONS = list(_operations())
CLOSED = [operation for operation in OPERATIONS if operation.scope != scopes.PUBLIC]
SCOPED = [operation for operation in CLOSED if operation.scope != scopes.ANY_CALLER]
OWNED = [operation for operation in CLOSED if "{" in operation.path]
assert len(OWNED) > 10


@dataclasses.dataclass
class Desk:
    alice: Person
    bob: Person
    ids: dict[str, UUID]  # of alice's things, as paths name them

    def path(self, operation: Operation) -> str:
        """The operation's path, with alice's ids in it. KeyError: add what a new path names."""
        return operation.path.format(**self.ids, **NOWHERE)

    def body(self, operation: Operation) -> Any:
        needs_event = operation.path.endswith("{endpoint_id}/replay") and operation.body == {}
        return {"event_id": str(self.ids["event_id"])} if needs_event else operation.body

    def send(self, operation: Operation, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return Client(raise_request_exception=False).generic(
            operation.method, self.path(operation), _json(self.body(operation)), "application/json", headers=headers
        )


def _json(body: Any) -> str:
    import json

    return json.dumps(body)


@pytest.fixture(scope="module")
def desk(django_db_setup: None, django_db_blocker: Any) -> Iterator[Desk]:
    with shared_database(django_db_blocker):
        asset, now = new_asset(), timezone.now()
        alice, bob = new_person("alice"), new_person("bob", wallet=WALLETS[1])
        order, _ = place_order(
            customer=alice.customer,
            symbol=asset.symbol,
            quantity=Decimal(1),
            recipient=alice.wallet,
            client_order_id="a",
            now=now,
        )
        endpoint, _ = create_endpoint(customer=alice.customer, url="https://93.184.215.14/hook", now=now)
        event = fire_test(endpoint=endpoint, now=now)
        publish_events(now=now)
        ids = {
            "order_id": order.pk,
            "user_id": alice.customer.pk,
            "endpoint_id": endpoint.pk,
            "event_id": event.event_id,
            "delivery_id": deliveries_of(endpoint=endpoint)[0].pk,
        }
        yield Desk(alice, bob, ids)


def _key(person: Person, granted: list[str]) -> str:
    return issue_api_token(user=person.user, name="test", now=timezone.now(), scopes=granted)


@pytest.mark.parametrize("operation", CLOSED, ids=str)
def test_nobody_gets_in_without_a_credential(desk: Desk, operation: Operation) -> None:
    with unchanged():
        answer = desk.send(operation)

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="agora"'


@pytest.mark.parametrize("token", ["agora_test_" + "x" * 43, "agora_live_" + "x" * 43, "e30.e30.AAAA", "Ünïcode"])
@pytest.mark.parametrize("operation", CLOSED, ids=str)
def test_nobody_gets_in_with_a_credential_that_we_never_gave(desk: Desk, operation: Operation, token: str) -> None:
    with unchanged():
        answer = desk.send(operation, token)

    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")


@pytest.mark.parametrize("operation", SCOPED, ids=str)
def test_every_other_scope_together_does_not_stand_in_for_the_one(desk: Desk, operation: Operation) -> None:
    key = _key(desk.alice, [scope for scope in scopes.ALL if scope != operation.scope])

    with unchanged():
        answer = desk.send(operation, key)

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert operation.scope in answer.json()["detail"]


@pytest.mark.parametrize("operation", SCOPED, ids=str)
def test_the_scope_alone_is_enough(desk: Desk, operation: Operation) -> None:
    answer = desk.send(dataclasses.replace(operation, body="not an object"), _key(desk.alice, [operation.scope]))

    assert answer.status_code not in (401, 403), answer.content


@pytest.mark.parametrize("operation", OWNED, ids=str)
def test_another_customer_s_things_are_as_absent_as_none(desk: Desk, operation: Operation) -> None:
    with unchanged():
        answer = desk.send(operation, desk.bob.token)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("operation", [op for op in OPERATIONS if op not in CLOSED and op.method == "GET"], ids=str)
def test_what_is_public_needs_nothing(desk: Desk, operation: Operation) -> None:
    expected = 404 if "{" in operation.path else 200

    assert desk.send(operation).status_code == expected
    assert desk.send(operation, "a wrong one").status_code == expected


# --- The document and the code say the same --------------------------------------------------------------------------
def test_the_committed_document_is_the_code_s(tmp_path: Any) -> None:
    made = tmp_path / "openapi.yaml"
    call_command("spectacular", file=str(made), validate=True, fail_on_warn=True)

    assert made.read_text() == (settings.BASE_DIR / "docs" / "openapi.yaml").read_text(), "run: make openapi"


def test_the_committed_postman_collection_is_the_code_s(tmp_path: Any) -> None:
    made = tmp_path / "collection.json"
    call_command("postman", file=made)

    text = made.read_text()
    assert text == (settings.BASE_DIR / "docs" / "agora.postman_collection.json").read_text(), "run: make openapi"
    requests = [request for folder in json.loads(text)["item"] for request in folder["item"]]
    assert len(requests) == len(OPERATIONS)


def _views(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and path.startswith("api/v1/"):
            yield path, pattern.callback


def test_every_view_below_api_declares_a_scope_for_each_of_its_methods() -> None:
    looked_at = 0
    for path, callback in _views():
        view = getattr(callback, "cls", None)
        if callback is api_not_found or path == "api/v1/openapi.json":
            continue
        assert view is not None, path
        assert issubclass(view, ApiView), path
        handled = {method.upper() for method in METHODS if hasattr(view, method)}
        assert set(view.scopes) == handled, path
        assert set(view.scopes.values()) <= {*scopes.ALL, scopes.PUBLIC, scopes.ANY_CALLER}, path
        looked_at += 1
    assert looked_at >= 20


def test_a_view_without_scopes_is_closed_to_all(rf: Any, desk: Desk) -> None:
    class Forgotten(ApiView):
        def get(self, request: Any) -> None:
            raise AssertionError("let in")

    request = rf.get("/", headers={"Authorization": f"Bearer {desk.alice.token}"})

    assert Forgotten.as_view()(request).status_code == 403


def test_every_operation_names_its_problems_and_has_an_id() -> None:
    for path, item in DOCUMENT["paths"].items():
        for method in (name for name in METHODS if name in item):
            operation = item[method]
            assert operation["operationId"], path
            assert operation["summary"], path
            assert {"406", "429", "500"} <= set(operation["responses"]), path
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    problem = response["content"]["application/problem+json"]
                    assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}, path
                    assert problem["examples"], path


def test_the_reference_page_and_its_document_are_served(db: None) -> None:
    page, document = Client().get("/api/docs"), Client().get("/api/v1/openapi.json")

    assert "unsafe-eval" not in page.headers["Content-Security-Policy"]
    assert "redoc-2.5.4.standalone.js" in page.content.decode()
    assert document.json() == DOCUMENT
