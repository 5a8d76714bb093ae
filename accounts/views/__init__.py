"""A customer's pages about themselves."""

from accounts.views.keys import api_keys, revoke_api_key
from accounts.views.onboarding import confirm_email, disclosure, onboarding, resend_email
from accounts.views.profile import profile
from accounts.views.sign_in import SignInView, wallet_challenge, wallet_context, wallet_verify

__all__ = [
    "SignInView",
    "api_keys",
    "confirm_email",
    "disclosure",
    "onboarding",
    "profile",
    "resend_email",
    "revoke_api_key",
    "wallet_challenge",
    "wallet_context",
    "wallet_verify",
]
