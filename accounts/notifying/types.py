"""Every type of public event. docs/asyncapi.yaml has the shape of each; a test compares."""

from __future__ import annotations

ORDER = (
    "order.accepted",
    "order.submitting",
    "order.submitted",
    "order.partially_filled",
    "order.filled",
    "order.in_custody",
    "order.minted",
    "order.settled",
    "order.rejected",
    "order.cancelled",
    "order.expired",
    "order.reorged",
    "order.late_fill",
)
CUSTOMER = {  # by the status reached
    "PENDING": "customer.reopened",
    "APPROVED": "customer.approved",
    "REJECTED": "customer.rejected",
    "CLOSED": "customer.closed",
}
CUSTOMER_REGISTERED = "customer.registered"
ENDPOINT = {
    "ACTIVE": "webhook_endpoint.enabled",
    "DISABLED": "webhook_endpoint.disabled",
    "DELETED": "webhook_endpoint.deleted",
}
ENDPOINT_CREATED = "webhook_endpoint.created"
TEST = "webhook_endpoint.test"

ALL = frozenset({*ORDER, *CUSTOMER.values(), CUSTOMER_REGISTERED, *ENDPOINT.values(), ENDPOINT_CREATED, TEST})
