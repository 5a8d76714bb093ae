"""The texts that customers accept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from accounts import pii
from accounts.disclosures import TEXTS, VERSION
from accounts.errors import ConsentMissing
from accounts.models import Consent, Customer, Disclosure
from accounts.states import DisclosureKind


def publish_disclosures(*, now: datetime) -> list[Disclosure]:
    """The current texts as rows, added where they are new. An edited text needs a new version: it is never replaced."""
    rows = []
    for (kind, language), text in TEXTS.items():
        digest = hashlib.sha256(text.encode()).hexdigest()
        row, _ = Disclosure.objects.get_or_create(
            kind=kind,
            version=VERSION,
            language=language,
            defaults={"text": text, "sha256": digest, "published_at": now},
        )
        if row.sha256 != digest:
            raise RuntimeError(f"The text of {row} changed: raise VERSION in accounts/disclosures.py.")
        rows.append(row)
    return rows


def record_consents(*, customer: Customer, accepted: Sequence[int], ip: str, now: datetime) -> None:
    """Record, in the caller's transaction, that these disclosures were accepted. Raises ConsentMissing.

    One text of each kind, of the current version, in any language. `ip` is kept as a keyed hash only.
    """
    texts = list(Disclosure.objects.filter(pk__in=accepted, version=VERSION))
    if {text.kind for text in texts} != set(DisclosureKind.values):
        raise ConsentMissing(_("Read both texts and tick both boxes."))
    for text in _new(customer, texts):
        Consent.objects.create(
            customer=customer,
            disclosure=text,
            sha256=text.sha256,
            ip_digest=pii.index("ip", ip) if ip else "",
            at=now,
        )


def _new(customer: Customer, texts: Iterable[Disclosure]) -> list[Disclosure]:
    known = set(Consent.objects.filter(customer=customer).values_list("disclosure_id", flat=True))
    return [text for text in texts if text.pk not in known]
