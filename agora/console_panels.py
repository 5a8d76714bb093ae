"""What the console's home page shows, in this order. Strings only: each names a `PanelSource`. See agora.E017."""

PANELS = [
    "accounts.panels.KYC_QUEUE",
    "accounts.panels.CASES",
    "accounts.panels.PROPOSALS",
    "accounts.panels.LEAVING",
    "accounts.panels.HOLDS",
    "reserves.panels.REPORTS",
    "reserves.panels.BREAKS",
    "reserves.panels.RESERVES",
    "orders.panels.ORDERS",
    "minting.panels.CHAIN",
    "agora.panels.LOOP",
    "accounts.panels.AUDIT_LOG",
]
