from django.apps import AppConfig
from django.conf import settings

from agora.lib import log


class AgoraConfig(AppConfig):
    name = "agora"

    def ready(self) -> None:
        from agora import checks  # noqa: F401 - registers them
        from agora.lib import http, payloads, telemetry

        http.watch_calls(telemetry.watched_call)
        payloads.install()
        log.configure(form=settings.LOG_FORMAT, level=settings.LOG_LEVEL)
