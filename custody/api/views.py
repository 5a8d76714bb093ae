"""`/api/v1/orders/{id}/custody`."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiView
from agora.lib.api.envelope import listed
from agora.lib.api.schema import operation
from custody import selectors
from custody.api.serializers import CustodyProofSerializer
from orders.selectors import order_for


class OrderCustodyView(ApiView):
    scopes: ClassVar = {"GET": "orders:read"}

    @operation(
        id="list_order_custody",
        summary="An order's custody records",
        tag="Orders",
        responses=listed(CustodyProofSerializer),
        problems=["not_a_customer"],
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        order = order_for(user=request.user, order_id=order_id)
        return Response({"results": CustodyProofSerializer(selectors.custody_of(order_id=order.pk), many=True).data})
