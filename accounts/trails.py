"""All that accounts has of one customer, for their own data export."""

from __future__ import annotations

from typing import Any

from accounts.models import (
    ApiSession,
    ApiToken,
    Consent,
    Customer,
    DataExport,
    DeletionRequest,
    LimitUse,
    SignInChallenge,
    Wallet,
)


def person_trail(*, customer: Customer) -> dict[str, Any]:
    """As JSON is made of it, but for times, days and amounts, which are themselves. Without the tax id's digits.

    What is left out, and why, is in docs/customers.md: holds and staff's reasons, and the provider's raw notifications.
    """
    return {
        "login": _login(customer),
        "profile": _profile(customer),
        "identity_check": _identity_check(customer),
        "wallets": list(Wallet.objects.filter(customer=customer).order_by("pk").values(*_WALLET)),
        "consents": [_consent(row) for row in _consents(customer)],
        "limit_uses": list(LimitUse.objects.filter(customer=customer).order_by("pk").values(*_LIMIT_USE)),
        "api_tokens": list(ApiToken.objects.filter(user=customer.user).order_by("pk").values(*_TOKEN)),
        "api_sessions": list(ApiSession.objects.filter(user=customer.user).order_by("created_at").values(*_SESSION)),
        "webhook_endpoints": list(customer.webhook_endpoints.order_by("created_at", "pk").values(*_ENDPOINT)),
        "deletion_requests": [_deletion(row) for row in _deletions(customer)],
        "earlier_exports": list(DataExport.objects.filter(customer=customer).order_by("pk").values(*_EXPORT)),
    }


_WALLET = ("address", "created_at", "proven_at")
_LIMIT_USE = ("order_id", "kind", "day", "amount_usd", "at")
_SESSION = ("address", "created_at", "expires_at", "revoked_at", "revoked_because")
_TOKEN = ("name", "prefix", "created_at", "expires_at", "revoked_at")
_ENDPOINT = ("url", "description", "event_types", "status", "created_at")
_EXPORT = ("at", "sha256", "size_bytes")


def _login(customer: Customer) -> dict[str, Any]:
    user = customer.user
    addresses = list(Wallet.objects.filter(customer=customer).values_list("address", flat=True))
    proofs = SignInChallenge.objects.filter(address__in=addresses, used_at__isnull=False).order_by("used_at")
    return {
        "username": user.username,
        "email": user.email,
        "date_joined": user.date_joined,
        "last_login": user.last_login,
        "wallet_proofs_of_the_last_days": list(proofs.values("address", "used_at")),
    }


def _profile(customer: Customer) -> dict[str, Any]:
    return {
        "customer_id": customer.pk,
        "full_name": customer.full_name,
        "email": customer.email,
        "email_confirmed_at": customer.email_confirmed_at,
        "country": customer.country,
        "language": customer.language,
        "tier_level": customer.tier_level,
        "created_at": customer.created_at,
        "submitted_at": customer.submitted_at,
    }


def _identity_check(customer: Customer) -> dict[str, Any]:
    return {
        "status": customer.status,
        "provider": customer.kyc_provider,
        "applicant_id": customer.kyc_applicant_id,
        "reject_kind": customer.kyc_reject_kind,
        "sentence": customer.kyc_sentence,
        "steps": list(customer.events.order_by("sequence").values("sequence", "to_status", "at")),
    }


def _consents(customer: Customer) -> list[Consent]:
    return list(Consent.objects.select_related("disclosure").filter(customer=customer).order_by("pk"))


def _consent(row: Consent) -> dict[str, Any]:
    text = row.disclosure
    return {
        "kind": text.kind,
        "version": text.version,
        "language": text.language,
        "text": text.text,
        "sha256": row.sha256,
        "ip_digest": row.ip_digest,
        "at": row.at,
    }


def _deletions(customer: Customer) -> list[DeletionRequest]:
    return list(DeletionRequest.objects.filter(customer=customer).order_by("created_at"))


def _deletion(row: DeletionRequest) -> dict[str, Any]:
    return {
        "status": row.status,
        "reason": row.reason,
        "sentence": row.sentence,
        "requested_at": row.created_at,
        "updated_at": row.updated_at,
    }
