"""Buying, and watching it happen."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts.selectors import customer_of, primary_wallet
from agora.lib.errors import AgoraError
from orders import selectors, services
from orders.errors import DuplicateClientOrderId
from orders.explaining import explain
from orders.forms import BuyForm, new_client_order_id
from orders.models import Order
from orders.states import WITHOUT_FILL
from orders.states import OrderStatus as S

DONE = {S.SETTLED, S.REJECTED, S.CANCELLED, S.EXPIRED}


@login_required
def orders(request: HttpRequest) -> HttpResponse:
    pages = Paginator(selectors.orders_of(user=request.user), 20)
    return render(request, "orders/orders.html", {"page": pages.get_page(request.GET.get("page"))})


@login_required
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    row = selectors.order_for(user=request.user, order_id=order_id)
    return render(request, "orders/order.html", _progress_of(row))


@login_required
@never_cache
def progress(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The part of the order's page that changes. live.js asks for it with the ETag of what it shows."""
    context = _progress_of(selectors.order_for(user=request.user, order_id=order_id))
    page = render_to_string("orders/_progress.html", context, request)
    answer = HttpResponse(page)
    answer["ETag"] = f'"{hashlib.sha256(page.encode()).hexdigest()[:32]}"'
    answer["X-Live"] = "1" if context["is_live"] else "0"
    if request.headers.get("If-None-Match") == answer["ETag"]:
        return HttpResponseNotModified(headers={"ETag": answer["ETag"]})
    return answer


@login_required
def buy(request: HttpRequest) -> HttpResponse:
    form = BuyForm(request.POST or None)
    customer = customer_of(user=request.user)
    wallet = primary_wallet(customer_id=customer.pk)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            row, _ = services.place_order(
                customer=customer,
                symbol=asked["asset"],
                quantity=asked["quantity"],
                recipient=wallet,
                client_order_id=asked["client_order_id"],
                now=timezone.now(),
            )
            return redirect("order", order_id=row.pk)
        except DuplicateClientOrderId:
            # The page came from the browser's history: its id belongs to the order it made.
            form = BuyForm({**request.POST.dict(), "client_order_id": new_client_order_id()})
            form.add_error(None, "This page has already placed an order. Press Buy again to place this one too.")
        except AgoraError as refusal:
            form.add_error(None, refusal.detail)
    return render(request, "orders/buy.html", {"form": form, "wallet": wallet})


def _progress_of(row: Order) -> dict[str, Any]:
    explorer = settings.CHAIN_EXPLORER_URL
    return {
        "order": row,
        "steps": selectors.steps(order=row),
        "message": explain(order=row, now=timezone.now()),
        "is_live": row.status not in DONE,
        "is_out": row.status in WITHOUT_FILL,
        "explorer_url": f"{explorer}/tx/{row.mint_tx_hash}" if explorer and row.mint_tx_hash else "",
    }
