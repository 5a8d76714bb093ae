"""What the console's page of an order says of the order itself and of the broker."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from agora.lib.dossiers import MOST, Cell, DossierSource, Moment, OrderSubject, Part, Section, vendor_url
from agora.lib.money import plain
from agora.lib.tracing import trace_id_of
from orders.models import BrokerMessage, Fill, Order, OrderClosing


def _order(*, subject: OrderSubject, now: datetime) -> Part:
    order = Order.objects.select_related("asset").get(pk=subject.order_id)
    fills = list(Fill.objects.filter(order=order).order_by("executed_at", "pk")[:MOST])
    messages = list(BrokerMessage.objects.filter(order=order).defer("payload").order_by("-received_at", "-pk")[:MOST])
    closing = OrderClosing.objects.filter(order=order).first()
    moves = list(order.events.order_by("-sequence")[:MOST])[::-1]
    moments = [
        *(Moment(at=one.at, source="order", text=one.to_status, by=one.actor, detail=one.reason) for one in moves),
        *(
            Moment(
                at=one.executed_at,
                source="fill",
                text=f"{one.kind} {plain(one.quantity)} at US$ {plain(one.price_usd)}",
                by=one.broker,
                detail=one.execution_id,
            )
            for one in fills
        ),
        *(
            Moment(
                at=one.received_at,
                source="broker",
                text=f"{one.source} {one.event}: {one.outcome}",
                by=order.broker,
                url=_message_url(one),
            )
            for one in messages
        ),
        *_wishes(order, closing),
    ]
    return Part(
        sections=(_facts(order, closing), _fills(fills), _said(messages)),
        moments=tuple(moments),
        acted_on=(order,),
    )


def _facts(order: Order, closing: OrderClosing | None) -> Section:
    pairs: list[tuple[str, object]] = [
        ("Order", order.pk),
        ("Customer", Cell(order.customer_id, reverse("admin:accounts_customer_change", args=[order.customer_id]))),
        ("Status", f"{order.status}, version {order.version}"),
        ("Asset", Cell(order.asset.symbol, reverse("admin:orders_asset_change", args=[order.asset_id]))),
        ("Asked for", f"{plain(order.quantity)} shares"),
        ("Filled", f"{plain(order.filled_quantity)} (the broker says {plain(order.broker_filled_quantity)})"),
        ("Average price", f"US$ {plain(order.filled_avg_price)}" if order.filled_avg_price else None),
        ("In custody", plain(order.custody_quantity)),
        ("Minted", plain(order.minted_quantity)),
        ("Settled", plain(order.settled_quantity)),
        ("To wallet", order.recipient),
        ("Customer's id of it", order.client_order_id),
        ("Our id at the broker", order.broker_client_order_id),
        ("Trace", Cell(trace_id_of(order.pk), vendor_url(settings.TRACE_URL, trace_id_of(order.pk)))),
        ("Broker's id", Cell(order.broker_order_id, vendor_url(settings.BROKER_ORDER_URL, order.broker_order_id))),
        ("Broker's word", f"{order.broker_status} ({order.broker_phase})" if order.broker_status else None),
        ("Why it ended", order.reason),
        ("Uncertain since", order.uncertain_since),
        ("Cancelling asked for", order.cancel_requested_at),
        ("… by", order.cancel_requested_by),
        ("… refused by the broker", order.cancel_refusal),
        ("Tries at this step", order.attempts),
        ("Next look", order.next_attempt_at),
        ("Accepted", order.created_at),
        ("Last moved", order.updated_at),
    ]
    if closing:
        pairs += [
            ("Closed", closing.closed_at),
            ("… as", f"{closing.resolution}, {closing.reference}: {closing.reason}"),
        ]
    return Section(title="Order", pairs=tuple(pair for pair in pairs if pair[1] not in (None, "")), rank=10)


def _fills(fills: list[Fill]) -> Section:
    return Section(
        title="Fills",
        head=("Executed", "Kind", "Shares", "US$ a share", "Broker's id", "Corrects", "Recorded"),
        rows=tuple(
            (
                one.executed_at,
                one.kind,
                plain(one.quantity),
                plain(one.price_usd),
                one.execution_id,
                one.corrects,
                one.recorded_at,
            )
            for one in fills
        ),
        empty="Nothing was executed.",
        rank=30,
    )


def _said(messages: list[BrokerMessage]) -> Section:
    return Section(
        title="Messages of the broker",
        head=("Received", "By way of", "Event", "What we made of it", "Message"),
        rows=tuple(
            (one.received_at, one.source, one.event, one.outcome, Cell(f"no. {one.pk}", _message_url(one)))
            for one in messages
        ),
        empty="It has said nothing.",
        rank=35,
    )


def _wishes(order: Order, closing: OrderClosing | None) -> list[Moment]:
    found = []
    if order.cancel_requested_at:
        by = order.cancel_requested_by
        found.append(Moment(at=order.cancel_requested_at, source="order", text="cancelling asked for", by=by))
    if order.cancel_answered_at:
        text = f"cancelling refused: {order.cancel_refusal}" if order.cancel_refusal else "cancelling taken"
        found.append(Moment(at=order.cancel_answered_at, source="broker", text=text, by=order.broker))
    if closing:
        text = f"closed: {closing.resolution} {closing.reference}"
        found.append(
            Moment(at=closing.closed_at, source="order", text=text, by=closing.closed_by, detail=closing.reason)
        )
    return found


def _message_url(message: BrokerMessage) -> str:
    return reverse("admin:orders_brokermessage_change", args=[message.pk])


ORDER = DossierSource(permission="orders.view_order", build=_order)
