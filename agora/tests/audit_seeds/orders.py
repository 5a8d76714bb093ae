"""Orders and what the broker says of them."""

from __future__ import annotations

from agora.tests.audit_seeds.sql import FIRST, detour, unannounced


def _closing(at: str) -> str:
    return (
        "INSERT INTO orders_orderclosing (order_id, cause, resolution, reference, closed_by, reason, closed_at)"
        f" SELECT id, 'mint:x', 'REFUNDED', 'case 7', 'staff:1', 'x', {at} FROM orders_order"
        " ORDER BY created_at LIMIT 1"
    )


SEEDS: dict[str, tuple[str, list[str]]] = {
    "a closed order that nothing holds": (
        "an order that was closed for good is held for good",
        [_closing("now()")],
    ),
    "a settled order gave its part back": (
        "an order that ended with nothing bought gave its part of the limit back, and no other did",
        [
            "INSERT INTO accounts_limituse (customer_id, order_id, kind, day, amount_usd, at)"
            " SELECT customer_id, order_id, 'RELEASE', day, -amount_usd, at FROM accounts_limituse",
            "UPDATE accounts_limitday SET used_usd = 0",
        ],
    ),
    "a part of a limit is nobody's": (
        "no part of a limit is taken by an order that does not exist",
        ["UPDATE accounts_limituse SET order_id = gen_random_uuid()"],
    ),
    "an order's event is gone": (
        "orders_order: events are gapless and joined",
        ["DELETE FROM orders_orderevent WHERE sequence = 2", unannounced("order", "sequence = 2")],
    ),
    "an order's event begins elsewhere": (
        "orders_order: events are gapless and joined",
        ["UPDATE orders_orderevent SET from_status = 'CANCELLED' WHERE to_status = 'FILLED'"],
    ),
    "an order went by a way that does not exist": (
        "orders_order: every event is a legal move",
        detour("orders_orderevent", "EXPIRED"),
    ),
    "an order has lost its last event": (
        "orders_order: the status is the last event's",
        [
            "DELETE FROM orders_orderevent e USING orders_order o WHERE o.id = e.order_id AND o.version = e.sequence",
            unannounced("order", "type = 'order.settled'"),
        ],
    ),
    "a fill is gone": (
        "an order's filled quantity is the sum of its fills",
        [f"DELETE FROM orders_fill WHERE id = {FIRST.format('orders_fill')}"],
    ),
    "a fill is busted without the sum following": (
        "an order's filled quantity is the sum of its fills",
        [
            "INSERT INTO orders_fill (order_id, broker, execution_id, kind, quantity, price_usd, corrects, executed_at,"
            " recorded_at) SELECT order_id, broker, 'bust-1', 'BUST', quantity, price_usd, execution_id, now(), now()"
            f" FROM orders_fill WHERE id = {FIRST.format('orders_fill')}"
        ],
    ),
    "the broker says less": (
        "a filled order's executions add up to the broker's own sum",
        ["UPDATE orders_order SET broker_filled_quantity = broker_filled_quantity - 0.000000001"],
    ),
    "an order's time came long ago": (
        "an order that is due is looked at",
        [
            "INSERT INTO orders_order SELECT (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(),"
            " 'status', 'SUBMITTING', 'version', 2, 'client_order_id', 'late', 'broker_client_order_id', 'late',"
            " 'broker_order_id', '', 'filled_quantity', 0, 'broker_filled_quantity', 0, 'custody_quantity', 0,"
            " 'minted_quantity', 0, 'settled_quantity', 0, 'next_attempt_at', now() - interval '16 minutes'))).*"
            f" FROM orders_order o WHERE o.id = {FIRST.format('orders_order')}",
            "INSERT INTO orders_orderevent (order_id, sequence, from_status, to_status, actor, reason, data, at)"
            " SELECT o.id, n, CASE n WHEN 1 THEN '' ELSE 'PENDING' END, CASE n WHEN 1 THEN 'PENDING'"
            " ELSE 'SUBMITTING' END, 'test', '', '{}', now() FROM orders_order o, generate_series(1, 2) n"
            " WHERE o.client_order_id = 'late'",
            "INSERT INTO accounts_publicevent (event_id, type, customer_id, subject_kind, subject_id, sequence, data,"
            " at) SELECT gen_random_uuid(), 'order.accepted', customer_id, 'order', id, n, '{}', now()"
            " FROM orders_order, generate_series(1, 2) n WHERE client_order_id = 'late'",
        ],
    ),
    "an orphan at the broker": (
        "no order at the broker carries our prefix without a row of ours",
        [
            "INSERT INTO orders_brokermessage (source, event, broker_order_id, digest, payload, outcome, received_at)"
            " VALUES ('list', '', 'stray', 'd', '{}', 'ORPHAN', now())"
        ],
    ),
}

SEEDS_OF_SEVERAL: dict[str, tuple[set[str], list[str]]] = {
    "an order is further than its parts": (
        {
            "an order that is filled stands as far as its slowest part",
            "orders_order: the status is the last event's",
        },
        ["UPDATE orders_order SET status = 'MINT_CONFIRMED'"],
    ),
    "the broker has said more than we can add up, for long": (
        {
            "the broker's sum and our executions agree within minutes, or the order is held",
            "a filled order's executions add up to the broker's own sum",
        },
        [
            "UPDATE orders_order SET broker_filled_quantity = broker_filled_quantity + 1,"
            " updated_at = now() - interval '6 minutes'"
        ],
    ),
}
