"""`/api/v1/orders` and `/api/v1/assets`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.selectors import customer_of
from orders import selectors, services
from orders.api.serializers import AssetSerializer, OrderSerializer, PlaceOrderSerializer, StepSerializer
from orders.explaining import explain


class AssetsView(APIView):
    def get(self, request: Request) -> Response:
        return Response({"results": AssetSerializer(selectors.tradable_assets(), many=True).data})


class OrdersView(APIView):
    def post(self, request: Request) -> Response:
        """201 with the new order; 200 with the first one when its client_order_id comes again with the same content."""
        serializer = PlaceOrderSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        order, created = services.place_order(
            customer=customer_of(user=request.user),
            symbol=asked["asset"],
            quantity=asked["quantity"],
            recipient=asked["recipient_wallet"],
            client_order_id=asked["client_order_id"],
            now=timezone.now(),
        )
        location = {"Location": f"/api/v1/orders/{order.pk}"}
        return Response(represent(order), status=201 if created else 200, headers=location)


class OrderView(APIView):
    def get(self, request: Request, order_id: UUID) -> Response:
        return Response(represent(selectors.order_for(user=request.user, order_id=order_id)))


def represent(order: Any) -> dict[str, Any]:
    """An order with its four steps and the sentence that says what is happening."""
    return {
        **OrderSerializer(order).data,
        "steps": StepSerializer(selectors.steps(order=order), many=True).data,
        "message": explain(order=order, now=timezone.now()),
    }
