"""A plugin for pytest: every request of Django's test client is answered as the database's role of the web.

    pytest -p agora.tests.as_web …        (make roles)

So the tests of pages, console and API say whether `agora_web` has what they need. What a test does itself, beside its
requests, it does as the owner.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest

# Django's modules are imported where they are used: a plugin is loaded before the settings are.


@pytest.fixture(scope="session")
def _granted(django_db_setup: None, django_db_blocker: Any) -> None:
    from django.core.management import call_command

    with django_db_blocker.unblock():
        call_command("grant_roles", stdout=StringIO())


@pytest.fixture(autouse=True)
def _as_web(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("django_db") or "transactional_db" in request.fixturenames:
        from django.db import connection
        from django.test.client import ClientHandler

        from agora.database_roles import WEB

        request.getfixturevalue("_granted")
        answer = ClientHandler.get_response

        def as_web(self: Any, asked: Any) -> Any:
            with connection.cursor() as cursor:
                cursor.execute(f"SET ROLE {WEB.name}")
            try:
                return answer(self, asked)
            finally:
                _reset()

        monkeypatch.setattr(ClientHandler, "get_response", as_web)


def _reset() -> None:
    from django.db import DatabaseError, connection

    try:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
    except DatabaseError:  # the transaction is lost already, and the role goes back with it
        return
