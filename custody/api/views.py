"""`/api/v1/orders/{id}/custody`."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from custody import selectors
from custody.api.serializers import CustodyProofSerializer
from orders.selectors import order_for


class OrderCustodyView(APIView):
    def get(self, request: Request, order_id: UUID) -> Response:
        order = order_for(user=request.user, order_id=order_id)
        return Response({"results": CustodyProofSerializer(selectors.custody_of(order_id=order.pk), many=True).data})
