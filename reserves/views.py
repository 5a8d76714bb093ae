"""The public reserves page."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from agora.lib.errors import AgoraError
from agora.lib.line_charts import line_chart
from agora.lib.money import tokens_from_wei
from reserves import selectors

HISTORY = timedelta(days=30)
DOWNLOADS = ("report.pdf", "report.json", "report.csv", "package.zip")


def reserves(request: HttpRequest) -> HttpResponse:
    """What is held against what was minted, the last report, and `?address=`: is my balance in it?"""
    address = request.GET.get("address", "").strip()[:64]
    shown = [_shown(position) for position in selectors.positions()]
    checks = [_check(one["report"], address) for one in shown if address and one["report"]]
    return render(request, "reserves/reserves.html", {"shown": shown, "address": address, "checks": checks})


def _shown(position: selectors.Position) -> dict[str, Any]:
    now = timezone.now()
    history = selectors.ratio_history(symbol=position.symbol, since=now - HISTORY, until=now)
    values = [(point.at, point.ratio) for point in history]
    return {
        "position": position,
        "chart": line_chart(values, goal=Decimal(1)),
        "report": selectors.published_report(symbol=position.symbol),
        "downloads": DOWNLOADS,
    }


def _check(report: selectors.ReportFacts, address: str) -> dict[str, Any]:
    """A holder's balance by the report, with what their browser needs to check it itself."""
    try:
        proof = selectors.inclusion_proof(symbol=report.symbol, address=address, sequence=report.sequence)
    except AgoraError as refusal:
        return {"report": report, "refusal": refusal.detail}
    return {
        "report": report,
        "quantity": tokens_from_wei(int(proof["amount_wei"])),
        "evidence": {"proof": proof, "published": report.said["liabilities"]},
    }
