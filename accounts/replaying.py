"""What the events of customers, cases, endpoints and farewells say happened, walked again (`manage.py replay`)."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.models import Case, Customer, DeletionRequest, WebhookEndpoint
from agora.lib.replaying import Difference, batches, replay_rows

KINDS = {
    "customer": Customer,
    "deletion request": DeletionRequest,
    "case": Case,
    "webhook endpoint": WebhookEndpoint,
}


def replay_people() -> Iterator[tuple[int, list[Difference]]]:
    """For each batch of rows: how many they are, and how they differ from their events."""
    for kind, model in KINDS.items():
        for rows in batches(model._default_manager.all()):
            yield len(rows), replay_rows(rows, kind=kind)[1]
