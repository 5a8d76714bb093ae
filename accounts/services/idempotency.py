"""Idempotency keys: the first request of a key runs, the others get its answer.

A request claims its key (committed), runs, and keeps its answer (committed). Killed in between, the claim lapses and
the next request of that key runs: what it calls must itself be idempotent. Only answers that changed something (2xx)
are kept; a refusal wrote nothing, so its key is free again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import connection

from accounts.models import IdempotentRequest
from agora.lib.api.idempotency import IdempotencyInFlight, IdempotencyKeyReused

KEPT_FOR = timedelta(hours=72)
LEASE = timedelta(seconds=60)  # longer than any request may take (gunicorn ends one sooner)

# A key that nobody has, that a dead request left behind, or that is older than we promise.
_CLAIM = """
    INSERT INTO accounts_idempotentrequest AS known
        (caller, method, path, key, fingerprint, claim, claimed_until, created_at, status, headers, body)
    VALUES (%(caller)s, %(method)s, %(path)s, %(key)s, %(fingerprint)s, %(claim)s, %(until)s, %(now)s, NULL, '{}', '')
    ON CONFLICT ON CONSTRAINT idempotent_request_once DO UPDATE SET
        fingerprint = excluded.fingerprint, claim = excluded.claim, claimed_until = excluded.claimed_until,
        created_at = CASE WHEN known.created_at < %(oldest)s THEN excluded.created_at ELSE known.created_at END,
        status = NULL, headers = '{}', body = ''
    WHERE known.created_at < %(oldest)s
       OR (known.status IS NULL AND known.claimed_until <= %(now)s AND known.fingerprint = excluded.fingerprint)
    RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """It is this request's turn."""

    row_id: int
    token: UUID


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


def claim_key(
    *, caller: str, method: str, path: str, key: str, fingerprint: str, now: datetime
) -> Claim | StoredAnswer:
    """This request's turn, or the answer that the first one got.

    Raises IdempotencyKeyReused (another body), IdempotencyInFlight.
    """
    token = uuid4()
    values = {"caller": caller, "method": method, "path": path, "key": key}
    times = {"until": now + LEASE, "oldest": now - KEPT_FOR, "now": now}
    for _ in range(3):
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, {**values, **times, "fingerprint": fingerprint, "claim": token})
            mine = cursor.fetchone()
        if mine:
            return Claim(mine[0], token)
        known = IdempotentRequest.objects.filter(**values).first()
        if known is None:  # released in between: its request was refused
            continue
        if known.fingerprint != fingerprint:
            raise IdempotencyKeyReused("It was sent with another body. Use a new key for a new request.")
        if known.status is not None:
            return StoredAnswer(known.status, known.body, known.headers)
        break
    raise IdempotencyInFlight("Wait a second, then send the same request again: you will get the first one's answer.")


def keep_answer(*, claim: Claim, answer: StoredAnswer) -> None:
    """Keep the answer of a request whose claim still stands."""
    rows = IdempotentRequest.objects.filter(pk=claim.row_id, claim=claim.token, status=None)
    rows.update(status=answer.status, body=answer.body, headers=answer.headers)


def release_key(*, claim: Claim) -> None:
    """The request changed nothing: its key may be used again."""
    IdempotentRequest.objects.filter(pk=claim.row_id, claim=claim.token, status=None).delete()


def prune_idempotency_keys(*, now: datetime) -> int:
    return IdempotentRequest.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]
