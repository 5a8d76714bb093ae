"""Who with power did what, why, and what it changed. Append-only, and sealed into a chain of hashes."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from agora.lib.ids import new_id
from agora.lib.statemachine import append_only

_NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'agora: % is never emptied', TG_TABLE_NAME;",
)


class AuditEntry(models.Model):
    """One act. It enters unsealed, in the transaction of the act; the sealer gives it its place, once.

    `before` and `after` are canonical JSON of texts, masked: nothing personal is in them.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    position = models.PositiveBigIntegerField(
        null=True, blank=True, unique=True
    )  # from 1, gapless, in order of sealing
    at = models.DateTimeField()
    actor = models.CharField(max_length=64)  # staff:7, user:3, system
    action = models.CharField(max_length=64)  # customer.approve
    subject = models.CharField(max_length=120)  # customer:<uuid>
    before = models.TextField()
    after = models.TextField()
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    ip_digest = models.CharField(max_length=64, blank=True)  # keyed: it can be compared, not read

    class Meta:
        verbose_name_plural = "audit entries"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(actor="") & ~Q(action="") & ~Q(subject=""), name="audit_says_who_what_whom"
            ),
            models.CheckConstraint(condition=Q(position=None) | Q(position__gt=0), name="audit_position_from_one"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["at"], condition=Q(position=None), name="audit_unsealed"),
            models.Index(fields=["subject", "-at"], name="audit_of_subject"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="placed_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func=pgtrigger.Func("""
                    IF OLD.position IS NULL AND NEW.position IS NOT NULL
                       AND to_jsonb(OLD) - 'position' = to_jsonb(NEW) - 'position' THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'agora: an audit entry is never changed';
                """),
            ),
            pgtrigger.Protect(
                name="enters_unsealed",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Q(new__position__isnull=False),
            ),
            _NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class AuditSeal(models.Model):
    """A batch of entries, hashed with the seal before it: whoever changes one must change all that follow."""

    sequence = models.PositiveBigIntegerField(primary_key=True)  # from 1, gapless
    first_position = models.PositiveBigIntegerField()
    last_position = models.PositiveBigIntegerField()
    sealed_at = models.DateTimeField()
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(sequence__gt=0, first_position__gt=0, last_position__gte=F("first_position")),
                name="audit_seal_holds_something",
            ),
            models.CheckConstraint(
                condition=Q(hash__regex=r"^[0-9a-f]{64}$", previous_hash__regex=r"^[0-9a-f]{64}$"),
                name="audit_seal_hash_shape",
            ),
        ]
        triggers: ClassVar = [*append_only(), _NO_TRUNCATE]

    def __str__(self) -> str:
        return f"seal {self.sequence}"
