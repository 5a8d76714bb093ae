"""Plants the bug once all apps are loaded."""

from django.apps import AppConfig
from django.conf import settings


class SeededConfig(AppConfig):
    name = "agora.tests.seeded"
    label = "seeded"

    def ready(self) -> None:
        from agora.tests.seeded.bugs import BUGS
        from agora.tests.seeded.planting import plant_for_good

        plant_for_good(BUGS[settings.SEEDED_BUG].edits)
