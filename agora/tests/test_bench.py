"""What `make bench` stands on: stored orders that the audit believes, and figures that say when they miss."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone

from accounts.services import seal_audit_log
from agora.lib.invariants import check
from agora.management.commands.audit import all_invariants
from agora.tests.rows import new_asset, new_person
from bench import history
from bench.figures import Figure, table
from orders.models import Order, OrderEvent


@pytest.fixture
def without_its_table(transactional_db: None) -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_buyers")


@pytest.mark.usefixtures("without_its_table")
def test_a_made_up_history_is_as_sound_as_a_lived_one() -> None:
    new_asset()
    new_person("alice")

    history.grow(start=0, end=120)  # hers, and those of two customers more
    history.grow(start=120, end=200)

    assert (Order.objects.count(), OrderEvent.objects.count()) == (200, 1400)
    assert Order.objects.values("customer").distinct().count() == 4
    seal_audit_log(now=timezone.now())
    assert [(verdict.name, verdict.violations) for verdict in map(check, all_invariants()) if not verdict.holds] == []


def test_a_figure_says_whether_its_target_is_met() -> None:
    met = Figure(part="p", name="a", value=0.5, unit="×", at_most=0.7)
    missed = Figure(part="p", name="b", value=19.9, unit="/s", at_least=20.0)
    stated = Figure(part="p", name="c", value=107_029, unit="gas")

    assert [figure.verdict for figure in (met, missed, stated)] == ["OK", "MISSED", ""]
    assert [line.split() for line in table([met, missed, stated]).splitlines()[2:]] == [
        ["p", "a", "0.5", "×", "≤", "0.7", "OK"],
        ["p", "b", "19.9", "/s", "≥", "20", "MISSED"],
        ["p", "c", "107,029", "gas"],
    ]
