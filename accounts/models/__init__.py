"""Who, and what they may do. Private to this app: others call its services and selectors."""

from accounts.models.cases import Case, CaseEvent, MonitoringRule
from accounts.models.limits import LimitDay, LimitUse, Tier
from accounts.models.notifications import (
    PublicEvent,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEndpointEvent,
)
from accounts.models.onboarding import Consent, Disclosure, KycMessage
from accounts.models.people import ApiToken, Customer, CustomerEvent, Hold, User, Wallet
from accounts.models.privacy import DataExport, DeletionEvent, DeletionRequest
from accounts.models.signin import SignInChallenge

__all__ = [
    "ApiToken",
    "Case",
    "CaseEvent",
    "Consent",
    "Customer",
    "CustomerEvent",
    "DataExport",
    "DeletionEvent",
    "DeletionRequest",
    "Disclosure",
    "Hold",
    "KycMessage",
    "LimitDay",
    "LimitUse",
    "MonitoringRule",
    "PublicEvent",
    "SignInChallenge",
    "Tier",
    "User",
    "Wallet",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEndpointEvent",
]
