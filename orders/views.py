"""Buying, and watching it happen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.selectors import customer_of, limit_left, onboarding_of, wallets_of
from agora.lib.errors import AgoraError
from orders import market, selectors, services
from orders.errors import DuplicateClientOrderId, QuantityTooSmall
from orders.explaining import explain
from orders.forms import BuyForm
from orders.models import Asset, Order
from orders.states import CANCELLABLE, WITHOUT_FILL
from orders.states import OrderStatus as S

if TYPE_CHECKING:
    from accounts.models import Customer

CURRENCY_OF = {"BR": "BRL", "PY": "PYG"}
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
    answer["X-May-Cancel"] = "1" if context["may_cancel"] else "0"
    if request.headers.get("If-None-Match") == answer["ETag"]:
        return HttpResponseNotModified(headers={"ETag": answer["ETag"]})
    return answer


@login_required
@require_POST
def cancel(request: HttpRequest, order_id: UUID) -> HttpResponse:
    row = selectors.order_for(user=request.user, order_id=order_id)
    services.cancel_order(order_id=row.pk, actor=f"customer:{row.customer_id}", now=timezone.now())
    return redirect("order", order_id=row.pk)


@login_required
@require_http_methods(["GET", "POST"])
def buy(request: HttpRequest) -> HttpResponse:
    """The form, its estimate to be confirmed (`step=review`), and the order (`step=place`)."""
    customer = customer_of(user=request.user)
    wallets = [wallet.address for wallet in wallets_of(customer=customer)]
    assets = selectors.tradable_assets()
    filled_in = partial(BuyForm, assets=assets, wallets=wallets)
    form = filled_in(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("step") == "place":
                return redirect("order", order_id=_place(form, customer).pk)
            return render(request, "orders/confirm.html", _review(form, customer))
        except DuplicateClientOrderId:
            # The page came from the browser's history: its id belongs to the order it made.
            form = filled_in(form.again())
            form.add_error(None, _("This page has already placed an order. Go on only if you want another one."))
        except AgoraError as refusal:
            form.add_error(None, refusal.detail)
    return render(request, "orders/buy.html", {"form": form, **_market(customer, assets)})


def _place(form: BuyForm, customer: Customer) -> Order:
    asked = form.cleaned_data
    if asked["by"] == "amount":  # only a confirmed quantity is ever ordered
        raise QuantityTooSmall(_("Look at the estimate first."))
    order, _created = services.place_order(
        customer=customer,
        symbol=asked["asset"],
        quantity=asked["quantity"],
        recipient=asked["recipient"],
        client_order_id=asked["client_order_id"],
        now=timezone.now(),
    )
    return order


def _review(form: BuyForm, customer: Customer) -> dict[str, Any]:
    now = timezone.now()
    told = services.preview_order(
        customer=customer, symbol=form.cleaned_data["asset"], recipient=form.cleaned_data["recipient"],
        client_order_id=form.cleaned_data["client_order_id"], **form.asked(), now=now
    )  # fmt: skip
    currency = CURRENCY_OF.get(customer.country)
    total = told.estimate.cost_usd + told.estimate.fee_usd
    return {
        "told": told,
        "total_usd": total,
        "quote": market.quote(symbol=told.asset.symbol, now=now),
        "session": market.market_session(now=now),
        "equivalent": currency and market.equivalent(amount_usd=total, currency=currency, now=now),
        "hidden": form.confirmed(told.estimate.quantity),
        "recipient": form.cleaned_data["recipient"],
    }


def _market(customer: Customer, assets: Sequence[Asset]) -> dict[str, Any]:
    now = timezone.now()
    return {
        "quotes": [(asset, market.quote(symbol=asset.symbol, now=now)) for asset in assets],
        "session": market.market_session(now=now),
        "left": limit_left(customer=customer, now=now),
        "state": onboarding_of(customer=customer),
    }


def _progress_of(row: Order) -> dict[str, Any]:
    explorer = settings.CHAIN_EXPLORER_URL
    return {
        "order": row,
        "steps": selectors.steps(order=row),
        "message": explain(order=row, now=timezone.now()),
        "is_live": row.status not in DONE,
        "is_out": row.status in WITHOUT_FILL,
        "may_cancel": row.status in CANCELLABLE and row.cancel_requested_at is None,
        "explorer_url": f"{explorer}/tx/{row.mint_tx_hash}" if explorer and row.mint_tx_hash else "",
    }
