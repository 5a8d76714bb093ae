"""The invariants of this app: each query returns no rows, or something is wrong (DESIGN §7)."""

from agora.lib.invariants import Invariant, event_invariants, overdue_invariant
from custody.states import MOVES

INVARIANTS = [
    *event_invariants(subject="custody_custodyrecord", event="custody_custodyevent", column="record_id", moves=MOVES),
    Invariant(
        "an order's custody quantity is the sum of its completed records",
        """
        SELECT o.id, o.custody_quantity, coalesce(sum(r.quantity), 0) AS total FROM orders_order o
        LEFT JOIN custody_custodyrecord r ON r.order_id = o.id AND r.status = 'COMPLETED'
        GROUP BY o.id HAVING o.custody_quantity <> coalesce(sum(r.quantity), 0)
        """,
    ),
    Invariant(
        "no more is claimed for an order than was filled",
        """
        SELECT o.id, o.filled_quantity, sum(r.quantity) AS claimed FROM orders_order o
        JOIN custody_custodyrecord r ON r.order_id = o.id
        GROUP BY o.id HAVING sum(r.quantity) > o.filled_quantity
        """,
    ),
    Invariant(
        "a vault's running total is the sum of its completed records",
        """
        SELECT v.name, v.held_quantity, coalesce(sum(r.quantity), 0) AS total FROM custody_vaultaccount v
        LEFT JOIN custody_custodyrecord r ON r.vault_account_id = v.id AND r.status = 'COMPLETED'
        GROUP BY v.id HAVING v.held_quantity <> coalesce(sum(r.quantity), 0)
        """,
    ),
    overdue_invariant(
        "a custody record that is due is looked at",
        subject="custody_custodyrecord",
        order="order_id",
        statuses=("PENDING", "SUBMITTED", "COMPLETED"),
    ),
    Invariant(
        "no transaction at the custodian carries our prefix without a row of ours",
        """
        SELECT v.id, v.external_tx_id, v.provider_id FROM custody_vendormessage v
        LEFT JOIN custody_custodyrecord r
            ON r.id = substring(v.external_tx_id FROM '^agora-custody-([0-9a-f]{32})-[0-9]+$')::uuid
        WHERE v.external_tx_id LIKE 'agora-%%' AND v.external_tx_id NOT LIKE 'agora-sign-%%' AND r.id IS NULL
        """,
    ),
    Invariant(
        "a custody record that is not done is going to be looked at",
        """
        SELECT id, status, updated_at FROM custody_custodyrecord
        WHERE (status IN ('PENDING', 'SUBMITTED') OR (status = 'COMPLETED' AND handed_over_at IS NULL))
          AND next_attempt_at IS NULL
        """,
    ),
]
