"""The whole installation replayed: every state machine's events, and the sums that follow from them, as stored."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from accounts.replaying import replay_people
from agora.lib.replaying import Difference
from custody.replaying import replay_custody
from minting.replaying import replay_mints
from orders.replaying import order_batches, replay_orders


def replay(*, order_id: UUID | None = None) -> Iterator[tuple[int, list[Difference]]]:
    """For each batch: how many orders or people's rows, and where what is stored differs. One order: that alone.

    An order is replayed with its custody records and its mints, from their own events.
    """
    for orders in order_batches(order_id=order_id):
        ids = [order.pk for order in orders]
        in_custody, custody = replay_custody(order_ids=ids)
        minted, settled, mints = replay_mints(order_ids=ids)
        yield (
            len(orders),
            [
                *replay_orders(orders=orders, in_custody=in_custody, minted=minted, settled=settled),
                *custody,
                *mints,
            ],
        )
    if order_id is None:
        yield from replay_people()
