from django.db import models


class BreakKind(models.TextChoices):
    SUPPLY_OVER_CUSTODY = "SUPPLY_OVER_CUSTODY", "more tokens than shares in custody"
    CUSTODY_OVER_FILLED = "CUSTODY_OVER_FILLED", "more shares in custody than were filled"
    SUPPLY_NOT_OURS = "SUPPLY_NOT_OURS", "the chain's supply is not the sum of our mints"
    VAULT_SHORT = "VAULT_SHORT", "the custodian's balance is below our records"
    BROKER_SHORT = "BROKER_SHORT", "the broker holds fewer shares than it filled for us"
    BROKER_OVER = "BROKER_OVER", "the broker holds more shares than it filled for us"


class BreakAction(models.TextChoices):
    ASSIGNED = "ASSIGNED", "assigned"
    RESOLVED = "RESOLVED", "resolved"


class Source(models.TextChoices):
    """Whose word a figure is."""

    OWN_RECORD = "OWN_RECORD", "our own records"
    BROKER_API = "BROKER_API", "the broker, asked"
    CUSTODIAN_API = "CUSTODIAN_API", "the custodian, asked"
    CHAIN = "CHAIN", "the chain"


class FigureName(models.TextChoices):
    """What a reserve report says, in its order."""

    MINTED_ON_CHAIN = "minted_on_chain", "tokens by the contract's total supply"
    MINTED_BY_RECORDS = "minted_by_records", "tokens by our mints"
    OWED_TO_HOLDERS = "owed_to_holders", "tokens in all holders' wallets"
    IN_CUSTODY = "in_custody", "shares in custody by our records"
    CUSTODIAN_BALANCE = "custodian_balance", "shares by the custodian's own balance"
    BROKER_POSITION = "broker_position", "shares at the broker"
    FILLED = "filled", "shares filled for customers"
    PENDING_CUSTODY = "pending_custody", "filled, not yet in custody"
    PENDING_MINT = "pending_mint", "in custody, not yet minted"
