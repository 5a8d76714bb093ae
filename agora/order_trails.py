"""Who tells what of an order on its page in the console. Strings only: each names a `DossierSource`. See agora.E018."""

ORDER_TRAILS = [
    "orders.dossier.ORDER",
    "accounts.dossier.CUSTOMER",
    "accounts.dossier.LIMIT",
    "accounts.dossier.HOLDS",
    "custody.dossier.CUSTODY",
    "minting.dossier.MINTS",
    "accounts.dossier.PUBLIC_EVENTS",
    "accounts.dossier.DELIVERIES",
    "accounts.dossier.PROPOSALS",
    "accounts.dossier.AUDIT",
]
