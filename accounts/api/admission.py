"""Who may open `/api/v1/events/stream`: asked of the same view code as the rest of the API, from another server."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import feed
from accounts.api.base import ApiView
from accounts.api.events import query_of
from accounts.models import Customer
from accounts.notifying import types
from accounts.selectors import customer_of
from agora.lib.api.serializers import StrictSerializer
from agora.lib.visitors import VisitMiddleware

LAST_EVENT_ID = "Last-Event-ID"
# Not Accept: the stream is text/event-stream, and a refusal is a problem whatever was asked for.
HEADERS = ("Authorization", "Accept-Language", "X-Forwarded-For", "X-Request-Id", LAST_EVENT_ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whose events, after which one (None: from the first), of which types (none: all)."""

    customer: Customer
    after: UUID | None
    types: tuple[str, ...]


class StreamQuerySerializer(StrictSerializer):
    after = serializers.UUIDField(required=False)
    type = serializers.MultipleChoiceField(choices=sorted(types.ALL), required=False)


class StreamView(ApiView):
    """Its 200 holds an Admission, for the stream's server alone: it is in no list of URLs."""

    scopes: ClassVar = {"GET": "events:read"}
    http_method_names = ["get"]

    def get(self, request: Request) -> Response:
        given = query_of(request)
        # A browser's EventSource comes back to the URL it began with: what it heard last is in the header.
        if last := request.headers.get(LAST_EVENT_ID):
            given["after"] = last
        serializer: serializers.Serializer[Any] = StreamQuerySerializer(data=given)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        customer, after = customer_of(user=request.user), asked.get("after")
        feed.events_after(customer=customer, after=after, limit=1)  # refuses an unknown id while we can still say so
        return Response(Admission(customer=customer, after=after, types=tuple(sorted(asked.get("type", ())))))


class StillGoodView(StreamView):
    """The same question about a stream that is open: it uses up no rate."""

    def check_throttles(self, request: Request) -> None:
        return


def ask(request: HttpRequest, *, again: bool = False) -> tuple[Admission | None, HttpResponse]:
    """The admission, or None and the problem to answer with. The response's headers are for both."""
    view = StillGoodView.as_view() if again else StreamView.as_view()
    answer: Any = VisitMiddleware(view)(request)
    if answer.status_code == 200:
        return answer.data, answer
    if not answer.is_rendered:
        answer.render()
    return None, answer


def as_request(*, method: str, path: str, query: str, peer: str, headers: Mapping[str, str]) -> HttpRequest:
    """A request of another server, as Django's own would give it to a view: without a body, with HEADERS at most."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REMOTE_ADDR": peer,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "0",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
    }
    for name, value in headers.items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return WSGIRequest(environ)
