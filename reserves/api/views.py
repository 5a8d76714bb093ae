"""`/api/v1/reserves…`: public, for anyone may check."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reserves import selectors
from reserves.api.serializers import PositionSerializer, ReportSerializer


class PublicView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)


class ReservesView(PublicView):
    def get(self, request: Request) -> Response:
        return Response({"results": PositionSerializer(selectors.positions(), many=True).data})


class ReportsView(PublicView):
    def get(self, request: Request) -> Response:
        """Published reports, newest first; `?asset=` for one asset's."""
        found = selectors.reports(symbol=request.query_params.get("asset", ""), published_only=True)
        return Response({"results": ReportSerializer(found, many=True).data})


class ReportView(PublicView):
    def get(self, request: Request, symbol: str, sequence: int) -> Response:
        facts = selectors.public_report(symbol=symbol, sequence=sequence)
        return Response({**ReportSerializer(facts).data, "content": facts.said})


class ReportFileView(PublicView):
    def get(self, request: Request, symbol: str, sequence: int, name: str) -> HttpResponse:
        content, media = selectors.report_file(symbol=symbol, sequence=sequence, name=name)
        filename = f'attachment; filename="{symbol}-{sequence}-{name}"'
        return HttpResponse(content, content_type=media, headers={"Content-Disposition": filename})


class ProofView(PublicView):
    def get(self, request: Request, symbol: str, address: str) -> Response:
        return Response(selectors.inclusion_proof(symbol=symbol, address=address))
