"""Customers who may be the same person. The same tax id cannot be there twice; the rest can."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from accounts.masks import mask_name
from accounts.models import Consent, Customer, SignInChallenge

SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    customer_id: UUID
    masked_name: str
    status: str
    why: tuple[str, ...]


def similar_customers(*, customer: Customer) -> list[Similar]:
    """At most 20, those with the most in common first."""
    why: defaultdict[UUID, list[str]] = defaultdict(list)
    for reason, ids in _matches(customer).items():
        for pk in ids:
            why[pk].append(reason)
    best = sorted(why, key=lambda pk: (-len(why[pk]), pk))[:SHOWN]
    rows = Customer.objects.in_bulk(best)
    return [
        Similar(customer_id=pk, masked_name=mask_name(rows[pk].full_name), status=rows[pk].status, why=tuple(why[pk]))
        for pk in best
    ]


def _matches(customer: Customer) -> dict[str, list[UUID]]:
    others = Customer.objects.exclude(pk=customer.pk)
    places = Consent.objects.filter(customer=customer).exclude(ip_digest="").values("ip_digest")
    tried = SignInChallenge.objects.filter(address__in=customer.wallets.values("address")).exclude(user=None)
    found = {
        "the same name": others.filter(full_name__iexact=customer.full_name) if customer.full_name else others.none(),
        "the same e-mail address": others.filter(email__iexact=customer.email) if customer.email else others.none(),
        "agreed from the same internet address": others.filter(consents__ip_digest__in=places).distinct(),
        "tried to add one of these wallets": others.filter(user__in=tried.values("user")),
    }
    return {reason: list(rows.values_list("pk", flat=True)[: SHOWN * 2]) for reason, rows in found.items()}
