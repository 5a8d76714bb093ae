"""Writes about customers. One module a verb; callers use these names."""

from accounts.services.auditing import note_audit_heads, record_audit, seal_audit_log
from accounts.services.checking import check_identity, process_kyc_notification, receive_kyc_webhook, sweep_customers
from accounts.services.consenting import publish_disclosures
from accounts.services.deciding import approve_customer, reject_customer, reopen_customer
from accounts.services.limiting import (
    change_tier,
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
    sync_groups,
)
from accounts.services.proposing import approve_proposal, decline_proposal, execute_proposal, propose
from accounts.services.revealing import reveal_customer
from accounts.services.second_factor import (
    add_second_factor,
    begin_second_factor,
    check_second_factor,
    confirm_second_factor,
    current_code,
    has_second_factor,
    reset_second_factor,
)
from accounts.services.signing_in import SignedIn, issue_challenge, prune_challenges, redeem_challenge

__all__ = [
    "SignedIn",
    "add_second_factor",
    "approve_customer",
    "approve_proposal",
    "begin_second_factor",
    "bind_wallet",
    "change_email",
    "change_tier",
    "check_identity",
    "check_second_factor",
    "confirm_email",
    "confirm_second_factor",
    "current_code",
    "decline_proposal",
    "execute_proposal",
    "has_login",
    "has_second_factor",
    "issue_api_token",
    "issue_challenge",
    "note_audit_heads",
    "place_hold",
    "process_kyc_notification",
    "propose",
    "prune_challenges",
    "publish_disclosures",
    "receive_kyc_webhook",
    "record_audit",
    "redeem_challenge",
    "register_customer",
    "register_tier",
    "register_tiers",
    "reinstate_limit",
    "reject_customer",
    "release_hold",
    "release_limit",
    "reopen_customer",
    "reseal_tax_ids",
    "reserve_limit",
    "reset_second_factor",
    "reveal_customer",
    "revoke_api_token",
    "seal_audit_log",
    "send_email_confirmation",
    "set_login",
    "set_tier",
    "submit_profile",
    "sweep_customers",
    "sync_groups",
]
