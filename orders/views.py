"""Buying, and watching it happen."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from accounts.selectors import customer_of, primary_wallet
from agora.lib.errors import AgoraError
from orders import selectors, services
from orders.errors import DuplicateClientOrderId
from orders.forms import BuyForm, new_client_order_id
from orders.states import OrderStatus as S

DONE = {S.SETTLED, S.REJECTED, S.CANCELLED, S.EXPIRED}


@login_required
def orders(request: HttpRequest) -> HttpResponse:
    return render(request, "orders/orders.html", {"orders": selectors.orders_of(user=request.user)[:50]})


@login_required
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    row = selectors.order_for(user=request.user, order_id=order_id)
    explorer = settings.CHAIN_EXPLORER_URL
    context = {
        "order": row,
        "steps": selectors.steps(order=row),
        "message": selectors.explain(order=row, now=timezone.now()),
        "is_live": row.status not in DONE,
        "explorer_url": f"{explorer}/tx/{row.mint_tx_hash}" if explorer and row.mint_tx_hash else "",
    }
    return render(request, "orders/order.html", context)


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
