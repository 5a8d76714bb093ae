"""`/api/v1/orders` and `/api/v1/assets`."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiView
from accounts.selectors import customer_of
from agora.lib.api import pagination
from agora.lib.api.envelope import listed, paged
from agora.lib.api.idempotency import IdempotencyKeyMissing
from agora.lib.api.schema import CURSOR, operation
from agora.lib.api.scopes import ANY_CALLER
from orders import selectors, services
from orders.api.serializers import (
    AssetSerializer,
    OrderDetailSerializer,
    OrderEventSerializer,
    OrderSerializer,
    PlaceOrderSerializer,
    StepSerializer,
)
from orders.explaining import explain, explain_held

TAG = "Orders"


class AssetsView(ApiView):
    scopes: ClassVar = {"GET": ANY_CALLER}

    @operation(
        id="list_assets",
        summary="What can be bought, with the limits of one order",
        tag="Assets",
        responses=listed(AssetSerializer),
    )
    def get(self, request: Request) -> Response:
        return Response({"results": AssetSerializer(selectors.tradable_assets(), many=True).data})


class OrdersView(ApiView):
    scopes: ClassVar = {"GET": "orders:read", "POST": "orders:write"}

    @operation(
        id="list_orders",
        summary="The customer's orders, newest first",
        tag=TAG,
        responses=paged(OrderSerializer),
        parameters=[*CURSOR, OpenApiParameter("status", str), OpenApiParameter("client_order_id", str)],
        problems=["not_a_customer", "cursor_invalid"],
    )
    def get(self, request: Request) -> Response:
        limit = pagination.limit_of(request)
        rows = selectors.page_of_orders(
            user=request.user,
            before=_before(request),
            status=_plain(request, "status"),
            client_order_id=_plain(request, "client_order_id"),
            limit=limit + 1,
        )
        more = rows[limit - 1] if len(rows) > limit else None
        cursor = pagination.encode(more.created_at.isoformat(), str(more.pk)) if more else None
        return Response({"results": OrderSerializer(rows[:limit], many=True).data, "next_cursor": cursor})

    @operation(
        id="place_order",
        summary="Buy",
        tag=TAG,
        description="201 with the new order; 200 with the first one when its `client_order_id` comes again with the "
        "same content. Send a `client_order_id`, an `Idempotency-Key`, or both: one of them is needed.",
        request=PlaceOrderSerializer,
        responses={201: OrderDetailSerializer, 200: OrderDetailSerializer},
        problems=[
            *("not_a_customer", "kyc_not_approved", "on_hold", "no_tier", "idempotency_key_missing"),
            *("wallet_checksum_invalid", "wallet_not_registered", "client_order_id_reused", "unknown_asset"),
            *("asset_not_tradable", "quantity_too_small", "quantity_too_large", "below_lot_minimum"),
            *("daily_limit_reached", "portfolio_cap_reached", "price_unavailable"),
        ],
        example={
            "asset": "AAPL",
            "quantity": "0.25",
            "recipient_wallet": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
            "client_order_id": "my-order-1",
        },
    )
    def post(self, request: Request) -> Response:
        serializer = PlaceOrderSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        now = timezone.now()
        order, created = services.place_order(
            customer=customer_of(user=request.user),
            symbol=asked["asset"],
            quantity=asked["quantity"],
            recipient=asked["recipient_wallet"],
            client_order_id=asked["client_order_id"] or _id_from_key(self.idempotency_key()),
            now=now,
        )
        location = {"Location": f"/api/v1/orders/{order.pk}"}
        if not created:
            return Response(represent(order), status=200, headers=location)
        steps = selectors.steps_of(order=order, reached={})
        message = explain_held(order=order, holds=[], now=now)
        return Response(_in_full(order, steps=steps, message=message), status=201, headers=location)


class OrderView(ApiView):
    scopes: ClassVar = {"GET": "orders:read"}
    has_etag = True

    @operation(
        id="read_order",
        summary="One order: its four steps, what is happening, and its ids at the broker, custodian and chain",
        tag=TAG,
        responses=OrderDetailSerializer,
        problems=["not_a_customer"],
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        return Response(represent(selectors.order_for(user=request.user, order_id=order_id)))


class CancelOrderView(ApiView):
    scopes: ClassVar = {"POST": "orders:write"}

    @operation(
        id="cancel_order",
        summary="Cancel an order",
        tag=TAG,
        description="202: the broker is being asked, and its word comes with the order's next status; what it fills "
        "before that is kept and minted. 200: the order is cancelled. Repeat it as you like.",
        responses={202: OrderDetailSerializer, 200: OrderDetailSerializer},
        problems=["not_a_customer", "order_not_cancellable"],
    )
    def post(self, request: Request, order_id: UUID) -> Response:
        order = selectors.order_for(user=request.user, order_id=order_id)
        order = services.cancel_order(order_id=order.pk, actor=f"customer:{order.customer_id}", now=timezone.now())
        return Response(represent(order), status=200 if order.status == "CANCELLED" else 202)


class OrderEventsView(ApiView):
    scopes: ClassVar = {"GET": "orders:read"}

    @operation(
        id="list_order_events",
        summary="Every move of one order, in order",
        tag=TAG,
        responses=listed(OrderEventSerializer),
        problems=["not_a_customer"],
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        order = selectors.order_for(user=request.user, order_id=order_id)
        return Response({"results": OrderEventSerializer(selectors.events_of(order=order), many=True).data})


def represent(order: Any) -> Any:
    """An order with its four steps and the sentence that says what is happening."""
    return _in_full(order, steps=selectors.steps(order=order), message=explain(order=order, now=timezone.now()))


def _in_full(order: Any, *, steps: list[selectors.Step], message: str) -> Any:
    return {**OrderSerializer(order).data, "steps": StepSerializer(steps, many=True).data, "message": message}


def _id_from_key(key: str) -> str:
    """An order's id for ever, where the caller gave a key only: it outlives the key's 72 hours, and a crash."""
    if not key:
        raise IdempotencyKeyMissing("Send a client_order_id in the body, or the header Idempotency-Key.")
    return f"key-{hashlib.sha256(key.encode()).hexdigest()[:48]}"


def _before(request: Request) -> tuple[datetime, UUID] | None:
    cursor = request.query_params.get("cursor", "")
    if not cursor:
        return None
    at, pk = pagination.decode(cursor, str, str)
    try:
        place = datetime.fromisoformat(at), UUID(pk)
    except ValueError:
        raise pagination.CursorInvalid("Use `next_cursor` of the page before, as it came.") from None
    if place[0].tzinfo is None or not 2000 < place[0].year < 3000:
        raise pagination.CursorInvalid("Use `next_cursor` of the page before, as it came.")
    return place


def _plain(request: Request, name: str) -> str:
    """A filter's text; one that no row can hold finds none."""
    text = request.query_params.get(name, "")
    return text if "\0" not in text else "\ufffd"
