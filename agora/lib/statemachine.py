"""Rows that walk a state machine, and the append-only event rows that say how they walked.

Abstract models and triggers only. A status changes in one place, `agora.lib.transitions`; the database refuses the
rest: a move that is not in the table, a first status other than the initial one, a status that is not its last
event's, an event changed or deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

import pgtrigger
from django.db import models

from agora.lib.ids import new_id

Moves = Mapping[str, frozenset[str]]


class Stateful(models.Model):
    """A row with a status, a version (its number of moves) and the time at which a sweep may nudge it."""

    MOVES: ClassVar[Moves] = {}
    EMITS: ClassVar[Mapping[str, str]] = {}  # status reached → event of agora/pipeline.py

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        abstract = True

    @property
    def about_order(self) -> UUID | None:
        """The order that this row is a part of: under whose id its moves are logged and traced."""
        return getattr(self, "order_id", None)


class StateEvent(models.Model):
    """One move of one row: the sequence is the row's version, from 1, without a gap."""

    sequence = models.PositiveIntegerField()
    from_status = models.CharField(max_length=24, blank=True)
    to_status = models.CharField(max_length=24)
    actor = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()

    class Meta:
        abstract = True
        ordering = ("sequence",)


def append_only() -> list[pgtrigger.Trigger]:
    """A fact is never changed: a correction is a new row."""
    return [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


def state_triggers(*, moves: Moves, initial: str, event_table: str, subject_column: str) -> list[pgtrigger.Trigger]:
    """The state machine, as PostgreSQL enforces it."""
    legal = [(str(before), str(after)) for before, afters in sorted(moves.items()) for after in sorted(afters)]
    return [
        pgtrigger.FSM(name="legal_moves", field="status", transitions=legal),
        pgtrigger.Protect(
            name="initial_status", operation=pgtrigger.Insert, condition=pgtrigger.Q(new__status__df=initial)
        ),
        pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
        pgtrigger.Trigger(
            name="status_is_last_event",
            when=pgtrigger.After,
            operation=pgtrigger.Insert | pgtrigger.UpdateOf("status", "version"),
            timing=pgtrigger.Deferred,
            # Read again at commit: a row may move several times in one transaction.
            declare=[("wrong", "BOOLEAN")],
            func=pgtrigger.Func(f"""
                SELECT subject.status IS DISTINCT FROM (
                    SELECT event.to_status FROM {event_table} event
                    WHERE event.{subject_column} = subject.id AND event.sequence = subject.version
                ) INTO wrong
                FROM {{meta.db_table}} subject WHERE subject.id = NEW.id;
                IF wrong THEN
                    RAISE EXCEPTION 'agora: the status of % % is not its last event''s', TG_TABLE_NAME, NEW.id;
                END IF;
                RETURN NULL;
            """),  # noqa: S608 - table names of ours
        ),
    ]


def event_triggers(*, subject_table: str, subject_column: str) -> list[pgtrigger.Trigger]:
    """An event is a fact, and at commit it is one of its row's moves: none stands beyond the row's version."""
    return [
        *append_only(),
        pgtrigger.Trigger(
            name="event_is_a_move",
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            timing=pgtrigger.Deferred,
            declare=[("wrong", "BOOLEAN")],
            func=pgtrigger.Func(f"""
                SELECT subject.version < NEW.sequence INTO wrong
                FROM {subject_table} subject WHERE subject.id = NEW.{subject_column};
                IF wrong THEN
                    RAISE EXCEPTION 'agora: event % of % is beyond its version', NEW.sequence, NEW.{subject_column};
                END IF;
                RETURN NULL;
            """),  # noqa: S608 - table names of ours
        ),
    ]
