"""Each invariant of `manage.py audit` finds the violation that is sown for it, and no other does."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import (
    approve_customer,
    approve_proposal,
    execute_proposal,
    propose,
    register_customer,
    seal_audit_log,
)
from agora.database_roles import ROLES, tables
from agora.lib.grants import role_invariants
from agora.management.commands.audit import all_invariants
from agora.tests.audit_seeds import SEEDS, SEEDS_OF_SEVERAL
from agora.tests.audit_seeds.sql import CONSTRAINTS
from agora.tests.outside import Outside
from agora.tests.rows import new_order
from agora.tests.shared import shared_database
from agora.tests.world import World, build_world
from orders.models import Order
from reserves.tests.reports import published

# Sown in agora.tests.test_database_roles: roles are the server's, and these tests' database has granted none.
ROLES_KEPT = [invariant.name for invariant in role_invariants(ROLES, tables())]
GUARDS = [
    "every trigger still stands and is enabled",
    CONSTRAINTS,
    "every unique column still is",
]
STANDS_STILL = "an order that is not done moves or is held"


@pytest.fixture(scope="module")
def settled(outside: Outside, django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """A settled order of alice's and one of bob's, and a published report of them.

    Shared: each test sows its violation in a transaction that it undoes.
    """
    outside.reset()
    with shared_database(django_db_blocker), outside.configured():
        world = build_world(outside)
        orders = [world.place("0.25"), world.place("0.5", person=world.bob)]
        for order in orders:
            world.until_settled(order)
        published()
        _add_staffs_acts(world)
        yield world


def _add_staffs_acts(world: World) -> None:
    """A decision of staff, and something that two people did; sealed."""
    staff = [User.objects.create_user(name, is_staff=True) for name in ("ann", "ben")]
    now = timezone.now()
    una = register_customer(user=User.objects.create_user("una"), full_name="Una", country="BR", now=now)
    approve_customer(customer=una, actor=f"staff:{staff[0].pk}", reason="seen", now=now)
    proposal = propose(
        action="customer.set_tier",
        subject=f"customer:{una.pk}",
        payload={"level": "2"},
        proposer=staff[0],
        reason="seen",
        now=now,
    )
    approve_proposal(
        proposal_id=proposal.pk, approver=staff[1], payload_hash=proposal.payload_hash, reason="", now=timezone.now()
    )
    execute_proposal(proposal_id=proposal.pk, executor=staff[1], now=timezone.now())
    seal_audit_log(now=timezone.now())


@contextmanager
def _sown(*statements: str, guarded: bool = False) -> Iterator[None]:
    """The statements, with no trigger in their way unless `guarded`, undone at the end."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not guarded:
            cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
        yield
        transaction.set_rollback(True)


def _audit(*options: str) -> tuple[int, str]:
    """The command's exit code and what it said."""
    said = io.StringIO()
    try:
        call_command("audit", *options, stdout=said, no_color=True)
    except SystemExit as exit_:
        return int(exit_.code or 0), said.getvalue()
    return 0, said.getvalue()


def _violated() -> tuple[int, list[str]]:
    """The exit code and the names of what does not hold."""
    code, said = _audit("--json")
    verdict = json.loads(said)
    names = [invariant["name"] for invariant in verdict["invariants"] if not invariant["holds"]]
    assert verdict["ok"] is (names == [])
    return code, names


def test_an_installation_in_order_passes(settled: World) -> None:
    code, said = _audit()

    names = [invariant.name for invariant in all_invariants()]
    assert code == 0
    call_command("replay", stdout=io.StringIO())
    assert said.splitlines() == [*[f"ok   {name}" for name in names], f"{len(names)} invariants, 0 violated"]


def test_json_is_one_object_that_names_every_invariant(settled: World) -> None:
    code, said = _audit("--json")

    assert code == 0
    assert json.loads(said) == {
        "ok": True,
        "invariants": [{"name": invariant.name, "holds": True, "violations": []} for invariant in all_invariants()],
    }


def test_every_invariant_has_its_seed_here() -> None:
    seeded = {name for name, _ in SEEDS.values()} | set().union(*(names for names, _ in SEEDS_OF_SEVERAL.values()))

    assert {invariant.name for invariant in all_invariants()} == {*seeded, STANDS_STILL, *GUARDS, *ROLES_KEPT}


@pytest.mark.parametrize(("name", "statements"), SEEDS.values(), ids=SEEDS)
def test_a_violation_is_found_by_its_invariant_alone(settled: World, name: str, statements: list[str]) -> None:
    with _sown(*statements):
        assert _violated() == (1, [name])

    assert _violated() == (0, [])


@pytest.mark.parametrize(("names", "statements"), SEEDS_OF_SEVERAL.values(), ids=SEEDS_OF_SEVERAL)
def test_a_violation_is_found_by_all_that_it_touches(settled: World, names: set[str], statements: list[str]) -> None:
    with _sown(*statements):
        code, found = _violated()

    assert (code, set(found)) == (1, names)


def test_a_violation_is_shown_with_its_rows(settled: World) -> None:
    with _sown("UPDATE custody_vaultaccount SET held_quantity = 1.75"):
        code, said = _audit()

    lines = said.splitlines()
    failed = lines.index("FAIL a vault's running total is the sum of its completed records")
    assert lines[failed + 1].strip() == "name=agora-aapl held_quantity=1.750000000 total=0.750000000"
    assert lines[-1] == f"{len(all_invariants())} invariants, 1 violated"
    assert code == 1


