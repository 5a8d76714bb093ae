"""The loop on one page: which task runs when a fact becomes true. Strings only; `agora.E010`…`E012` check them.

An event flows to its own app or to a later one (accounts → orders → custody → minting → reserves), never back:
progress is reported up by calling the earlier app's services.
"""

EVENTS: dict[str, list[str]] = {
    "customer.email_given": ["accounts.tasks.send_email_confirmation"],
    "customer.submitted": ["accounts.tasks.check_identity"],
    "webhook.disabled": ["accounts.tasks.send_webhook_notice"],
    "kyc.notified": ["accounts.tasks.process_kyc_notification"],
    "order.accepted": ["orders.tasks.submit_order"],
    "order.cancel_requested": ["orders.tasks.cancel_order"],
    "order.filled": ["custody.tasks.open_custody"],
    "custody.notified": ["custody.tasks.process_notification"],
    "custody.advance": ["custody.tasks.advance_custody"],
    "custody.completed": ["reserves.tasks.publish_reserves", "minting.tasks.request_mint"],
    "signature.updated": ["minting.tasks.resume_signature"],
    "mint.advance": ["minting.tasks.advance_mint"],
    "mint.unbacked": ["reserves.tasks.publish_reserves"],
    "mint.sent": ["minting.tasks.observe_mint"],
    "token.switched": ["minting.tasks.advance_switch"],
    "mint.settled": ["reserves.tasks.refresh"],
    "reconciliation.asked": ["reserves.tasks.reconcile_asked"],
}

# What runs by the clock: the task, and django-q2's letter for how often. Housekeeping only: what the loop needs is in
# `manage.py follow`, for a schedule is looked at every 30 s at best.
HOURLY, DAILY = "H", "D"
SCHEDULES: dict[str, tuple[str, str]] = {
    "agora: prune failed tasks": ("agora.tasks.prune_failed_tasks", DAILY),
    "agora: prune API answers and sessions": ("accounts.tasks.prune_api", HOURLY),
    "agora: prune rate buckets": ("agora.tasks.prune_rate_buckets", HOURLY),
    "agora: prune sign-in challenges": ("accounts.tasks.prune_challenges", DAILY),
    "agora: prune webhook deliveries": ("accounts.tasks.prune_deliveries", DAILY),
    "agora: erase closed accounts": ("accounts.tasks.erase_closed_accounts", DAILY),
}

# What is called, in the transaction that moved such a row, with the row and its event: customers and integrators hear
# of it by that (docs/webhooks.md).
ANNOUNCERS: dict[str, str] = {
    "accounts.Customer": "accounts.services.notifying.announce_customer",
    "accounts.WebhookEndpoint": "accounts.services.notifying.announce_endpoint",
    "orders.Order": "orders.services.announcing.announce_order",
}

# Before accounts closes one, later apps are asked why it cannot be yet: `(*, customer, now)` → sentences, or none.
CLOSING_BLOCKERS = ["orders.selectors.closing_blockers"]  # by rows, in the closing transaction
CLOSING_BLOCKERS_OUTSIDE = ["minting.selectors.closing_blockers"]  # by calls, before it

# The tickers that can be paused, from the app that lists them: `()` → str's.
SYMBOLS = "orders.selectors.asset_symbols"
