"""The audit log: written in the transaction of the act, sealed within a minute, its heads noted elsewhere."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from accounts import pii
from accounts.audit_chain import GENESIS, canonical
from accounts.audit_log import hash_of, noted_heads
from accounts.errors import ReasonHasTaxId, TaxIdInvalid
from accounts.models import AuditEntry, AuditSeal
from accounts.states import Country
from accounts.tax_ids import normalize
from agora.lib import locks, log
from agora.lib.visitors import current_visit

logger = log.get(__name__)

BATCH = 1000  # entries a seal, at most
LOCK = ("audit", "sealer")
# As people write them; a bare run of digits is taken for a RUC too seldom to forbid it.
_TAX_IDS = {Country.BR: r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", Country.PY: r"\d{4,8}-\d"}


def record_audit(
    *,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
    reason: str = "",
    request_id: str = "",
) -> AuditEntry:
    """Write an act down, in its own transaction. `before` and `after`: what it changed, as masked texts.

    The request's id and a keyed hash of its address are added. Raises ReasonHasTaxId.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"record_audit({action!r}) outside a transaction: it would not be atomic with the act")
    for values in (before or {}, after or {}):
        if not all(isinstance(text, str) for text in (*values, *values.values())):
            raise TypeError(f"record_audit({action!r}): before and after are texts")
    _refuse_tax_ids(reason)
    visit = current_visit()
    entry = AuditEntry.objects.create(
        at=now,
        actor=actor,
        action=action,
        subject=subject,
        before=canonical(before or {}),
        after=canonical(after or {}),
        reason=reason,
        request_id=request_id or visit.request_id,
        ip_digest=pii.index("ip", visit.ip) if visit.ip else "",
    )
    logger.info("audit", entry=str(entry.pk), actor=actor, action=action, subject=subject)
    return entry


def is_staff_actor(actor: str) -> bool:
    """Whether somebody decided this in the console; providers and rules leave their own events."""
    return actor.startswith("staff:")


def seal_audit_log(*, now: datetime) -> int:
    """Seal what is committed and not yet sealed; how many entries. Any number may call it: one does it.

    Entries are found by having no place yet, not by id or time: one whose transaction commits late is sealed late.
    """
    with transaction.atomic():
        if not _try_lock():
            return 0
        entries = list(AuditEntry.objects.filter(position=None).order_by("at", "pk")[:BATCH])
        if entries:
            _seal(entries, now)
    note_audit_heads()
    return len(entries)


def note_audit_heads() -> int:
    """Append the seals that AUDIT_HEADS_FILE does not have yet, oldest first; how many.

    The file is the second place: tables cut short no longer reach what it names. Keep a copy on another machine.
    """
    if not settings.AUDIT_HEADS_FILE:
        return 0
    path = Path(settings.AUDIT_HEADS_FILE)
    with transaction.atomic():
        if not _try_lock():
            return 0
        last = max((head.sequence for head in noted_heads(path)), default=0)
        missing = list(AuditSeal.objects.filter(sequence__gt=last).order_by("sequence"))
        if not missing:
            return 0
        path.parent.mkdir(parents=True, exist_ok=True)
        torn = path.exists() and not path.read_bytes().endswith(b"\n")  # killed while writing: the line is made anew
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
            file.write("\n" * torn + "".join(_noted(seal) for seal in missing))
            file.flush()
            os.fsync(file.fileno())
    return len(missing)


def _seal(entries: list[AuditEntry], now: datetime) -> None:
    last = AuditSeal.objects.order_by("-sequence").first()
    first_position = last.last_position + 1 if last else 1
    for position, entry in enumerate(entries, start=first_position):
        entry.position = position
    AuditEntry.objects.bulk_update(entries, ["position"])
    seal = AuditSeal(
        sequence=last.sequence + 1 if last else 1,
        first_position=first_position,
        last_position=first_position + len(entries) - 1,
        sealed_at=now,
        previous_hash=last.hash if last else GENESIS,
    )
    seal.hash = hash_of(seal, entries)
    seal.save(force_insert=True)
    logger.info("audit sealed", sequence=seal.sequence, entries=seal.last_position, hash=seal.hash)


def _noted(seal: AuditSeal) -> str:
    head = {"sequence": seal.sequence, "last_position": seal.last_position, "hash": seal.hash}
    return json.dumps({**head, "sealed_at": seal.sealed_at.isoformat()}) + "\n"


def _try_lock() -> bool:
    """The sealer's, until the open transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [locks.key(*LOCK)])
        return bool(cursor.fetchone()[0])


def _refuse_tax_ids(reason: str) -> None:
    for country, pattern in _TAX_IDS.items():
        for found in re.findall(rf"(?<!\d)(?:{pattern})(?!\d)", reason):
            try:
                normalize(country=country, text=found)
            except TaxIdInvalid:
                continue
            raise ReasonHasTaxId("Give the reason without the customer's tax id: the log is kept for good.")
