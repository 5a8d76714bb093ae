"""What stands still anywhere in the loop: for `manage.py stuck` and for the console's list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import reverse

from agora.lib import heartbeats
from agora.lib.admin import offers_for
from custody.selectors import in_custody_books, stuck_custody, vaults
from minting.selectors import stuck_mints
from orders.selectors import CAUSES, FAILED, HELD, OURS, OUTSIDE, UNCERTAIN, StuckRow, order_facts, stuck_orders

MODELS = {"order": "orders.Order", "custody record": "custody.CustodyRecord", "mint": "minting.MintTx"}
OLDER_THAN = 60.0  # seconds


def standing_processes() -> list[str]:
    """Which processes of ours do not move, though they may be there: what rows then really wait for."""
    found = [f"no worker has taken a task for {age:.0f} s" for age in [heartbeats.stands(heartbeats.WORKER)] if age]
    if age := heartbeats.follower_stands():
        found.insert(0, f"no loop of a follower has turned for {age:.0f} s: it is stopped, or frozen")
    skewed = [one for one in heartbeats.heartbeats() if abs(one.skew) > heartbeats.SKEW_MOST]
    return found + [f"the clock of {one.name} is {one.skew:+.1f} s from the database's" for one in skewed]


def find_stuck(*, older_than: float, now: datetime) -> list[StuckRow]:
    before = now - timedelta(seconds=older_than)
    found = [
        *stuck_orders(before=before, now=now),
        *stuck_custody(before=before, now=now),
        *stuck_mints(before=before, now=now),
    ]
    found = with_custody(found)
    if heartbeats.follower_stands():  # whatever the outside said meanwhile, nobody heard it
        found = [_waits_for_us(row) for row in found]
    return sorted(found, key=lambda row: row.since)


def with_custody(found: list[StuckRow]) -> list[StuckRow]:
    """A filled order waits for the custodian only if the custodian was asked."""
    filled = [row.row_id for row in found if row.kind == "order" and row.status == "FILLED"]
    unclaimed = set(filled) - in_custody_books(order_ids=filled)
    if not unclaimed:
        return found
    known = {vault.symbol for vault in vaults()}
    return [_unclaimed(row, known) if row.kind == "order" and row.row_id in unclaimed else row for row in found]


def _unclaimed(row: StuckRow, known: set[str]) -> StuckRow:
    facts = order_facts(order_id=UUID(row.order_id))
    if facts.symbol not in known:
        words = f"us: there is no vault account for {facts.symbol} (manage.py deploy_token opens it)"
        return replace(row, waits_for=words, cause=HELD if row.cause == HELD else OURS)
    if not facts.filled_quantity:
        return replace(row, waits_for="the broker to list all executions of its own sum")
    return replace(row, waits_for="a worker to claim its shares in custody")


def _waits_for_us(row: StuckRow) -> StuckRow:
    if row.cause != OUTSIDE:
        return row
    return replace(row, cause=OURS, waits_for=f"a follower, which stands still: it would hear of {row.waits_for}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckLine:
    """A row that stands still, as the console shows it: with what this user may do about it as it stands."""

    row: StuckRow
    cause: str
    is_bad: bool
    row_url: str
    order_url: str
    offers: list[tuple[Any, str]]


def stuck_lines(*, site: AdminSite, request: HttpRequest, rows: Sequence[StuckRow]) -> list[StuckLine]:
    """A query for each kind of row, and what the actions' own checks take."""
    found: dict[str, Any] = {}
    for kind, label in MODELS.items():
        model = apps.get_model(label)
        found |= {str(pk): row for pk, row in model.objects.in_bulk([r.row_id for r in rows if r.kind == kind]).items()}
    return [_line(site, request, row, found[row.row_id]) for row in rows if row.row_id in found]


def _line(site: AdminSite, request: HttpRequest, row: StuckRow, instance: Any) -> StuckLine:
    name = f"admin:{instance._meta.app_label}_{instance._meta.model_name}_change"
    return StuckLine(
        row=row,
        cause=CAUSES[row.cause],
        is_bad=row.cause in (FAILED, UNCERTAIN, HELD),
        row_url=reverse(name, args=[instance.pk], current_app=site.name),
        order_url=reverse("admin:orders_order_change", args=[row.order_id], current_app=site.name),
        offers=offers_for(request, instance, site=site),
    )
