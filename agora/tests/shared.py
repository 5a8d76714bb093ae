"""Rows that a whole module's tests share, for tests that prove to have changed none of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.core.management import call_command
from django.db import connection
from django.db.backends.base.creation import TEST_DATABASE_PREFIX
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker


@contextmanager
def shared_database(blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database, open to a fixture of module scope and emptied at its end.

    pytest-django makes one only for tests that are marked `django_db`, which would also empty it after each test: in a
    run without any, it is made here. Nothing is ever written to another one.
    """
    with ExitStack() as stack:
        stack.enter_context(blocker.unblock())
        if not _is_test_database():
            made = setup_databases(verbosity=0, interactive=False, aliases={"default"})
            stack.callback(teardown_databases, made, verbosity=0)
        if not _is_test_database():
            raise RuntimeError(f"{connection.settings_dict['NAME']!r} is not a test database")
        stack.callback(call_command, "flush", interactive=False, verbosity=0)
        yield


def _is_test_database() -> bool:
    return str(connection.settings_dict["NAME"]).startswith(TEST_DATABASE_PREFIX)
