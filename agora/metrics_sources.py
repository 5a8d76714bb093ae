"""Who tells Prometheus how things stand. Strings only: each names a `Source`. See agora.E050, docs/observability.md."""

SOURCES = [
    "agora.metrics.DATABASE",
    "agora.metrics.QUEUE",
    "agora.metrics.PROCESSES",
    "agora.metrics.STILL",
    "accounts.metrics.HOLDS",
    "accounts.metrics.WEBHOOKS",
    "accounts.metrics.DESK",
    "orders.metrics.ORDERS",
    "orders.metrics.FEEDS",
    "custody.metrics.CUSTODY",
    "minting.metrics.MINTS",
    "minting.metrics.CHAIN",
    "minting.metrics.NODES",
    "minting.metrics.SIGNERS",
    "reserves.metrics.RESERVES",
]
