"""`/api/v1/orders/{id}/mints`."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from minting import selectors
from minting.api.serializers import MintProofSerializer
from orders.selectors import order_for


class OrderMintsView(APIView):
    def get(self, request: Request, order_id: UUID) -> Response:
        order = order_for(user=request.user, order_id=order_id)
        return Response({"results": MintProofSerializer(selectors.mints_of(order_id=order.pk), many=True).data})
