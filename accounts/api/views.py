"""`/api/v1/me`."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.serializers import CustomerSerializer
from accounts.selectors import customer_of


class MeView(APIView):
    def get(self, request: Request) -> Response:
        return Response(CustomerSerializer(customer_of(user=request.user)).data)
