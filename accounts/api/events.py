"""`/api/v1/events`: the feed that webhooks are sent from, for whoever would rather ask."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import feed
from accounts.api.base import ApiView
from accounts.notifying import types
from accounts.selectors import customer_of
from agora.lib.api.schema import operation
from agora.lib.api.serializers import StrictSerializer

MOST_EVENTS = 200  # a page


class SubjectSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    id = serializers.UUIDField()


class EventSerializer(serializers.Serializer[Any]):
    """For the API's document: `feed.wire` makes it. docs/asyncapi.yaml has each type's `data`."""

    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=sorted(types.ALL))
    timestamp = serializers.DateTimeField()
    subject = SubjectSerializer()
    sequence = serializers.IntegerField()
    data = serializers.DictField()  # type: ignore[assignment]  # DRF's own `data` is of the serializer, not of a field


class EventPageSerializer(serializers.Serializer[Any]):
    results = EventSerializer(many=True)
    next_after = serializers.UUIDField(allow_null=True, help_text="Go on after this one; null while there is none.")
    has_more = serializers.BooleanField()


class EventsQuerySerializer(StrictSerializer):
    after = serializers.UUIDField(required=False)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST_EVENTS, default=100)
    type = serializers.MultipleChoiceField(choices=sorted(types.ALL), required=False)


class EventsView(ApiView):
    scopes: ClassVar = {"GET": "events:read"}

    @operation(
        id="list_events",
        summary="What happened to the customer's orders, identity check and endpoints, oldest first",
        tag="Events",
        description="The events after `after`, the same that webhooks bring. Keep `next_after` and ask with it again "
        "later: nothing is missed and nothing comes twice.",
        parameters=[EventsQuerySerializer],
        responses=EventPageSerializer,
        problems=["not_a_customer", "invalid_request", "event_cursor_unknown"],
    )
    def get(self, request: Request) -> Response:
        serializer = EventsQuerySerializer(data=query_of(request))
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        events = feed.events_after(
            customer=customer_of(user=request.user),
            after=asked.get("after"),
            types=sorted(asked.get("type", ())),
            limit=asked["limit"] + 1,
        )
        page, more = events[: asked["limit"]], len(events) > asked["limit"]
        last = page[-1].event_id if page else asked.get("after")
        return Response({"results": [feed.wire(event) for event in page], "next_after": last, "has_more": more})


class EventView(ApiView):
    scopes: ClassVar = {"GET": "events:read"}

    @operation(
        id="read_event",
        summary="One event",
        tag="Events",
        responses=EventSerializer,
        problems=["not_a_customer"],
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        return Response(feed.wire(feed.event_for(customer=customer_of(user=request.user), event_id=event_id)))


def query_of(request: Request) -> dict[str, Any]:
    given = request.query_params
    return {name: given.getlist(name) if name == "type" else given[name] for name in given}
