"""What minting's events say happened, walked again (`manage.py replay`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from agora.lib.money import shares_from_wei
from agora.lib.replaying import Difference, replay_rows
from minting.models import MintTx
from minting.states import DEEP, ON_CHAIN
from minting.states import MintStatus as S

TELLS: dict[str, dict[str, str]] = {S.CONFIRMED: {"block_number": "block", "tx_hash": "tx_hash"}}


def replay_mints(*, order_ids: Collection[UUID]) -> tuple[dict[UUID, Decimal], dict[UUID, Decimal], list[Difference]]:
    """Shares minted, and those settled, for each of these orders by the replayed mints; and how the rows differ."""
    mints = list(MintTx.objects.filter(order_id__in=order_ids))
    replays, found = replay_rows(mints, kind="mint", tells=TELLS)
    minted: dict[UUID, Decimal] = defaultdict(Decimal)
    settled: dict[UUID, Decimal] = defaultdict(Decimal)
    for mint in mints:
        status = replays[mint.pk].status
        shares = shares_from_wei(int(mint.amount_wei))
        minted[mint.order_id] += shares if status in ON_CHAIN else 0
        settled[mint.order_id] += shares if status in DEEP else 0
    gone = {mint.pk for mint in mints if replays[mint.pk].status not in ON_CHAIN}
    # A reorg takes the block back, which no event's data says: such a mint names none.
    found = [one for one in found if one.row_id not in gone or one.field not in ("block_number", "tx_hash")]
    return minted, settled, found
