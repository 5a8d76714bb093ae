"""Event rows → state: a row's moves walked again from its first, and what comes of it beside what is stored.

Knows no app: each app's `replaying.py` says what its events tell beside the status.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from agora.lib.statemachine import Moves

BATCH = 500  # rows in memory, with their events


@dataclass(frozen=True, slots=True)
class Difference:
    """`field` of a row as its facts have it, and as it is stored; of field `events`: what is wrong with them."""

    kind: str
    row_id: UUID
    field: str
    replayed: str
    stored: str


@dataclass(slots=True)
class Replay:
    status: str = ""
    version: int = 0
    told: dict[str, Any] = field(default_factory=dict)  # column → what the events last said of it
    faults: list[str] = field(default_factory=list)


def walk(events: Iterable[Any], *, moves: Moves, tells: Mapping[str, Mapping[str, str]] | None = None) -> Replay:
    """Walk the moves in their sequence. `tells`: status → column → the key of its event's data that says it."""
    replay = Replay()
    for event in events:
        step = f"{event.sequence}: {event.from_status or '·'} → {event.to_status}"
        if event.sequence != replay.version + 1:
            replay.faults.append(f"{step} after {replay.version}")
        if event.from_status != replay.status:
            replay.faults.append(f"{step} from {replay.status or '·'}")
        if event.from_status and event.to_status not in moves.get(event.from_status, frozenset()):
            replay.faults.append(f"{step} is no move")
        replay.status, replay.version = event.to_status, event.sequence
        for column, key in (tells or {}).get(event.to_status, {}).items():
            replay.told[column] = event.data.get(key)
    return replay


def replay_rows(
    rows: Collection[Any], *, kind: str, tells: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[dict[UUID, Replay], list[Difference]]:
    """Each row's replay, and how the rows differ from theirs; two queries for all of them."""
    if not rows:
        return {}, []
    model = type(next(iter(rows)))
    subject = model.events.field
    events: dict[UUID, list[Any]] = defaultdict(list)
    for event in subject.model.objects.filter(**{f"{subject.name}__in": rows}).order_by("sequence"):
        events[getattr(event, subject.attname)].append(event)
    replays = {row.pk: walk(events[row.pk], moves=row.MOVES, tells=tells) for row in rows}
    return replays, [found for row in rows for found in _differences(kind, row, replays[row.pk])]


def compare(kind: str, row: Any, **facts: Any) -> list[Difference]:
    """Where the row's columns are not these."""
    return [
        Difference(kind, row.pk, column, str(fact), str(getattr(row, column)))
        for column, fact in facts.items()
        if getattr(row, column) != fact
    ]


def batches(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """Some at a time, by a cursor of the server's: memory does not grow with the table."""
    batch: list[Any] = []
    for row in rows.order_by("pk").iterator(chunk_size=BATCH):
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _differences(kind: str, row: Any, replay: Replay) -> list[Difference]:
    faults = [Difference(kind, row.pk, "events", fault, "") for fault in replay.faults]
    return faults + compare(kind, row, status=replay.status, version=replay.version, **replay.told)
