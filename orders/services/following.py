"""Following many orders with few calls: the trade stream, one list of what is open, single look-ups for the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone

from agora.lib import crashpoints, log
from agora.lib.storable import storable
from orders.brokers import get_broker
from orders.brokers.base import Broker, Execution, MalformedUpdate, StreamOpened, TradeUpdate
from orders.models import FeedCursor, Fill, Order
from orders.selectors import oldest_unsettled_at, unsettled_with_broker
from orders.services.guarding import Row, report_row, take_in_rows
from orders.services.ingesting import ingest_execution, ingest_malformed, ingest_report
from orders.states import OrderStatus as S

logger = log.get(__name__)

CURSOR = "alpaca.executions"
OVERLAP = timedelta(minutes=2)  # executions are listed again this far back: facts are keyed, so a repetition is free
LOOKUPS = 20  # single look-ups a round at the most, of 200 requests a minute


def follow_trade_updates(*, stop: threading.Event, clock: Callable[[], datetime] = timezone.now) -> None:
    """Ingest the stream until `stop`; each time it opens, list what happened while nobody listened.

    Raises Unavailable when the connection ends: the caller waits and calls again.
    """
    broker = get_broker()
    for item in broker.stream(stop):
        now = clock()
        match item:
            case StreamOpened():
                logger.info("trade stream open")
                catch_up(now=now)
            case MalformedUpdate():
                ingest_malformed(problem=item.problem, raw=item.raw, now=now)
            case TradeUpdate():
                crashpoints.here("stream.before_ingest")
                take_in_rows([_update(item, now)], now=now)
                crashpoints.here("stream.after_ingest")


def catch_up(*, now: datetime) -> None:
    """Take in what happened while nobody listened: executions since the cursor, then the orders themselves."""
    _list_executions(get_broker(), now)
    list_at_broker(now=now)


def list_at_broker(*, now: datetime) -> int:
    """Compare every open order with the broker's list; how many were looked at. Nothing to follow, nothing asked."""
    ours = unsettled_with_broker()
    if not ours:
        return 0
    broker = get_broker()
    listed = {order.client_order_id: order for order in broker.list_orders(status="open")}
    take_in_rows([report_row(one, "list", now) for one in listed.values() if one.client_order_id in ours], now=now)
    missing = [client_order_id for client_order_id in ours if client_order_id not in listed]
    try:
        take_in_rows([_lookup(broker, one, now) for one in missing[:LOOKUPS]], asks=True, now=now)
    finally:  # an answer about one order that cannot be read hides nobody's executions
        if Order.objects.filter(broker_client_order_id__in=ours, status__in=[S.SUBMITTED, S.PARTIALLY_FILLED]).exists():
            _list_executions(broker, now)
    return len(ours)


def _look_up(broker: Broker, client_order_id: str, now: datetime) -> None:
    report = broker.find_by_client_order_id(client_order_id)
    if report is None:
        logger.error("the broker does not know an order it confirmed", client_order_id=client_order_id)
        return
    take_in_rows([report_row(report, "lookup", now)], now=now)


def _lookup(broker: Broker, client_order_id: str, now: datetime) -> Row:
    asked = {"looked_up": client_order_id}
    return Row(take=partial(_look_up, broker, client_order_id, now), raw=asked, client_order_id=client_order_id)


def _update(update: TradeUpdate, now: datetime) -> Row:
    take = partial(
        ingest_report,
        source="stream",
        event=update.event,
        known=update.known,
        report=update.order,
        execution=update.execution,
        reason=update.reason,
        raw=update.raw,
        now=now,
    )
    ids = {"client_order_id": update.order.client_order_id, "broker_order_id": update.order.broker_order_id}
    return Row(take=take, raw=update.raw, **ids)


def _execution(execution: Execution, now: datetime) -> Row:
    take = partial(ingest_execution, execution=execution, now=now)
    return Row(take=take, raw=execution.raw, broker_order_id=execution.broker_order_id)


def _list_executions(broker: Broker, now: datetime) -> None:
    """The facts behind a sum that the broker states and we cannot add up yet."""
    cursor, _ = FeedCursor.objects.get_or_create(name=CURSOR, defaults={"position": now - timedelta(days=1)})
    # An order may be adopted long after its fill was listed, when nobody knew whose it was: list that time again.
    after = min(cursor.position, oldest_unsettled_at() or now) - OVERLAP
    listed = list(broker.list_executions(after=after))
    ids = [execution.execution_id for execution in listed if storable(execution.execution_id) == execution.execution_id]
    known = Fill.objects.filter(broker=broker.name, execution_id__in=ids).values_list("execution_id", flat=True)
    news = {execution.execution_id for execution in listed} - set(known)
    take_in_rows([_execution(one, now) for one in listed if one.execution_id in news], now=now)
    crashpoints.here("executions.before_cursor")
    FeedCursor.objects.filter(name=CURSOR, position__lt=now).update(position=now)
