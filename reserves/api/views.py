"""`/api/v1/reserves`: public, for anyone may check."""

from __future__ import annotations

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reserves import selectors
from reserves.api.serializers import PositionSerializer


class ReservesView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        return Response({"results": PositionSerializer(selectors.positions(), many=True).data})
