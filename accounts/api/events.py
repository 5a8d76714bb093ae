"""`/api/v1/events`: the feed that webhooks are sent from, for whoever would rather ask."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import feed
from accounts.notifying import types
from accounts.selectors import customer_of
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


class EventsQuerySerializer(StrictSerializer):
    after = serializers.UUIDField(required=False)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST_EVENTS, default=100)
    type = serializers.MultipleChoiceField(choices=sorted(types.ALL), required=False)


class EventsView(APIView):
    required_scopes: ClassVar = {"GET": ["events:read"]}

    def get(self, request: Request) -> Response:
        """`?after=<event id>&limit=&type=&type=`: the events after that one, and the id to go on after."""
        serializer = EventsQuerySerializer(data=_query(request))
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


class EventView(APIView):
    required_scopes: ClassVar = {"GET": ["events:read"]}

    def get(self, request: Request, event_id: Any) -> Response:
        return Response(feed.wire(feed.event_for(customer=customer_of(user=request.user), event_id=event_id)))


def _query(request: Request) -> dict[str, Any]:
    given = request.query_params
    return {name: given.getlist(name) if name == "type" else given[name] for name in given}
