"""API keys: made, replaced, ended. A key is returned once; 256 random bits, so a fast hash of it is safe to store."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.errors import ApiKeyInvalid, ApiKeyUnknown
from accounts.models import ApiToken, User
from accounts.selectors import token_digest
from accounts.services.auditing import record_audit
from agora.lib import log
from agora.lib.api import scopes as known_scopes

logger = log.get(__name__)

GRACE = timedelta(hours=24)  # that a replaced key still works, so that it can be exchanged without a gap
USE_EVERY = timedelta(minutes=10)  # how coarse `last_used_at` is: not a write a request
PREFIX = 20  # characters of a key that are shown


@transaction.atomic
def issue_api_token(
    *,
    user: User,
    name: str,
    now: datetime,
    expires_at: datetime | None = None,
    scopes: Sequence[str] = known_scopes.ALL,
    allowed_networks: Sequence[str] = (),
    requests_per_minute: int | None = None,
    actor: str = "system",
) -> str:
    """A new key of a login. `allowed_networks` in CIDR form; none: from anywhere. Raises ApiKeyInvalid."""
    key = f"agora_{mode_mark()}_{secrets.token_urlsafe(32)}"
    row = ApiToken(
        user=user,
        name=name.strip(),
        prefix=key[:PREFIX],
        digest=token_digest(key),
        scopes=_checked_scopes(scopes),
        allowed_networks=_checked_networks(allowed_networks),
        requests_per_minute=requests_per_minute,
        created_at=now,
        expires_at=expires_at,
    )
    if not row.name or len(row.name) > 100:
        raise ApiKeyInvalid("Give the key a name of at most 100 characters.")
    row.save(force_insert=True)
    until = expires_at.isoformat() if expires_at else ""
    after = {"of": f"user:{user.pk}", "prefix": row.prefix, "scopes": " ".join(row.scopes), "until": until}
    record_audit(actor=actor, action="token.issue", subject=f"token:{row.pk}", after=after, now=now)
    logger.info("api key issued", key=row.pk, user=user.pk, scopes=row.scopes)
    return key


@transaction.atomic
def rotate_api_token(*, user: User, token_id: int, now: datetime, grace: timedelta = GRACE) -> str:
    """A new key like this one of theirs, which ends after `grace`. Raises ApiKeyUnknown."""
    old = ApiToken.objects.select_for_update().filter(pk=token_id, user=user, revoked_at=None).first()
    if old is None or (old.expires_at and old.expires_at <= now):
        raise ApiKeyUnknown("There is no such live key. List your keys, or make a new one.")
    key = issue_api_token(
        user=user,
        name=old.name,
        now=now,
        expires_at=now + (old.expires_at - old.created_at) if old.expires_at else None,
        scopes=old.scopes,
        allowed_networks=old.allowed_networks,
        requests_per_minute=old.requests_per_minute,
    )
    old.expires_at = min(old.expires_at, now + grace) if old.expires_at else now + grace
    old.save(update_fields=["expires_at"])
    return key


@transaction.atomic
def revoke_api_token(*, token_id: int, actor: str, now: datetime, reason: str = "", user: User | None = None) -> bool:
    """End a key at once and for good; False if it had ended already. `user`: only if it is theirs."""
    rows = ApiToken.objects.filter(pk=token_id, revoked_at=None)
    revoked = (rows.filter(user=user) if user else rows).update(revoked_at=now)
    logger.warning("api token revoked", token=token_id, actor=actor, was_live=bool(revoked))
    if revoked:
        subject = f"token:{token_id}"
        record_audit(actor=actor, action="token.revoke", subject=subject, reason=reason, now=now)
    return bool(revoked)


def note_use(*, token: ApiToken, now: datetime) -> None:
    """Remember that a key was used, to within ten minutes."""
    since = now - USE_EVERY
    if token.last_used_at is None or token.last_used_at < since:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=since)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


def mode_mark() -> str:
    """What stands in a key: a sandbox's key is of no use anywhere else, nor the other way round."""
    return "test" if settings.AGORA_MODE == "sandbox" else "live"


def _checked_scopes(scopes: Sequence[str]) -> list[str]:
    if unknown := sorted(set(scopes) - set(known_scopes.ALL)):
        raise ApiKeyInvalid(f"Unknown scopes: {', '.join(unknown)}. Known are {', '.join(known_scopes.ALL)}.")
    if not scopes:
        raise ApiKeyInvalid("Give the key one scope at least.")
    return [scope for scope in known_scopes.ALL if scope in scopes]


def _checked_networks(networks: Sequence[str]) -> list[str]:
    try:
        return [str(ipaddress.ip_network(network.strip())) for network in networks]
    except ValueError as problem:
        raise ApiKeyInvalid(f"{problem}. Give networks as 203.0.113.0/24, single addresses without a slash.") from None
