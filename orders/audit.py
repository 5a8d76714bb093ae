"""The invariants of this app: each query returns no rows, or something is wrong (DESIGN §7)."""

from accounts.notifying.audit import announced
from agora.lib.invariants import Invariant, event_invariants, overdue_invariant
from orders.states import MOVES

INVARIANTS = [
    *event_invariants(subject="orders_order", event="orders_orderevent", column="order_id", moves=MOVES),
    announced(kind="order", event="orders_orderevent", column="order_id"),
    Invariant(
        "an order's filled quantity is the sum of its fills",
        """
        SELECT o.id, o.filled_quantity, f.total FROM orders_order o
        LEFT JOIN (
            SELECT order_id, sum(quantity) AS total FROM orders_fill fill
            WHERE kind <> 'BUST' AND NOT EXISTS (
                SELECT FROM orders_fill later
                WHERE later.broker = fill.broker AND later.corrects = fill.execution_id AND later.kind <> 'FILL'
            )
            GROUP BY order_id
        ) f ON f.order_id = o.id
        WHERE o.filled_quantity <> coalesce(f.total, 0)
        """,
    ),
    Invariant(
        "a filled order's executions add up to the broker's own sum",
        """
        SELECT id, filled_quantity, broker_filled_quantity FROM orders_order
        WHERE status IN ('CUSTODY_CONFIRMED', 'MINT_CONFIRMED', 'SETTLED')
          AND filled_quantity <> broker_filled_quantity
        """,
    ),
    Invariant(
        "no order at the broker carries our prefix without a row of ours",
        "SELECT id, broker_order_id FROM orders_brokermessage WHERE outcome = 'ORPHAN'",
    ),
    Invariant(
        "custody, minted and settled quantities never exceed the one before",
        """
        SELECT id FROM orders_order
        WHERE custody_quantity > filled_quantity OR minted_quantity > custody_quantity
           OR settled_quantity > minted_quantity
        """,
    ),
    Invariant(
        "an order that is filled stands as far as its slowest part",
        """
        SELECT id, status, filled_quantity, custody_quantity, minted_quantity, settled_quantity FROM orders_order
        WHERE status IN ('FILLED', 'CUSTODY_CONFIRMED', 'MINT_CONFIRMED', 'SETTLED') AND status <> CASE
            WHEN greatest(filled_quantity, custody_quantity) = 0 THEN 'FILLED'
            WHEN settled_quantity >= coalesce(nullif(filled_quantity, 0), custody_quantity) THEN 'SETTLED'
            WHEN minted_quantity >= coalesce(nullif(filled_quantity, 0), custody_quantity) THEN 'MINT_CONFIRMED'
            WHEN custody_quantity >= coalesce(nullif(filled_quantity, 0), custody_quantity) THEN 'CUSTODY_CONFIRMED'
            ELSE 'FILLED'
        END
        """,
    ),
    overdue_invariant(
        "an order that is due is looked at",
        subject="orders_order",
        order="id",
        statuses=("PENDING", "SUBMITTING", "SUBMITTED", "PARTIALLY_FILLED", "FILLED"),
    ),
    Invariant(
        "the broker's sum and our executions agree within minutes, or the order is held",
        """
        SELECT o.id, o.status, o.broker_status, o.filled_quantity, o.broker_filled_quantity FROM orders_order o
        WHERE o.filled_quantity <> o.broker_filled_quantity AND o.updated_at < now() - interval '5 minutes'
          AND NOT EXISTS (
              SELECT FROM accounts_hold h WHERE h.subject = 'order:' || o.id AND h.released_at IS NULL
                AND (h.until IS NULL OR h.until > now())
          )
        """,
    ),
    Invariant(
        "an order that ended with nothing bought gave its part of the limit back, and no other did",
        """
        SELECT o.id, o.status, u.total FROM orders_order o
        JOIN (SELECT order_id, sum(amount_usd) AS total FROM accounts_limituse GROUP BY order_id) u ON u.order_id = o.id
        WHERE (o.status IN ('REJECTED', 'CANCELLED', 'EXPIRED')) <> (u.total = 0)
        """,
    ),
    Invariant(
        "no part of a limit is taken by an order that does not exist",
        """
        SELECT u.order_id FROM accounts_limituse u
        WHERE NOT EXISTS (SELECT FROM orders_order o WHERE o.id = u.order_id)
        """,
    ),
    Invariant(
        "an order that was closed for good is held for good",
        """
        SELECT c.order_id FROM orders_orderclosing c
        WHERE NOT EXISTS (
            SELECT FROM accounts_hold h WHERE h.subject = 'order:' || c.order_id
              AND h.owner = 'closed-for-good' AND h.released_at IS NULL AND h.until IS NULL
        )
        """,
    ),
    Invariant(
        "an order that is not done moves or is held",
        """
        SELECT o.id, o.status, o.updated_at FROM orders_order o
        WHERE (o.status IN ('PENDING', 'SUBMITTING', 'FILLED') OR (
                o.status IN ('SUBMITTED', 'PARTIALLY_FILLED')
                AND o.cancel_requested_at IS NOT NULL AND o.cancel_answered_at IS NULL
            )) AND o.updated_at < now() - interval '15 minutes'
          AND o.next_attempt_at IS NULL
          AND NOT EXISTS (
              SELECT FROM accounts_hold h WHERE h.subject = 'order:' || o.id AND h.released_at IS NULL
                AND (h.until IS NULL OR h.until > now())
          )
        """,
    ),
]
