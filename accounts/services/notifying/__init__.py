"""Telling integrators: public events, the feed they are numbered into, and webhooks. One module a verb."""

from accounts.services.notifying.announcing import announce, announce_customer, announce_endpoint
from accounts.services.notifying.endpoints import (
    create_endpoint,
    delete_endpoint,
    disable_endpoint,
    enable_endpoint,
    fire_test,
    reseal_webhook_secrets,
    rotate_secret,
    update_endpoint,
)
from accounts.services.notifying.following import follow_webhooks
from accounts.services.notifying.mailing import send_webhook_notice
from accounts.services.notifying.pruning import prune_deliveries
from accounts.services.notifying.publishing import publish_events
from accounts.services.notifying.replaying import replay_delivery, replay_event

__all__ = [
    "announce",
    "announce_customer",
    "announce_endpoint",
    "create_endpoint",
    "delete_endpoint",
    "disable_endpoint",
    "enable_endpoint",
    "fire_test",
    "follow_webhooks",
    "prune_deliveries",
    "publish_events",
    "replay_delivery",
    "replay_event",
    "reseal_webhook_secrets",
    "rotate_secret",
    "send_webhook_notice",
    "update_endpoint",
]
