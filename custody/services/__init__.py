"""Writes about custody. One module a verb; callers use these names."""

from custody.services.opening import ensure_vault, mark_handed_over, open_custody
from custody.services.receiving import process_notification, receive_webhook
from custody.services.retrying import retry_custody
from custody.services.steering import close_failed_custody, look_up_custody
from custody.services.sweeping import sweep_custody
from custody.services.transferring import advance_custody

__all__ = [
    "advance_custody",
    "close_failed_custody",
    "ensure_vault",
    "look_up_custody",
    "mark_handed_over",
    "open_custody",
    "process_notification",
    "receive_webhook",
    "retry_custody",
    "sweep_custody",
]
