"""What takes two people: the action of a proposal → the service that carries it out. Strings only; agora.E016.

The service is called with `subject`, the payload's fields, `actor`, `reason` and `now`, inside the SERIALIZABLE
transaction that marks the proposal as carried out: no effect outside the database, other than by an event.
"""

TWO_PERSON: dict[str, str] = {
    "customer.set_tier": "accounts.services.change_tier",
    "hold.release": "accounts.services.release_pause",
    "order.settle": "orders.services.settle_by_brokers_sum",
    "order.never_placed": "orders.services.close_never_placed",
    "custody.close": "custody.services.close_failed_custody",
    "token.start": "minting.services.start_token",
    "mint.close": "minting.services.close_failed_mint",
}
