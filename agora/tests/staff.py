"""Staff who are signed in, with their second factor, and whichever permissions or group a test is about."""

from __future__ import annotations

from datetime import datetime

import django_otp
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import User
from accounts.services import add_second_factor, set_login, sync_groups
from agora.lib.second_factor import SESSION_KEY

STAFF_PASSWORD = "correct horse battery staple"


def new_staff(name: str = "root", *, group: str = "", permissions: tuple[str, ...] = ()) -> User:
    """A login of the group with exactly these permissions beside; a superuser if neither is given."""
    sync_groups()
    user = set_login(username=name, password=STAFF_PASSWORD, is_superuser=not group and not permissions, group=group)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    for label in permissions:
        app, _, codename = label.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    add_second_factor(user=user)
    return User.objects.get(pk=user.pk)


def console_of(user: User, *, second_factor_at: datetime | None = None) -> Client:
    """A browser in which this login has given password and second factor, a moment ago unless told otherwise."""
    client = Client()
    client.force_login(user)
    session = client.session
    session[django_otp.DEVICE_ID_SESSION_KEY] = TOTPDevice.objects.get(user=user).persistent_id
    session[SESSION_KEY] = (second_factor_at or timezone.now()).timestamp()
    session.save()
    return client
