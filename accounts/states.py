from django.db import models


class KycStatus(models.TextChoices):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class Country(models.TextChoices):
    BR = "BR", "Brazil"
    PY = "PY", "Paraguay"
