"""Writes about customers. One module a verb; callers use these names."""

from accounts.services.checking import check_identity, process_kyc_notification, receive_kyc_webhook, sweep_customers
from accounts.services.consenting import publish_disclosures
from accounts.services.deciding import approve_customer, reject_customer, reopen_customer
from accounts.services.idempotency import (
    Claim,
    StoredAnswer,
    claim_key,
    keep_answer,
    prune_idempotency_keys,
    release_key,
)
from accounts.services.keys import issue_api_token, note_use, revoke_api_token, rotate_api_token
from accounts.services.limiting import (
    register_tier,
    register_tiers,
    reinstate_limit,
    release_limit,
    reserve_limit,
    set_tier,
)
from accounts.services.mailing import change_email, confirm_email, send_email_confirmation
from accounts.services.onboarding import reseal_tax_ids, submit_profile
from accounts.services.people import (
    bind_wallet,
    has_login,
    place_hold,
    register_customer,
    release_hold,
    set_login,
)
from accounts.services.sessions import TokenPair, end_session, open_session, prune_sessions, refresh_session
from accounts.services.signing_in import GOOD_FOR as CHALLENGE_GOOD_FOR
from accounts.services.signing_in import SignedIn, issue_challenge, prune_challenges, redeem_challenge

__all__ = [
    "CHALLENGE_GOOD_FOR",
    "Claim",
    "SignedIn",
    "StoredAnswer",
    "TokenPair",
    "approve_customer",
    "bind_wallet",
    "change_email",
    "check_identity",
    "claim_key",
    "confirm_email",
    "end_session",
    "has_login",
    "issue_api_token",
    "issue_challenge",
    "keep_answer",
    "note_use",
    "open_session",
    "place_hold",
    "process_kyc_notification",
    "prune_challenges",
    "prune_idempotency_keys",
    "prune_sessions",
    "publish_disclosures",
    "receive_kyc_webhook",
    "redeem_challenge",
    "refresh_session",
    "register_customer",
    "register_tier",
    "register_tiers",
    "reinstate_limit",
    "reject_customer",
    "release_hold",
    "release_key",
    "release_limit",
    "reopen_customer",
    "reseal_tax_ids",
    "reserve_limit",
    "revoke_api_token",
    "rotate_api_token",
    "send_email_confirmation",
    "set_login",
    "set_tier",
    "submit_profile",
    "sweep_customers",
]
