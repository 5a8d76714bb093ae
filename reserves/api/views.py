"""`/api/v1/reserves…`: public, for anyone may check."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ApiView
from agora.lib.api.envelope import listed
from agora.lib.api.schema import operation
from agora.lib.api.scopes import PUBLIC
from reserves import selectors
from reserves.api.serializers import PositionSerializer, ReportContentSerializer, ReportSerializer


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


class ReportsView(ApiView):
    scopes: ClassVar = {"GET": PUBLIC}

    @operation(
        id="list_reserve_reports",
        summary="Published reserve reports, newest first",
        tag="Reserves",
        parameters=[OpenApiParameter("asset", str, description="Of one asset only.")],
        responses=listed(ReportSerializer),
    )
    def get(self, request: Request) -> Response:
        symbol = request.query_params.get("asset", "").replace("\0", "\ufffd")
        found = selectors.reports(symbol=symbol, published_only=True)
        return Response({"results": ReportSerializer(found, many=True).data})


class ReportView(ApiView):
    scopes: ClassVar = {"GET": PUBLIC}

    @operation(
        id="read_reserve_report",
        summary="One published report, with its content",
        tag="Reserves",
        responses=ReportContentSerializer,
        problems=["reserve_report_unknown"],
    )
    def get(self, request: Request, symbol: str, sequence: int) -> Response:
        facts = selectors.public_report(symbol=symbol, sequence=sequence)
        return Response({**ReportSerializer(facts).data, "content": facts.said})


class ReportFileView(ApiView):
    scopes: ClassVar = {"GET": PUBLIC}

    @operation(
        id="read_reserve_report_file",
        summary="One file of a report's package, or all of them as package.zip",
        tag="Reserves",
        responses={(200, media): OpenApiTypes.BINARY for media in sorted(set(selectors.MEDIA.values()))},
        problems=["reserve_report_unknown"],
    )
    def get(self, request: Request, symbol: str, sequence: int, name: str) -> HttpResponse:
        content, media = selectors.report_file(symbol=symbol, sequence=sequence, name=name)
        filename = f'attachment; filename="{symbol}-{sequence}-{name}"'
        return HttpResponse(content, content_type=media, headers={"Content-Disposition": filename})


class ProofView(ApiView):
    scopes: ClassVar = {"GET": PUBLIC}

    @operation(
        id="read_inclusion_proof",
        summary="The proof that an address's balance is in the last report",
        tag="Reserves",
        responses=OpenApiTypes.OBJECT,
        problems=["reserve_report_unknown", "inclusion_proof_unknown"],
    )
    def get(self, request: Request, symbol: str, address: str) -> Response:
        return Response(selectors.inclusion_proof(symbol=symbol, address=address))
