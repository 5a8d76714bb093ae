"""Logins, customers, wallets and holds."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.errors import WalletTaken
from accounts.models import Customer, Hold, User, Wallet
from accounts.selectors import check_address
from accounts.services.auditing import is_staff_actor, record_audit
from agora.lib import log, transitions
from agora.roles import ROLES

logger = log.get(__name__)


@transaction.atomic
def set_login(*, username: str, password: str, is_superuser: bool = False, group: str = "") -> User:
    """The login of that name with that password from now on, made if there is none; staff if it has a group."""
    user, _ = User.objects.get_or_create(username=username)
    user.is_superuser = is_superuser
    user.is_staff = is_superuser or bool(group)
    user.set_password(password)
    user.save()
    user.groups.set(Group.objects.filter(name=group))
    if group and not user.groups.exists():
        raise Group.DoesNotExist(group)
    return user


@transaction.atomic
def sync_groups() -> None:
    """Make staff's groups exactly what agora/roles.py says. Permissions are made where migrate has not yet."""
    made = Permission.objects.select_related("content_type")
    known = {f"{one.content_type.app_label}.{one.codename}": one for one in made}
    for name, labels in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set([known.get(label) or _permission(label) for label in labels])


def _permission(label: str) -> Permission:
    """`app.codename`; the model is the codename's last part. Its words are Django's until `migrate` has its own."""
    app, _, codename = label.partition(".")
    content_type, _ = ContentType.objects.get_or_create(app_label=app, model=codename.rpartition("_")[2])
    defaults = {"name": f"Can {codename.replace('_', ' ')}"}
    return Permission.objects.get_or_create(content_type=content_type, codename=codename, defaults=defaults)[0]


def has_login(*, username: str) -> bool:
    return User.objects.filter(username=username).exists()


@transaction.atomic
def register_customer(*, user: User, full_name: str, country: str, now: datetime) -> Customer:
    """The customer of a login, PENDING; the one there is, unchanged, if there is one."""
    user = User.objects.select_for_update().get(pk=user.pk)  # two of us at once make one
    known = Customer.objects.filter(user=user).first()
    if known:
        return known
    customer = Customer(user=user, full_name=full_name, country=country)
    transitions.start(customer, actor=f"user:{user.pk}", now=now)
    return customer


def bind_wallet(*, customer: Customer, address: str, now: datetime) -> Wallet:
    """Bind an EIP-55 checksummed address. Raises WalletChecksumInvalid, WalletTaken."""
    check_address(address)
    try:
        with transaction.atomic():
            return Wallet.objects.create(customer=customer, address=address, created_at=now)
    except IntegrityError:
        wallet = Wallet.objects.get(address=address)
        if wallet.customer_id != customer.pk:
            raise WalletTaken(_("Use another wallet, or write to support if this one is yours.")) from None
        return wallet


@transaction.atomic
def place_hold(*, subject: str, owner: str, reason: str, now: datetime, until: datetime | None = None) -> Hold:
    """Add an owner's hold on a subject; the one they already have there, if any, stays as it is.

    One that ran out does not count: it is released as of its end.
    """
    over = Hold.objects.filter(subject=subject, owner=owner, released_at=None, until__lte=now)
    over.update(released_at=F("until"), released_by="expiry")
    hold, created = Hold.objects.get_or_create(
        subject=subject,
        owner=owner,
        released_at=None,
        defaults={"reason": reason, "placed_at": now, "until": until},
    )
    if created:
        logger.warning("hold placed", subject=subject, owner=owner, reason=reason)
        if is_staff_actor(owner):
            after = {"until": until.isoformat() if until else ""}
            record_audit(actor=owner, action="hold.place", subject=subject, after=after, reason=reason, now=now)
    return hold


@transaction.atomic
def hold_once(*, subject: str, owner: str, reason: str, now: datetime) -> Hold | None:
    """Place a hold of which the owner's name is the cause, unless it was placed there before; None: it was.

    For a machine that meets the same cause again and again: what people released stays released.
    """
    if Hold.objects.filter(subject=subject, owner=owner).exists():
        return None
    return place_hold(subject=subject, owner=owner, reason=reason, now=now)


@transaction.atomic
def release_hold(*, subject: str, owner: str, actor: str, now: datetime, reason: str = "") -> bool:
    """Release an owner's hold; False if they have none there."""
    released = Hold.objects.filter(subject=subject, owner=owner, released_at=None).update(
        released_at=now, released_by=actor
    )
    if released and is_staff_actor(actor):
        before = {"owner": owner}
        record_audit(actor=actor, action="hold.release", subject=subject, before=before, reason=reason, now=now)
    return bool(released)
