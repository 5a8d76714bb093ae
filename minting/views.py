"""What a customer takes away: receipts, and the page that checks them."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_GET, require_safe

from agora.lib.recent import signed_in_at
from minting import selectors, services
from minting.receipts import receipt_bytes, verifier_page, verifier_policy
from orders.selectors import order_for


@never_cache
@require_safe
@login_required
def order_receipt(request: HttpRequest, order_id: UUID) -> HttpResponse:
    order = order_for(user=request.user, order_id=order_id)
    body = receipt_bytes(selectors.receipt_of(order_id=order.pk))
    return _download(body, "application/json", f"agora-receipt-{order.pk}.json")


@never_cache
@require_GET
@login_required
def data_export(request: HttpRequest) -> HttpResponse:
    content = services.export_data(user=request.user, signed_in_at=signed_in_at(request), now=timezone.now())
    return _download(content, "application/json", "agora-data.json")


@require_safe
@cache_control(public=True, max_age=300)
def receipt_verifier(request: HttpRequest) -> HttpResponse:
    answer = HttpResponse(verifier_page(), content_type="text/html; charset=utf-8")
    answer["Content-Security-Policy"] = verifier_policy()
    return answer


@require_safe
@cache_control(public=True, max_age=300)
def receipt_verifier_download(request: HttpRequest) -> HttpResponse:
    answer = _download(verifier_page(), "text/html; charset=utf-8", "agora-receipt-verifier.html")
    answer["Content-Security-Policy"] = verifier_policy()
    return answer


def _download(body: bytes, content_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        body, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
