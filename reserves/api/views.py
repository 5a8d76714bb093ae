"""`/api/v1/reserves`: public, for anyone may check."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiView
from agora.lib.api.envelope import listed
from agora.lib.api.schema import operation
from agora.lib.api.scopes import PUBLIC
from reserves import selectors
from reserves.api.serializers import PositionSerializer


class ReservesView(ApiView):
    scopes: ClassVar = {"GET": PUBLIC}

    @operation(
        id="list_reserves",
        summary="Shares in custody against tokens in circulation, and at which block",
        tag="Reserves",
        responses=listed(PositionSerializer),
    )
    def get(self, request: Request) -> Response:
        return Response({"results": PositionSerializer(selectors.positions(), many=True).data})
