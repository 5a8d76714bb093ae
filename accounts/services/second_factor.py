"""Staff's second factor: a TOTP device (RFC 6238), one a login, by django-otp, which slows guessing down itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.errors import SecondFactorExists, SecondFactorInvalid
from accounts.models import User
from accounts.services.auditing import record_audit

NAME = "authenticator"
WRONG = "Type the six digits that your app shows now. Each code works once."


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What an authenticator app needs. It lives in the browser's session until the first right code."""

    key: str  # hex, to be kept in the session and given back
    uri: str  # otpauth://totp/…
    secret: str  # base32, to be typed where no camera is


def has_second_factor(*, user: User) -> bool:
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def begin_second_factor(*, user: User, key: str = "") -> Enrolment:
    """The secret that this browser was shown before (`key`), or a new one. Raises SecondFactorExists.

    Nothing is kept of it here: whoever looked at this page with a stolen password does not know the owner's secret.
    """
    if has_second_factor(user=user):
        raise SecondFactorExists("Ask an administrator to take the old one away first.")
    device = TOTPDevice(user=user, name=NAME, **({"key": key} if key else {}))
    uri = device.config_url
    return Enrolment(key=device.key, uri=uri, secret=uri.partition("secret=")[2].partition("&")[0])


@transaction.atomic
def add_second_factor(*, user: User) -> str:
    """A confirmed device, without anybody scanning anything: its otpauth:// URI. For the sandbox and tests."""
    TOTPDevice.objects.filter(user=user).delete()
    return str(TOTPDevice.objects.create(user=user, name=NAME, confirmed=True).config_url)


def current_code(*, username: str, now: datetime) -> str:
    """What the login's authenticator app would show. For the sandbox and tests. Raises TOTPDevice.DoesNotExist."""
    device = TOTPDevice.objects.get(user__username=username)
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = now.timestamp()
    return f"{totp.token():0{device.digits}d}"


@transaction.atomic
def confirm_second_factor(*, user: User, key: str, code: str, now: datetime) -> TOTPDevice:
    """The device is theirs from the first right code on. Raises SecondFactorExists, SecondFactorInvalid."""
    User.objects.select_for_update().get(pk=user.pk)  # two browsers at once make one
    if has_second_factor(user=user):
        raise SecondFactorExists("Sign in with the second factor that there is.")
    device = TOTPDevice.objects.create(user=user, name=NAME, key=key, confirmed=True)
    if not device.verify_token("".join(code.split())):
        device.delete()
        raise SecondFactorInvalid(WRONG)
    _record(user, "login.second_factor_set", actor=f"staff:{user.pk}", now=now)
    return device


def check_second_factor(*, user: User, code: str) -> TOTPDevice:
    """The device whose code this is; each code works once. Raises SecondFactorInvalid."""
    return _verify(user, code)


@transaction.atomic
def reset_second_factor(*, user: User, actor: str, reason: str, now: datetime) -> None:
    """Take a login's second factor away: they set a new one when they sign in next, and are signed out until then."""
    gone, _ = TOTPDevice.objects.filter(user=user).delete()
    before = {"second_factor": "set" if gone else "none"}
    _record(user, "login.second_factor_reset", actor=actor, now=now, reason=reason, before=before)


def _verify(user: User, code: str) -> TOTPDevice:
    """One try at a time, and its count is kept when it fails: the row is locked, and committed before we refuse."""
    with transaction.atomic():
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=True).first()
        if device is None:
            raise SecondFactorInvalid("This login has no second factor yet.")
        is_allowed, _ = device.verify_is_allowed()
        is_right = is_allowed and device.verify_token("".join(code.split()))
    if not is_allowed:
        wait = 2 ** (device.throttling_failure_count - 1)
        raise SecondFactorInvalid(f"Too many wrong codes. Wait {wait} seconds after the last one, then try again.")
    if not is_right:
        raise SecondFactorInvalid(WRONG)
    return device


def _record(
    user: User, action: str, *, actor: str, now: datetime, reason: str = "", before: dict[str, str] | None = None
) -> None:
    record_audit(actor=actor, action=action, subject=f"user:{user.pk}", now=now, reason=reason, before=before)