@pytest.mark.parametrize(
    ("idle_for", "hold", "found"),
    [
        ("16 minutes", "", [STANDS_STILL]),
        ("14 minutes", "", []),
        ("1 day", "NULL", []),
        ("1 day", "now() + interval '1 day'", []),
        pytest.param(
            "1 day",
            "now() - interval '1 hour'",
            [STANDS_STILL],
        ),
    ],
)
def test_an_order_that_stands_still_is_found_unless_it_is_held(
    settled: World, idle_for: str, hold: str, found: list[str]
) -> None:
    with _sown(guarded=True):
        order = new_order()
        idle = [f"UPDATE orders_order SET next_attempt_at = NULL, updated_at = now() - interval '{idle_for}'"]
        if hold:
            idle[1:] = [
                "INSERT INTO accounts_hold (id, subject, owner, reason, placed_at, until, released_by)"
                f" VALUES (gen_random_uuid(), 'order:{order.pk}', 'test', '', now() - interval '1 day', {hold}, '')"
            ]
        with connection.cursor() as cursor:
            cursor.execute(f"{idle[0]} WHERE id = %s", [order.pk])
            for statement in idle[1:]:
                cursor.execute(statement)
        assert _violated() == (int(bool(found)), found)


# --- The guards themselves -------------------------------------------------------------------------------------------
def _triggers() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE 'pgtrigger_%'")
        return cursor.fetchall()


def test_each_dropped_trigger_is_found(settled: World) -> None:
    triggers = _triggers()
    assert sorted(triggers) == sorted(zip(*all_invariants()[-3].params, strict=True))

    for table, trigger in triggers:
        with _sown(f"DROP TRIGGER {trigger} ON {table}", guarded=True):
            code, said = _audit("--json")
        found = [one for one in json.loads(said)["invariants"] if not one["holds"]]
        expected = {"name": GUARDS[0], "holds": False, "violations": [f"relation={table} name={trigger}"]}
        assert (code, found) == (1, [expected])


def test_a_disabled_trigger_is_found(settled: World) -> None:
    with _sown("ALTER TABLE orders_order DISABLE TRIGGER ALL", guarded=True):
        assert _violated() == (1, [GUARDS[0]])


def test_a_trigger_that_fires_on_replicas_only_is_found(settled: World) -> None:
    with _sown(f"ALTER TABLE {_triggers()[0][0]} ENABLE REPLICA TRIGGER {_triggers()[0][1]}", guarded=True):
        assert _violated() == (1, [GUARDS[0]])


def test_each_dropped_constraint_is_found(settled: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname, conrelid::regclass::text FROM pg_constraint WHERE contype IN ('c', 'u')")
        tables = dict(cursor.fetchall())
    named = all_invariants()[-2].params[0]
    assert len(named) == len(set(named)) >= 38

    for name in named:
        drop = f"ALTER TABLE {tables[name]} DROP CONSTRAINT {name}" if name in tables else f"DROP INDEX {name}"
        with _sown(drop, guarded=True):
            code, said = _audit("--json")
        found = [one for one in json.loads(said)["invariants"] if not one["holds"]]
        assert (code, found) == (1, [{"name": GUARDS[1], "holds": False, "violations": [f"name={name}"]}])


def test_a_constraint_that_was_never_validated_is_found(settled: World) -> None:
    with _sown(
        "ALTER TABLE orders_order DROP CONSTRAINT order_quantity_positive",
        "ALTER TABLE orders_order ADD CONSTRAINT order_quantity_positive CHECK (quantity > 0) NOT VALID",
        guarded=True,
    ):
        assert _violated() == (1, [GUARDS[1]])


UNIQUE_FIELDS = [
    ("orders_brokermessage", "digest"),
    ("custody_custodyrecord", "external_tx_id"),
    ("minting_minttx", "custody_record_id"),
    ("minting_txattempt", "request_id"),
    ("accounts_wallet", "address"),
]


@pytest.mark.parametrize(("table", "column"), UNIQUE_FIELDS)
def test_a_dropped_unique_field_is_found(settled: World, table: str, column: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'u' AND conrelid = %s::regclass AND conkey = ARRAY["
            "(SELECT attnum FROM pg_attribute WHERE attrelid = conrelid AND attname = %s)]",
            [table, column],
        )
        name = cursor.fetchone()[0]

    with _sown(f"ALTER TABLE {table} DROP CONSTRAINT {name}", guarded=True):
        assert _violated() == (1, [GUARDS[2]])


# --- Paths ---------------------------------------------------------------------------------------------------------
def test_an_illegal_path_is_found(settled: World) -> None:
    with _sown():
        _write_event(new_order(), "REJECTED", moved=True)
        assert _violated()[0] == 1


def test_an_event_beyond_the_rows_version_is_found(settled: World) -> None:
    with _sown(guarded=True):  # every trigger in force: the database itself does not mind
        _write_event(new_order(), "SUBMITTING", moved=False)
        assert _violated()[0] == 1


def _write_event(order: Order, status: str, *, moved: bool) -> None:
    with connection.cursor() as cursor:
        if moved:
            cursor.execute("UPDATE orders_order SET status = %s, version = 2 WHERE id = %s", [status, order.pk])
        cursor.execute(
            "INSERT INTO orders_orderevent (order_id, sequence, from_status, to_status, actor, reason, data, at)"
            " VALUES (%s, 2, 'PENDING', %s, 'test', '', '{}', now())",
            [order.pk, status],
        )
