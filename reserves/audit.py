"""The invariants of this app: each query returns no rows, or something is wrong (DESIGN §7)."""

from agora.lib.invariants import Invariant

INVARIANTS = [
    Invariant(
        "no difference between the books is open",
        """
        SELECT a.symbol, b.kind, b.quantity, b.opened_at FROM reserves_break b
        JOIN orders_asset a ON a.id = b.asset_id WHERE b.closed_at IS NULL
        """,
    ),
]
