"""`GET /api/v1/events/stream`: the feed over a connection that stays, missing nothing, from a server of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests
from aiohttp import web
from django.db import connection, transaction
from django.utils import timezone

from accounts import feed
from accounts.api import stream
from accounts.api.stream import PATH, Pace, Streams
from accounts.models import ApiToken, Customer, PublicEvent
from accounts.services import issue_api_token, publish_events, revoke_api_token
from accounts.tests.people import newcomer
from accounts.tests.receiver import happen
from agora.lib.ready import free_port

pytestmark = pytest.mark.django_db(transaction=True)
QUICK = Pace(look=0.05, heartbeat=0.3, recheck=0.3, patience=0.5)


@pytest.fixture
def url(transactional_db: None) -> Iterator[str]:
    with serving() as base:
        yield base + PATH


@contextmanager
def serving(pace: Pace = QUICK) -> Iterator[str]:
    """The server, on a loop of its own thread; stopped as `manage.py stream` stops it."""
    loop, port, ready = asyncio.new_event_loop(), free_port(), threading.Event()

    async def run() -> None:
        runner = web.AppRunner(Streams(pace).app(), handler_cancellation=True, access_log=None, shutdown_timeout=3)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        stop = asyncio.Event()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        ready.set()
        await stop.wait()
        await runner.cleanup()

    stops: list[Callable[[], Any]] = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stops[0]()
        thread.join(10)
        assert not thread.is_alive()
        loop.close()


def key_of(customer: Customer, **more: Any) -> str:
    return issue_api_token(user=customer.user, name="test", now=timezone.now(), **more)


def listen(url: str, key: str, after: str = "", /, **params: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    if after:
        headers["Last-Event-ID"] = after
    return requests.get(url, headers=headers, params=params, stream=True, timeout=5)


def frames(answer: requests.Response) -> Iterator[dict[str, str]]:
    """Each event as its fields; comments and `retry` are passed over."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line:
            if "id" in fields:
                yield fields
            fields = {}


def take(answer: requests.Response, count: int) -> list[dict[str, Any]]:
    """The next events of a stream, parsed; each frame's id and type are its event's."""
    found: list[dict[str, Any]] = []
    for frame in frames(answer):
        event = json.loads(frame["data"])
        assert (frame["id"], frame["event"]) == (event["id"], event["type"])
        found.append(event)
        if len(found) == count:
            break
    return found


def happened(customer: Customer, count: int, **more: Any) -> None:
    for _ in range(count):
        with transaction.atomic():
            happen(customer, **more)
    publish_events(now=timezone.now())


def listed(customer: Customer) -> list[dict[str, Any]]:
    return [feed.wire(event) for event in feed.events_after(customer=customer, limit=10_000)]


def test_what_was_and_what_comes_across_reconnects_is_the_list_to_the_letter(url: str) -> None:
    ana = newcomer("ana")
    key = key_of(ana)
    happened(ana, stream.PAGE + 30)

    with listen(url, key) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert (answer.headers["Cache-Control"], answer.headers["X-Accel-Buffering"]) == ("no-store", "no")
        got = take(answer, stream.PAGE + 10)  # left in the middle of a page
    happened(ana, 3)
    with listen(url, key, got[-1]["id"]) as answer:
        rest = len(listed(ana)) - len(got)
        got += take(answer, rest)
    with listen(url, key, got[-1]["id"]) as answer:
        time.sleep(0.3)  # it has looked, found nothing and waits
        happened(ana, 2)
        got += take(answer, 2)

    assert got == listed(ana)


def test_events_written_while_one_reads_all_come_once_and_in_order(url: str) -> None:
    ana = newcomer("ana")
    before = len(listed(ana))
    with listen(url, key_of(ana)) as answer:
        writer = threading.Thread(target=_write_many, args=(ana,))
        writer.start()
        got = take(answer, before + 40)
        writer.join()

    assert [event["id"] for event in got] == [event["id"] for event in listed(ana)][: len(got)]


def _write_many(customer: Customer) -> None:
    for _ in range(40):
        happened(customer, 1)
    connection.close()


def test_the_header_wins_over_the_address_and_types_choose(url: str) -> None:
    ana = newcomer("ana")
    happened(ana, 2)
    happened(ana, 1, type="order.minted")
    ids = [event["id"] for event in listed(ana)]
    key = key_of(ana)

    with listen(url, key, ids[-2], after=ids[0]) as answer:
        assert take(answer, 1)[0]["id"] == ids[-1]
    with listen(url, key, type="order.minted") as answer:
        assert take(answer, 1)[0]["id"] == ids[-1]


def test_another_customers_events_are_never_seen(url: str) -> None:
    ana, bob = newcomer("ana"), newcomer("bob")
    key, last = key_of(ana), ""
    happened(ana, 1)
    last = listed(ana)[-1]["id"]
    with listen(url, key, last) as answer:
        happened(bob, 5)
        happened(ana, 1)
        assert take(answer, 1) == listed(ana)[-1:]
    theirs = listed(bob)[-1]["id"]

    with listen(url, key, theirs) as answer:
        assert (answer.status_code, answer.json()["code"]) == (422, "event_cursor_unknown")


