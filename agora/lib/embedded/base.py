"""Django's PostgreSQL engine on the embedded server, which the first connection of any process starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base as postgresql

from agora.lib.embedded import server


class DatabaseWrapper(postgresql.DatabaseWrapper):
    """`ENGINE = "agora.lib.embedded"`: needs a NAME only; the server lives in settings.AGORA_HOME."""

    def __init__(self, settings_dict: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        # In place: Django's test runner and pytest-xdist edit this same dictionary, and `dbshell` reads it.
        settings_dict["HOST"] = str(server.socket_directory(_home()))
        settings_dict["USER"] = settings.DATABASE_ROLE or server.SUPERUSER
        super().__init__(settings_dict, *args, **kwargs)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        _refuse_outside_the_sandbox()
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError:
            # Not running, killed, still recovering, or without this database: make all that right, then try once more.
            server.start(_home())
            server.create_database(_home(), conn_params["dbname"])
            return super().get_new_connection(conn_params)


def _home() -> Path:
    return Path(settings.AGORA_HOME)


def _refuse_outside_the_sandbox() -> None:
    if settings.AGORA_MODE != "sandbox":
        raise ImproperlyConfigured(
            f"AGORA_MODE is {settings.AGORA_MODE!r}, but the embedded PostgreSQL is for the sandbox only: it asks no "
            "password. Set DATABASE_URL to a real server: postgres://user:password@host:5432/agora"
        )
