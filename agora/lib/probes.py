"""`/healthz`, `/readyz` and `/metrics`, before anything else looks at the request.

An orchestrator asks by address and without TLS, from inside: no Host that we know, no redirect, no session.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db import Error as DatabaseError
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django_q.models import OrmQ

from agora.lib import heartbeats, scraping
from agora.lib.visitors import address_of

WRITES_FOR = 5.0  # seconds for which a write that went well stands for another
TRIED_BYTES = 12_000
# The queue's table: whoever takes an order writes there, and every role of ours may. The lock is far in the future.
_TRY = f"INSERT INTO {OrmQ._meta.db_table} (key, payload, lock) VALUES ('readyz', %s, 'infinity')"  # noqa: S608 - a name

_wrote_at = -WRITES_FOR
_migrated = False  # our migrations are this process's code: what was applied once stays so


class ProbeMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.answers = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.answers.get(request.path_info, self.get_response)
        return answer(request)


def healthz(request: HttpRequest) -> HttpResponse:
    """This process lives and answers. It asks nobody: a database that is away is no reason to kill us."""
    return JsonResponse({"alive": True})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 if requests may be sent here, else 503 and what is missing."""
    missing = _missing()
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text; 404 to whoever may not ask, as if it were not there."""
    if not _may_scrape(request):
        return HttpResponse(status=404)
    text = scraping.exposition(now=timezone.now())
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _missing() -> list[str]:
    global _migrated
    try:
        if not _migrated:
            executor = MigrationExecutor(connection)
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        if not _migrated:
            return ["migrations"]
        if not _takes_more():
            return ["database"]
        return ["follower"] if heartbeats.follower_stands() else []
    except DatabaseError:
        connection.close()  # ours may be the one that is broken: the next look takes a new one
        return ["database"]


def _takes_more() -> bool:
    """Whether the database takes one more connection, and a row on it: requests on connections that are open already
    may go well while it does not, until they are not. Looked at now and then, for anybody may ask us often."""
    global _wrote_at
    if time.monotonic() - _wrote_at < WRITES_FOR:
        return True
    new = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with new.cursor() as cursor:
            cursor.execute("BEGIN")
            # Text that does not compress: it wants pages of its own, which a full disk does not give. Never committed.
            cursor.execute(_TRY, [secrets.token_urlsafe(TRIED_BYTES)])
            cursor.execute("ROLLBACK")
    finally:
        new.close()
    _wrote_at = time.monotonic()
    return True


def _may_scrape(request: HttpRequest) -> bool:
    """Denied by default. Each of the two that is set must hold."""
    if not (settings.METRICS_TOKEN or settings.METRICS_NETWORKS):
        return False
    return _has_token(request) and _is_inside(request)


def _has_token(request: HttpRequest) -> bool:
    wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
    given = request.headers.get("Authorization", "").encode()
    return not settings.METRICS_TOKEN or hmac.compare_digest(given, wanted)


def _is_inside(request: HttpRequest) -> bool:
    if not settings.METRICS_NETWORKS:
        return True
    address = address_of(request)
    return bool(address) and any(
        ipaddress.ip_address(address) in ipaddress.ip_network(network) for network in settings.METRICS_NETWORKS
    )
