from django.db import models


def shares_field() -> models.DecimalField:
    """Shares, or tokens at one a share: 18 decimals, for a supply may have dust that no share has."""
    return models.DecimalField(max_digits=40, decimal_places=18)
