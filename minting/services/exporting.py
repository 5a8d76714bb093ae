"""A customer's copy of all that we keep about them (LGPD art. 18 II and V)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.selectors import customer_of, read_tax_id
from accounts.services import check_recent_sign_in, record_data_export
from accounts.trails import person_trail
from agora.lib.db import snapshot
from agora.lib.money import plain
from minting.selectors import receipts_of
from orders.trails import OrderTrail, trails_of_customer

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import Customer, User

FORMAT = "agora-data-export"
VERSION = 1


def export_data(*, user: User | AnonymousUser, signed_in_at: datetime | None, now: datetime) -> bytes:
    """The export of the login's customer, as JSON; that it was made is recorded. Raises SignInAgain, NotACustomer."""
    customer = customer_of(user=user)
    check_recent_sign_in(signed_in_at=signed_in_at, now=now)
    content = json.dumps(_collect(customer, now), indent=2, ensure_ascii=False, default=_as_text).encode() + b"\n"
    record_data_export(customer=customer, content=content, now=now)
    return content


@snapshot
def _collect(customer: Customer, now: datetime) -> dict[str, Any]:
    person = person_trail(customer=customer)
    # In full: it is theirs, a masked one would be no access, and the sign-in is fresh.
    person["profile"]["tax_id"] = read_tax_id(customer=customer) if customer.tax_id_sealed else ""
    trails = trails_of_customer(customer_id=customer.pk)
    receipts = receipts_of(trails=trails)
    orders = [_order(trail, receipt) for trail, receipt in zip(trails, receipts, strict=True)]
    return {"format": FORMAT, "version": VERSION, "generated_at": now, **person, "orders": orders}


def _order(trail: OrderTrail, receipt: dict[str, Any]) -> dict[str, Any]:
    return {
        "created_at": trail.created_at,
        "client_order_id": trail.client_order_id,
        "reason": trail.reason,
        "receipt": receipt,
    }


def _as_text(value: object) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case Decimal():
            return plain(value)
        case UUID():
            return str(value)
    raise TypeError(f"{type(value).__name__} in a data export")
