"""Signing in with a wallet: a text of ours, signed once, in the browser session that asked for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from eth_utils.address import is_hex_address, to_checksum_address

from accounts import contract_wallets, siwe
from accounts.errors import (
    ChainNotSupported,
    ChainUnavailable,
    ChallengeExpired,
    ChallengeUnknown,
    ChallengeUsed,
    LoginDisabled,
    NotACustomer,
    SignatureInvalid,
    WalletTaken,
)
from accounts.models import Customer, SignInChallenge, User, Wallet
from accounts.selectors import check_address
from accounts.services.people import register_customer
from agora.lib import log
from agora.lib.errors import Unavailable

logger = log.get(__name__)

GOOD_FOR = timedelta(minutes=5)
KEPT_FOR = timedelta(days=7)
STATEMENT = "Sign in to Agora. This costs nothing and moves nothing."
STATEMENT_ADD = "Add this wallet to your Agora account. This costs nothing and moves nothing."


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    user: User
    customer: Customer
    address: str


def issue_challenge(
    *, address: str, chain_id: int, origin: str, session_key: str, user: User | None, now: datetime
) -> str:
    """The text for this address to sign in this session, kept until it is used or five minutes are over.

    `origin` is where the visitor is: "https://agora.example". `user` is who is signed in already: a wallet is added.
    Raises WalletChecksumInvalid, ChainNotSupported.
    """
    address = _checksummed(address)
    if chain_id != settings.CHAIN_ID:
        network = {"name": settings.CHAIN_NAME, "id": settings.CHAIN_ID}
        raise ChainNotSupported(_("Switch your wallet to %(name)s (network %(id)s).") % network)
    now = now.replace(microsecond=0)  # as the text says it
    message = siwe.Message(
        domain=urlsplit(origin).netloc,
        address=address,
        statement=STATEMENT_ADD if user else STATEMENT,
        uri=f"{origin}/sign-in/",
        chain_id=chain_id,
        nonce=siwe.new_nonce(),
        issued_at=now,
        expires_at=now + GOOD_FOR,
    )
    text = message.render()
    SignInChallenge.objects.create(
        nonce=message.nonce,
        text=text,
        address=address,
        session_digest=_session_digest(session_key),
        user=user,
        created_at=message.issued_at,
        expires_at=message.expires_at,
    )
    return text


def redeem_challenge(*, signature: str, session_key: str, user: User | None, now: datetime) -> SignedIn:
    """Whose signature this is of the session's latest text: their login, made if the wallet is new.

    The text is used up first, by whatever answer. Raises ChallengeUnknown, ChallengeUsed, ChallengeExpired,
    SignatureInvalid, ChainUnavailable, WalletTaken, NotACustomer, LoginDisabled.
    """
    challenge = _claim(session_key=session_key, user=user, now=now)
    _check_signature(challenge, signature)
    customer = _owner(challenge.address, user, now)
    logger.info("wallet proven", customer=str(customer.pk), added=user is not None)
    return SignedIn(user=customer.user, customer=customer, address=challenge.address)


def prune_challenges(*, now: datetime) -> int:
    """Forget those that are long over; how many."""
    return SignInChallenge.objects.filter(expires_at__lt=now - KEPT_FOR).delete()[0]


def _claim(*, session_key: str, user: User | None, now: datetime) -> SignInChallenge:
    """Take the session's latest text. One of any number of simultaneous claims gets it."""
    challenges = SignInChallenge.objects.filter(session_digest=_session_digest(session_key))
    challenge = challenges.order_by("-created_at", "-pk").first()
    if challenge is None or challenge.user_id != (user.pk if user else None):
        raise ChallengeUnknown(_("Start again, in the browser in which you want to sign in."))
    if challenge.expires_at <= now:
        raise ChallengeExpired(_("Start again and sign within five minutes."))
    if not SignInChallenge.objects.filter(pk=challenge.pk, used_at=None).update(used_at=now):
        raise ChallengeUsed(_("Start again: each text can be signed and used once."))
    return challenge


def _check_signature(challenge: SignInChallenge, signature: str) -> None:
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        raise SignatureInvalid(_("The wallet sent something that is not a signature. Start again.")) from None
    try:
        if siwe.recover(text=challenge.text, signature=raw) == challenge.address:
            return
    except siwe.SignatureMalformed as problem:
        logger.info("not a key's signature", challenge=str(challenge.pk), problem=str(problem))
    try:
        accepted = contract_wallets.accepts(
            address=challenge.address, digest=siwe.digest(challenge.text), signature=raw
        )
    except Unavailable as trouble:
        raise ChainUnavailable(_("We could not ask the network about this wallet. Try again in a moment.")) from trouble
    if not accepted:
        raise SignatureInvalid(_("It was not signed by the wallet you chose. Choose it again and sign."))


def _owner(address: str, user: User | None, now: datetime) -> Customer:
    """The customer of a proven wallet, which is theirs from now on."""
    for _try in range(2):  # a second browser may have bound it a moment ago
        known = Wallet.objects.select_related("customer__user").filter(address=address).first()
        if known:
            return _owner_of(known, user, now)
        try:
            with transaction.atomic():
                owner = _customer_for(user, now)
                Wallet.objects.create(customer=owner, address=address, created_at=now, proven_at=now)
        except IntegrityError:
            continue
        return owner
    raise WalletTaken(_("This wallet is being registered elsewhere. Start again."))


def _owner_of(wallet: Wallet, user: User | None, now: datetime) -> Customer:
    owner = wallet.customer
    if user is not None and owner.user_id != user.pk:
        raise WalletTaken(_("Use another wallet, or sign out and sign in with this one."))
    if not owner.user.is_active:
        raise LoginDisabled(_("Write to support: this login was disabled."))
    Wallet.objects.filter(pk=wallet.pk, proven_at=None).update(proven_at=now)
    return owner


def _customer_for(user: User | None, now: datetime) -> Customer:
    if user is None:
        user = User(username=f"customer-{uuid4().hex}")
        user.set_unusable_password()
        user.save()
    elif user.is_staff:
        raise NotACustomer(_("Staff logins have no wallet. Sign out first."))
    return register_customer(user=user, full_name="", country="", now=now)


def _checksummed(address: str) -> str:
    """Wallets may give an address in one case, which carries no checksum; a mixed one must be right."""
    if is_hex_address(address) and address[2:] in (address[2:].lower(), address[2:].upper()):
        return to_checksum_address(address)
    check_address(address)
    return address


def _session_digest(session_key: str) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest()
