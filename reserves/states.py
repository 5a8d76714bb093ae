from django.db import models


class BreakKind(models.TextChoices):
    SUPPLY_OVER_CUSTODY = "SUPPLY_OVER_CUSTODY", "more tokens than shares in custody"
    CUSTODY_OVER_FILLED = "CUSTODY_OVER_FILLED", "more shares in custody than were filled"
    SUPPLY_NOT_OURS = "SUPPLY_NOT_OURS", "the chain's supply is not the sum of our mints"
    VAULT_SHORT = "VAULT_SHORT", "the custodian's balance is below our records"
