"""`/api/v1/webhook-endpoints`: where a customer's events are sent, and how that went."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import feed, services
from accounts.api.base import ApiView
from accounts.api.events import EventSerializer
from accounts.notifying import schedule
from accounts.selectors import customer_of
from accounts.states import DeliveryStatus, EndpointStatus
from agora.lib.api.envelope import listed
from agora.lib.api.schema import operation
from agora.lib.api.serializers import StrictSerializer

READ, WRITE = "webhooks:read", "webhooks:write"
TAG = "Webhooks"
MOST_DELIVERIES = 100


class EndpointInSerializer(StrictSerializer):
    url = serializers.CharField(max_length=500)
    event_types = serializers.ListField(child=serializers.CharField(max_length=40), max_length=50, required=False)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)


class EndpointChangeSerializer(EndpointInSerializer):
    url = serializers.CharField(max_length=500, required=False)
    status = serializers.ChoiceField(choices=[EndpointStatus.ACTIVE, EndpointStatus.DISABLED], required=False)


class RotateSerializer(StrictSerializer):
    overlap_seconds = serializers.IntegerField(
        min_value=0,
        max_value=int(schedule.LONGEST_OVERLAP.total_seconds()),
        default=int(schedule.OVERLAP.total_seconds()),
    )


class ReplaySerializer(StrictSerializer):
    event_id = serializers.UUIDField()


class EmptySerializer(StrictSerializer):
    """Nothing, and nothing else."""


class EndpointSerializer(serializers.Serializer[Any]):
    endpoint_id = serializers.UUIDField(source="id")
    url = serializers.CharField()
    description = serializers.CharField()
    event_types = serializers.ListField(child=serializers.CharField())
    status = serializers.CharField()
    disabled_at = serializers.DateTimeField(allow_null=True)
    disabled_reason = serializers.CharField()
    failing_since = serializers.DateTimeField(allow_null=True)
    previous_secret_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class EndpointWithSecretSerializer(EndpointSerializer):
    secret = serializers.CharField(help_text="Shown this once.")


class AttemptSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    status_code = serializers.IntegerField(allow_null=True)
    milliseconds = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()
    excerpt = serializers.CharField()


class DeliverySerializer(serializers.Serializer[Any]):
    delivery_id = serializers.UUIDField(source="id")
    event_id = serializers.UUIDField(source="event.event_id")
    type = serializers.CharField(source="event.type")
    subject_id = serializers.UUIDField()
    sequence = serializers.IntegerField()
    is_replay = serializers.BooleanField()
    status = serializers.CharField()
    reason = serializers.CharField()
    next_attempt_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptSerializer(source="log", many=True)


class DeliveriesQuerySerializer(StrictSerializer):
    status = serializers.ChoiceField(choices=DeliveryStatus.choices, required=False, default="")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST_DELIVERIES, default=50)


class WebhookEndpointsView(ApiView):
    scopes: ClassVar = {"GET": READ, "POST": WRITE}
    idempotent = False  # the answer holds a secret, and no secret is kept

    @operation(
        id="list_webhook_endpoints",
        summary="Where events are sent",
        tag=TAG,
        responses=listed(EndpointSerializer),
        problems=["not_a_customer"],
    )
    def get(self, request: Request) -> Response:
        rows = feed.endpoints_of(customer=customer_of(user=request.user))
        return Response({"results": EndpointSerializer(rows, many=True).data})

    @operation(
        id="create_webhook_endpoint",
        summary="Have events sent somewhere",
        tag=TAG,
        description="The answer has the secret, this once; it is not kept for an Idempotency-Key.",
        request=EndpointInSerializer,
        responses={201: EndpointWithSecretSerializer},
        problems=["not_a_customer", "webhook_url_refused", "event_type_unknown", "too_many_endpoints"],
    )
    def post(self, request: Request) -> Response:
        """201 with the endpoint and, this once, its secret."""
        asked = _valid(EndpointInSerializer, request)
        endpoint, secret = services.create_endpoint(
            customer=customer_of(user=request.user), now=timezone.now(), **asked
        )
        location = {"Location": f"/api/v1/webhook-endpoints/{endpoint.pk}"}
        return Response({**EndpointSerializer(endpoint).data, "secret": secret}, status=201, headers=location)


class WebhookEndpointView(ApiView):
    scopes: ClassVar = {"GET": READ, "PATCH": WRITE, "DELETE": WRITE}

    @operation(
        id="read_webhook_endpoint",
        summary="One endpoint",
        tag=TAG,
        responses=EndpointSerializer,
        problems=["not_a_customer"],
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        return Response(EndpointSerializer(_endpoint(request, endpoint_id)).data)

    @operation(
        id="change_webhook_endpoint",
        summary="Change an endpoint, disable it, enable it",
        tag=TAG,
        request=EndpointChangeSerializer,
        responses=EndpointSerializer,
        problems=["not_a_customer", "webhook_url_refused", "event_type_unknown"],
    )
    def patch(self, request: Request, endpoint_id: UUID) -> Response:
        """Change the URL, the types, the description; `status` disables and enables."""
        asked = _valid(EndpointChangeSerializer, request)
        row = services.update_endpoint(endpoint=_endpoint(request, endpoint_id), now=timezone.now(), **asked)
        return Response(EndpointSerializer(row).data)

    @operation(
        id="delete_webhook_endpoint",
        summary="Delete an endpoint for good",
        tag=TAG,
        responses={204: None},
        problems=["not_a_customer"],
    )
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        services.delete_endpoint(endpoint=_endpoint(request, endpoint_id), now=timezone.now())
        return Response(status=204)


class RotateSecretView(ApiView):
    scopes: ClassVar = {"POST": WRITE}
    idempotent = False  # the answer holds a secret, and no secret is kept

    @operation(
        id="rotate_webhook_secret",
        summary="A new secret; the old one signs too for a while",
        tag=TAG,
        request=RotateSerializer,
        responses=EndpointWithSecretSerializer,
        problems=["not_a_customer", "rotation_open"],
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """The new secret, this once. The old one signs too for `overlap_seconds` (a day unless given)."""
        asked = _valid(RotateSerializer, request)
        endpoint = _endpoint(request, endpoint_id)
        overlap = timedelta(seconds=asked["overlap_seconds"])
        secret = services.rotate_secret(endpoint=endpoint, overlap=overlap, now=timezone.now())
        return Response({**EndpointSerializer(_endpoint(request, endpoint_id)).data, "secret": secret})


class FireTestView(ApiView):
    scopes: ClassVar = {"POST": WRITE}

    @operation(
        id="test_webhook_endpoint",
        summary="Send a test event there",
        tag=TAG,
        request=EmptySerializer,
        responses={202: EventSerializer},
        problems=["not_a_customer", "endpoint_not_active"],
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """202: a webhook_endpoint.test event is on its way, to this endpoint alone."""
        _valid(EmptySerializer, request)
        event = services.fire_test(endpoint=_endpoint(request, endpoint_id), now=timezone.now())
        return Response(feed.wire(event), status=202)


class ReplayEventView(ApiView):
    scopes: ClassVar = {"POST": WRITE}

    @operation(
        id="replay_webhook_event",
        summary="Send an event again",
        tag=TAG,
        request=ReplaySerializer,
        responses={202: DeliverySerializer},
        problems=["not_a_customer", "endpoint_not_active"],
    )
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """202: the event is sent again, under the webhook-id it always had."""
        asked = _valid(ReplaySerializer, request)
        event = feed.event_for(customer=customer_of(user=request.user), event_id=asked["event_id"])
        row = services.replay_event(endpoint=_endpoint(request, endpoint_id), event=event, now=timezone.now())
        return Response(DeliverySerializer(row).data, status=202)


class DeliveriesView(ApiView):
    scopes: ClassVar = {"GET": READ}

    @operation(
        id="list_webhook_deliveries",
        summary="The latest deliveries, with each attempt",
        tag=TAG,
        parameters=[DeliveriesQuerySerializer],
        responses=listed(DeliverySerializer),
        problems=["not_a_customer", "invalid_request"],
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """The latest deliveries with each attempt, for a month after their end."""
        serializer = DeliveriesQuerySerializer(data=request.query_params.dict())
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        rows = feed.deliveries_of(endpoint=_endpoint(request, endpoint_id), status=asked["status"])
        return Response({"results": DeliverySerializer(rows[: asked["limit"]], many=True).data})


class ReplayDeliveryView(ApiView):
    scopes: ClassVar = {"POST": WRITE}

    @operation(
        id="replay_webhook_delivery",
        summary="Make a delivery again",
        tag=TAG,
        request=EmptySerializer,
        responses={202: DeliverySerializer},
        problems=["not_a_customer", "endpoint_not_active"],
    )
    def post(self, request: Request, endpoint_id: UUID, delivery_id: UUID) -> Response:
        _valid(EmptySerializer, request)
        delivery = feed.delivery_for(endpoint=_endpoint(request, endpoint_id), delivery_id=delivery_id)
        row = services.replay_delivery(delivery=delivery, now=timezone.now())
        return Response(DeliverySerializer(row).data, status=202)


def _valid(serializer_class: type[StrictSerializer], request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _endpoint(request: Request, endpoint_id: UUID) -> Any:
    return feed.endpoint_for(customer=customer_of(user=request.user), endpoint_id=endpoint_id)
