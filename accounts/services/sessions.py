"""Sessions of wallets at the API: a short access token, and a refresh token that is exchanged at each use."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts.errors import RefreshTokenInvalid, RefreshTokenReused
from accounts.models import ApiSession, RefreshToken, User
from accounts.selectors import signing_keys, token_digest, token_issuer
from agora.lib import log
from agora.lib.api import jwt, scopes

logger = log.get(__name__)

GOOD_FOR = timedelta(days=30)  # of a session, from the signature on; then the wallet signs again
KEPT_FOR = timedelta(days=30)  # after its end
PREFIX = "agora_rt_"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    access_token: str = field(repr=False)
    expires_in: int  # seconds
    refresh_token: str = field(repr=False)
    refresh_expires_in: int
    scopes: tuple[str, ...]
    customer_id: str


@transaction.atomic
def open_session(*, user: User, address: str, wanted: Sequence[str] = scopes.ALL, now: datetime) -> TokenPair:
    """A session of a login whose wallet has just signed, with at most the scopes it wants."""
    session = ApiSession.objects.create(
        user=user,
        address=address,
        scopes=[scope for scope in scopes.ALL if scope in wanted],
        created_at=now,
        expires_at=now + GOOD_FOR,
    )
    logger.info("api session opened", session=str(session.pk))
    return _pair(session, now)


def refresh_session(*, refresh_token: str, now: datetime) -> TokenPair:
    """The next pair of a session. Of any number of simultaneous uses of one token one gets it, and then all lose.

    Raises RefreshTokenInvalid, and RefreshTokenReused when the token was used before: its session is ended then.
    """
    with transaction.atomic():
        session, token = _lock(refresh_token)
        if session is None or token is None or session.revoked_at or session.expires_at <= now:
            raise RefreshTokenInvalid("The session has ended. Sign in with the wallet again.")
        if token.used_at is None and session.user.is_active:
            RefreshToken.objects.filter(pk=token.pk).update(used_at=now)
            return _pair(session, now)
        _end(session, "REUSED" if token.used_at else "SIGNED_OUT", now)
    # The end is committed before anybody hears of it.
    if token.used_at is None:
        raise RefreshTokenInvalid("This login was disabled. Write to support.")
    logger.warning("refresh token used twice: session ended", session=str(session.pk))
    raise RefreshTokenReused("Somebody used it before you. The session is ended; sign in with the wallet again.")


@transaction.atomic
def end_session(*, refresh_token: str, now: datetime) -> bool:
    """End the session that a refresh token belongs to, used or not; False if there is none or it had ended."""
    session, _ = _lock(refresh_token)
    if session is None or session.revoked_at:
        return False
    _end(session, "SIGNED_OUT", now)
    return True


def prune_sessions(*, now: datetime) -> int:
    """Forget those that are long over; how many."""
    return ApiSession.objects.filter(expires_at__lt=now - KEPT_FOR).delete()[0]


def _lock(refresh_token: str) -> tuple[ApiSession | None, RefreshToken | None]:
    """A token and its session, the session's row locked: what happens to one family happens one after the other."""
    found = RefreshToken.objects.filter(digest=token_digest(refresh_token)).values_list("session_id", flat=True).first()
    if found is None:
        return None, None
    session = ApiSession.objects.select_for_update(of=("self",)).select_related("user").get(pk=found)
    return session, RefreshToken.objects.get(digest=token_digest(refresh_token))


def _end(session: ApiSession, because: str, now: datetime) -> None:
    ApiSession.objects.filter(pk=session.pk, revoked_at=None).update(revoked_at=now, revoked_because=because)


def _pair(session: ApiSession, now: datetime) -> TokenPair:
    refresh_token = PREFIX + secrets.token_urlsafe(32)
    RefreshToken.objects.create(session=session, digest=token_digest(refresh_token), created_at=now)
    customer_id = str(session.user.customer.pk)
    access_token = jwt.sign(
        keys=signing_keys(),
        issuer=token_issuer(),
        audience=settings.JWT_AUDIENCE,
        subject=customer_id,
        scopes=session.scopes,
        session=str(session.pk),
        now=now,
    )
    return TokenPair(
        access_token=access_token,
        expires_in=int(jwt.GOOD_FOR.total_seconds()),
        refresh_token=refresh_token,
        refresh_expires_in=int((session.expires_at - now).total_seconds()),
        scopes=tuple(session.scopes),
        customer_id=customer_id,
    )
