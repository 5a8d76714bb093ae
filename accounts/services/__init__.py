"""Writes about customers. One module a verb; callers use these names."""

from accounts.services.checking import check_identity, process_kyc_notification, receive_kyc_webhook, sweep_customers
from accounts.services.consenting import publish_disclosures
from accounts.services.deciding import approve_customer, reject_customer, reopen_customer
from accounts.services.exporting import check_recent_sign_in, record_data_export
from accounts.services.leaving import (
    complete_deletion,
    erase_closed_accounts,
    refuse_deletion,
    request_deletion,
    withdraw_deletion,
)
from accounts.services.limiting import (
    check_limit,
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
    issue_api_token,
    place_hold,
    register_customer,
    release_hold,
    revoke_api_token,
    set_login,
)
from accounts.services.signing_in import SignedIn, issue_challenge, prune_challenges, redeem_challenge

__all__ = [
    "SignedIn",
    "approve_customer",
    "bind_wallet",
    "change_email",
    "check_identity",
    "check_limit",
    "check_recent_sign_in",
    "complete_deletion",
    "confirm_email",
    "erase_closed_accounts",
    "has_login",
    "issue_api_token",
    "issue_challenge",
    "place_hold",
    "process_kyc_notification",
    "prune_challenges",
    "publish_disclosures",
    "receive_kyc_webhook",
    "record_data_export",
    "redeem_challenge",
    "refuse_deletion",
    "register_customer",
    "register_tier",
    "register_tiers",
    "reinstate_limit",
    "reject_customer",
    "release_hold",
    "release_limit",
    "reopen_customer",
    "request_deletion",
    "reseal_tax_ids",
    "reserve_limit",
    "revoke_api_token",
    "send_email_confirmation",
    "set_login",
    "set_tier",
    "submit_profile",
    "sweep_customers",
    "withdraw_deletion",
]
