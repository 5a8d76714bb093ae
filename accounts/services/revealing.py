"""Reading what is personal: allowed with a reason, and written down first."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import Customer
from accounts.selectors import read_tax_id
from accounts.services.auditing import record_audit


def reveal_customer(*, customer: Customer, actor: str, reason: str, now: datetime) -> dict[str, str]:
    """Name, e-mail address and tax id in plain text, after the audit entry that says who read them has committed."""
    with transaction.atomic():
        record_audit(
            actor=actor,
            action="customer.reveal",
            subject=f"customer:{customer.pk}",
            after={"read": "name, e-mail, tax id"},
            reason=reason,
            now=now,
        )
    return {
        "Name": customer.full_name,
        "E-mail": customer.email,
        "Tax id": read_tax_id(customer=customer) if customer.tax_id_sealed else "",
    }
