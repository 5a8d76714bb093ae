"""An integrator's endpoint: a real HTTP server that answers as it is told, and keeps what it was sent."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.utils import timezone
from standardwebhooks import Webhook

from accounts.models import Customer, PublicEvent, WebhookDelivery, WebhookEndpoint
from accounts.services import announce, create_endpoint
from accounts.services.notifying.following import Desk
from agora.lib import ids, outbound

SANDBOX = outbound.Policy(plain_hosts=frozenset({"127.0.0.1"}), within=1.0)


@dataclass
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    delay: float = 0.0  # seconds


@dataclass
class Heard:
    headers: dict[str, str]  # lower case
    body: bytes
    at: float

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> dict[str, Any]:
        """The event, if the library's own verifier takes the signature."""
        return dict(Webhook(secret).verify(self.body, self.headers))


class Receiver:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hooks"
        self.heard: list[Heard] = []
        self.answers: deque[Answer] = deque()  # one a request, then `usual`
        self.usual = Answer()
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def take(self, headers: dict[str, str], body: bytes) -> Answer:
        with self._lock:
            self.heard.append(Heard(headers, body, time.monotonic()))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            answer = self.answers.popleft() if self.answers else self.usual
        time.sleep(answer.delay)
        with self._lock:
            self.at_once -= 1
        return answer

    @property
    def types(self) -> list[str]:
        return [heard.event["type"] for heard in self.heard]


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            try:
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:  # they did not wait
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            """Not on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def endpoint_at(
    receiver: Receiver, customer: Customer, types: tuple[str, ...] = ("order.submitted", "order.filled"), **more: Any
) -> tuple[WebhookEndpoint, str]:
    """An endpoint, and its secret. Of few types, so that its own creation is not among what it hears."""
    return create_endpoint(customer=customer, url=receiver.url, event_types=types, now=timezone.now(), **more)


def happen(customer: Customer, *, subject: Any = None, sequence: int = 1, type: str = "order.filled") -> PublicEvent:
    """Something of an order's, as its announcer would write it."""
    data = {"order_id": "an order", "note": "ação"}
    where = ("order", subject or ids.new_id())
    now = timezone.now()
    return announce(type=type, customer_id=customer.pk, subject=where, sequence=sequence, data=data, at=now)


def deliver(now: datetime | None = None, to: outbound.Policy = SANDBOX, threads: int = 8) -> None:
    """Turn the desk, at this time, until nothing is due any more."""
    desk = Desk(to=to, threads=threads)
    try:
        while desk.turn(now=now or timezone.now()):
            pass
    finally:
        desk.close()


def later(**delta: float) -> datetime:
    return timezone.now() + timedelta(**delta)


def states() -> list[tuple[str, int]]:
    """(status, attempts) of each delivery, in the order they were made."""
    rows = WebhookDelivery.objects.order_by("event_id", "created_at")
    return [(row.status, row.attempts) for row in rows]
