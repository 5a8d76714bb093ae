"""A customer's pages about themselves."""

from accounts.views.onboarding import confirm_email, disclosure, onboarding, resend_email
from accounts.views.profile import profile
from accounts.views.sign_in import SignInView, wallet_challenge, wallet_context, wallet_verify

__all__ = [
    "SignInView",
    "confirm_email",
    "disclosure",
    "onboarding",
    "profile",
    "resend_email",
    "wallet_challenge",
    "wallet_context",
    "wallet_verify",
]
