"""`/api/v1/orders/{id}/mints`, `/api/v1/orders/{id}/receipt` and `/api/v1/users/{id}/balance`."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiView
from accounts.errors import ChainUnavailable
from accounts.selectors import customer_of, wallets_of
from agora.lib.api.envelope import listed
from agora.lib.api.schema import operation
from agora.lib.errors import Unavailable
from minting import selectors
from minting.api.serializers import BalanceSerializer, MintProofSerializer
from minting.receipts import receipt_bytes
from orders.selectors import order_for


class OrderMintsView(ApiView):
    scopes: ClassVar = {"GET": "orders:read"}

    @operation(
        id="list_order_mints",
        summary="An order's mints: key, transaction, block",
        tag="Orders",
        responses=listed(MintProofSerializer),
        problems=["not_a_customer"],
    )
    def get(self, request: Request, order_id: UUID) -> Response:
        order = order_for(user=request.user, order_id=order_id)
        return Response({"results": MintProofSerializer(selectors.mints_of(order_id=order.pk), many=True).data})


class OrderReceiptView(ApiView):
    scopes: ClassVar = {"GET": "orders:read"}

    @operation(
        id="read_order_receipt",
        summary="An order's receipt: executions, custody and mints, their hashes chained",
        tag="Orders",
        description="What the customer downloads; `manage.py verify_receipt` and `/receipts/verify/` check it.",
        responses={200: OpenApiTypes.OBJECT},
        problems=["not_a_customer"],
    )
    def get(self, request: Request, order_id: UUID) -> HttpResponse:
        order = order_for(user=request.user, order_id=order_id)
        body = receipt_bytes(selectors.receipt_of(order_id=order.pk))
        return HttpResponse(body, content_type="application/json")


class BalanceView(ApiView):
    scopes: ClassVar = {"GET": "balance:read"}

    @operation(
        id="read_balance",
        summary="Tokens at each of the customer's wallets, read from the chain",
        tag="Customers",
        responses=listed(BalanceSerializer),
        problems=["not_a_customer", "chain_unavailable"],
    )
    def get(self, request: Request, user_id: UUID) -> Response:
        customer = customer_of(user=request.user)
        if customer.pk != user_id:
            raise Http404
        try:
            balances = selectors.balances_at(holders=[wallet.address for wallet in wallets_of(customer=customer)])
        except Unavailable as trouble:
            raise ChainUnavailable("We could not read the balances. Try again in a moment.") from trouble
        return Response({"results": BalanceSerializer(balances, many=True).data})
