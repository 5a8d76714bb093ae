"""Wallets that sign, browsers that sign in, and customers who have told us who they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.test import Client
from django.utils import timezone
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from accounts.models import Customer, User
from accounts.selectors import current_disclosures
from accounts.services import confirm_email, publish_disclosures, register_customer, submit_profile
from accounts.services.mailing import confirmation_token

CPF, CPF_2, RUC = "529.982.247-25", "111.444.777-35", "80028061-0"


@dataclass
class Browser:
    """A visitor with cookies of their own and one wallet."""

    client: Client
    wallet: LocalAccount

    def challenge(self, address: str = "", chain_id: int | None = None) -> Any:
        body = {"address": address or self.wallet.address, "chain_id": chain_id or settings.CHAIN_ID}
        return self.client.post("/auth/wallet/challenge", body, content_type="application/json")

    def text(self) -> str:
        answer = self.challenge()
        assert answer.status_code == 200, answer.content
        return str(answer.json()["text"])

    def verify(self, signature: str, **more: Any) -> Any:
        body = {"signature": signature, **more}
        return self.client.post("/auth/wallet/verify", body, content_type="application/json")

    def sign_in(self) -> Any:
        return self.verify(sign(self.wallet, self.text()))

    @property
    def user_id(self) -> str | None:
        return self.client.session.get("_auth_user_id")


def browser(wallet: LocalAccount | None = None) -> Browser:
    return Browser(Client(), wallet or Account.create())


def sign(wallet: LocalAccount, text: str) -> str:
    return "0x" + wallet.sign_message(encode_defunct(text=text)).signature.hex().removeprefix("0x")


def newcomer(name: str = "ana") -> Customer:
    user = User.objects.create_user(name)
    return register_customer(user=user, full_name="", country="", now=timezone.now())


def apply(customer: Customer, **changes: Any) -> Customer:
    """Submit a complete application; `changes` replace ours."""
    publish_disclosures(now=timezone.now())
    ours: dict[str, Any] = {
        "full_name": "Ana Souza",
        "email": "ana@example.com",
        "country": "BR",
        "tax_id": CPF,
        "accepted": [text.pk for text in current_disclosures(language="pt-br")],
        "ip": "203.0.113.7",
        "now": timezone.now(),
    }
    return submit_profile(customer=customer, **{**ours, **changes})


def applicant(name: str = "ana", **changes: Any) -> Customer:
    """Somebody whose application is complete and whose e-mail is confirmed."""
    customer = apply(newcomer(name), **changes)
    return confirm_email(token=confirmation_token(customer=customer), now=timezone.now())
