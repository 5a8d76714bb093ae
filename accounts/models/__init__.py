"""Who, and what they may do. Private to this app: others call its services and selectors."""

from accounts.models.limits import LimitDay, LimitUse, Tier
from accounts.models.onboarding import Consent, Disclosure, KycMessage
from accounts.models.people import ApiToken, Customer, CustomerEvent, Hold, User, Wallet
from accounts.models.privacy import DataExport, DeletionEvent, DeletionRequest
from accounts.models.signin import SignInChallenge

__all__ = [
    "ApiToken",
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
    "SignInChallenge",
    "Tier",
    "User",
    "Wallet",
]
