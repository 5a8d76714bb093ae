"""What staff have done to one mint. Nothing is signed here: saved bytes are sent, or looked for, by a worker."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.services import record_audit
from agora.lib import events
from agora.lib.db import serializable
from minting.errors import NotClosable, NotNudgeable
from minting.models import MintTx
from minting.states import IN_FLIGHT
from minting.states import MintStatus as S
from orders.services import close_order


@serializable
def rebroadcast_mint(*, mint_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """Have the saved bytes of a SIGNED mint sent at once, the same ones. Raises NotNudgeable."""
    _nudge(mint_id, S.SIGNED, "mint.advance", "mint.rebroadcast", actor, reason, now)


@serializable
def look_for_mint(*, mint_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """Have a SENT mint's transaction looked for at once; without a receipt the same bytes are sent. NotNudgeable."""
    _nudge(mint_id, S.SENT, "mint.sent", "mint.observe", actor, reason, now)


@serializable
def close_failed_mint(
    *, subject: str, mint_key: str, resolution: str, reference: str, actor: str, reason: str, now: datetime
) -> None:
    """What an approved proposal carries out: the order of this mint was settled outside. Raises NotClosable."""
    mint = MintTx.objects.select_for_update().get(pk=UUID(subject.partition(":")[2]))
    if mint.status != S.FAILED or mint.mint_key != mint_key:
        raise NotClosable(f"It is {mint.status}.")
    if MintTx.objects.filter(order_id=mint.order_id, status__in=IN_FLIGHT).exists():
        raise NotClosable("Another mint of the order is under way: wait for its end.")
    close_order(
        order_id=mint.order_id,
        cause=f"mint:{mint.pk}",
        resolution=resolution,
        reference=reference,
        actor=actor,
        reason=reason,
        now=now,
    )


def _nudge(mint_id: UUID, legal: S, event: str, action: str, actor: str, reason: str, now: datetime) -> None:
    mint = MintTx.objects.select_for_update().get(pk=mint_id)
    if mint.status != legal:
        raise NotNudgeable(f"It is {mint.status}.")
    mint.next_attempt_at = now  # what observe_mint asks for before it looks
    mint.save(update_fields=["next_attempt_at"])
    status = {"status": str(mint.status)}
    record_audit(
        actor=actor,
        action=action,
        subject=f"mint:{mint.pk}",
        before=status,
        after=status,
        reason=reason,
        now=now,
    )
    events.emit(event, mint.pk, order_id=mint.order_id)
