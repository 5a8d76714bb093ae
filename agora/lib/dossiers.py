"""An order from all sides, as plain values: each app tells what it has of it (agora/order_trails.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from agora.lib.admin import offers_for
from agora.order_trails import ORDER_TRAILS

MOST = 200  # rows of one list: beyond that the page says so, and links to the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSubject:
    """The order that a page is about. `names`: what audit entries, proposals and holds call it and its parts."""

    order_id: UUID
    customer_id: UUID
    symbol: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with a link: to a row of the console, to a vendor's page or to the explorer."""

    value: object
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One line of the timeline."""

    at: datetime
    source: str  # order, fill, broker, custody, mint, chain, hold, audit, event, delivery
    text: str
    by: str = ""
    detail: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Named values (`pairs`), or a list with a head. A value is a text, a number, a time, a Cell or None."""

    title: str
    pairs: tuple[tuple[str, object], ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    empty: str = "None."
    rank: int = 50  # where it stands on the page

    @property
    def is_cut(self) -> bool:
        return len(self.rows) >= MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one source tells. `acted_on`: its rows that have actions; they are offered as they are legal."""

    sections: tuple[Section, ...] = ()
    moments: tuple[Moment, ...] = ()
    links: tuple[tuple[str, str], ...] = ()  # label, URL
    acted_on: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierSource:
    """`build(subject=…, now=…)` is called for staff who have the permission; `names(order_id=…)` before, for all."""

    permission: str
    build: Callable[..., Part]
    names: Callable[..., Sequence[str]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    sections: tuple[Section, ...]
    moments: tuple[Moment, ...]  # oldest first
    links: tuple[tuple[str, str], ...]
    offers: tuple[tuple[Any, Any, str], ...]  # row, action, URL
    as_of: datetime


def dossier_for(request: HttpRequest, subject: OrderSubject) -> Dossier:
    """All that this user may see of the order, now."""
    sources: list[DossierSource] = [import_string(dotted) for dotted in ORDER_TRAILS]
    names = [name for source in sources if source.names for name in source.names(order_id=subject.order_id)]
    named = replace(subject, names=(f"order:{subject.order_id}", *names))
    now = timezone.now()
    parts = [source.build(subject=named, now=now) for source in sources if request.user.has_perm(source.permission)]
    return Dossier(
        sections=tuple(sorted((one for part in parts for one in part.sections), key=lambda section: section.rank)),
        moments=tuple(sorted((one for part in parts for one in part.moments), key=lambda moment: moment.at)),
        links=tuple(link for part in parts for link in part.links),
        offers=tuple(
            (row, action, url) for part in parts for row in part.acted_on for action, url in offers_for(request, row)
        ),
        as_of=now,
    )


def vendor_url(template: str, vendor_id: str) -> str:
    """A vendor's own page of an object; "" where no template is set or there is no id."""
    return template.replace("{id}", quote(vendor_id, safe="")) if template and vendor_id else ""
