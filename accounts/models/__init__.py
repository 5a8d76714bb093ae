"""Who, and what they may do. Private to this app: others call its services and selectors."""

from accounts.models.api import ApiSession, ApiToken, IdempotentRequest, RefreshToken
from accounts.models.audit import AuditEntry, AuditSeal
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
from accounts.models.people import Customer, CustomerEvent, Hold, User, Wallet
from accounts.models.privacy import DataExport, DeletionEvent, DeletionRequest
from accounts.models.proposals import Proposal, ProposalDecision, ProposalExecution
from accounts.models.signin import SignInChallenge

__all__ = [
    "ApiSession",
    "ApiToken",
    "AuditEntry",
    "AuditSeal",
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
    "IdempotentRequest",
    "KycMessage",
    "LimitDay",
    "LimitUse",
    "MonitoringRule",
    "Proposal",
    "ProposalDecision",
    "ProposalExecution",
    "PublicEvent",
    "RefreshToken",
    "SignInChallenge",
    "Tier",
    "User",
    "Wallet",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEndpointEvent",
]