def test_refusals_are_the_apis_own(url: str) -> None:
    ana = newcomer("ana")

    def refused(answer: requests.Response, status: int, code: str) -> None:
        with answer:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert answer.headers["X-Request-Id"]

    none = requests.get(url, timeout=5)
    assert none.headers["WWW-Authenticate"].startswith("Bearer")
    refused(none, 401, "not_authenticated")
    refused(listen(url, "agora_test_wrong"), 401, "authentication_failed")
    refused(listen(url, key_of(ana, scopes=["orders:read"])), 403, "insufficient_scope")
    refused(listen(url, key_of(ana), "yesterday"), 400, "invalid_request")
    refused(listen(url, key_of(ana), limit=5), 400, "invalid_request")
    post = requests.post(url, headers={"Authorization": f"Bearer {key_of(ana)}"}, timeout=5)
    refused(post, 405, "method_not_allowed")


@pytest.mark.parametrize("how", ["revoked", "expired", "disabled"])
def test_a_stream_ends_with_its_credential(url: str, how: str) -> None:
    ana = newcomer("ana")
    key = key_of(ana)
    with listen(url, key) as answer:
        assert answer.status_code == 200
        row = ApiToken.objects.get()
        if how == "revoked":
            revoke_api_token(token_id=row.pk, actor="test", now=timezone.now())
        elif how == "expired":
            ApiToken.objects.filter(pk=row.pk).update(expires_at=timezone.now() + timedelta(milliseconds=10))
        else:
            type(ana.user).objects.filter(pk=ana.user.pk).update(is_active=False)
        rest = list(answer.iter_lines(chunk_size=1, decode_unicode=True))  # ends, or the read times out

    assert ": the credential has ended" in rest
    with listen(url, key) as answer:
        assert answer.status_code == 401


def test_a_live_credential_outlives_many_looks_at_it_and_hears_heartbeats(url: str) -> None:
    ana = newcomer("ana")
    happened(ana, 1)
    with listen(url, key_of(ana), listed(ana)[-1]["id"]) as answer:
        lines = answer.iter_lines(chunk_size=1, decode_unicode=True)
        beats = 0
        while beats < 5:
            beats += next(lines) == ": still here"
        happened(ana, 1)
        assert any(line.startswith("id: ") for line in lines)


def test_a_customer_has_so_many_streams_and_a_place_is_free_when_one_leaves(url: str) -> None:
    ana, bob = newcomer("ana"), newcomer("bob")
    key = key_of(ana)
    with ExitStack() as stack:
        mine = [stack.enter_context(listen(url, key)) for _ in range(stream.STREAMS_EACH)]
        with listen(url, key) as fifth:
            assert (fifth.status_code, fifth.json()["code"]) == (429, "rate_limited")
            assert fifth.headers["Retry-After"]
        with listen(url, key_of(bob)) as other:
            assert other.status_code == 200
        mine[0].close()
        deadline, status = time.monotonic() + 3, 429
        while status == 429 and time.monotonic() < deadline:
            with listen(url, key) as again:
                status = again.status_code
        assert status == 200


def test_all_together_have_a_limit_too(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STREAMS", 1)
    ana, bob = newcomer("ana"), newcomer("bob")
    with listen(url, key_of(ana)) as first, listen(url, key_of(bob)) as second:
        assert (first.status_code, second.status_code) == (200, 429)


def test_who_does_not_read_is_cut_off_and_others_are_not_held_up(url: str) -> None:
    ana, bob = newcomer("ana"), newcomer("bob")
    _bulk(ana, 20_000)
    host, port = url.split("/")[2].split(":")
    with closing(socket.socket()) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((host, int(port)))
        slow.sendall(f"GET {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key_of(ana)}\r\n\r\n".encode())
        with listen(url, key_of(bob)) as answer:
            happened(bob, 1)
            assert take(answer, len(listed(bob))) == listed(bob)
        time.sleep(QUICK.patience + 2.5)
        slow.settimeout(5)
        got = _drain(slow)

    assert not got.endswith(b"0\r\n\r\n")  # cut off, not ended
    assert got.count(b"\nid: ") < 20_000


def _drain(connection: socket.socket) -> bytes:
    """All there is to read until the other side is gone; a time-out means that it is not."""
    got = b""
    try:
        while part := connection.recv(65536):
            got += part
    except ConnectionResetError:
        return got
    return got


def _bulk(customer: Customer, count: int) -> None:
    PublicEvent.objects.bulk_create(
        PublicEvent(
            type="order.filled",
            customer=customer,
            subject_kind="order",
            subject_id=uuid4(),
            sequence=1,
            data={"note": "x" * 300},
            at=timezone.now(),
        )
        for _ in range(count)
    )
    while publish_events(now=timezone.now()):
        pass


def test_stopping_ends_streams_in_good_order() -> None:
    ana = newcomer("ana")
    happened(ana, 1)
    with serving() as base:
        answer = listen(base + PATH, key_of(ana))
        take(answer, 1)
    with answer:
        list(answer.iter_content(None))  # ends without an error: the last chunk was written
