"""The feed: every event in one order that a reader can go on from and miss nothing."""

from __future__ import annotations

from django.db import connection, transaction

from agora.lib import locks

_PLACE = """
    WITH committed AS (DELETE FROM orders_eventinbox RETURNING event_id)
    INSERT INTO orders_eventplace (event_id) SELECT event_id FROM committed ORDER BY event_id
"""


def place_events() -> int:
    """Give every committed event its place; how many there were. One of us at a time: places are seen in order."""
    with transaction.atomic():
        locks.lock_in_transaction("orders", "feed")
        with connection.cursor() as cursor:
            cursor.execute(_PLACE)
            return int(cursor.rowcount)
