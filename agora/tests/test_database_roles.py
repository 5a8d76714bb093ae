"""What each database role may not do, tried by raw SQL as that role; and what it needs, by the platform's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone
from psycopg import sql

from accounts.services import publish_disclosures
from agora.checks import check_database_role
from agora.database_roles import APP, ROLES, WEB, tables
from agora.lib.grants import allowed_by_triggers, role_invariants
from agora.lib.invariants import check

pytestmark = pytest.mark.django_db

EVERYBODY = [role.name for role in ROLES]
WRITERS = [APP.name, WEB.name]


@pytest.fixture(scope="module", autouse=True)
def granted(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Once for all: nothing here leaves a row, and what a test grants too much, it grants anew."""
    with django_db_blocker.unblock():
        _grant()
        yield
        with connection.cursor() as cursor:
            for name in EVERYBODY:  # other tests' databases stand in the same server
                cursor.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            cursor.execute(sql.SQL("GRANT ALL ON DATABASE {} TO PUBLIC").format(sql.Identifier(_database())))


def _grant() -> None:
    call_command("grant_roles", stdout=StringIO())


def _database() -> str:
    return str(connection.settings_dict["NAME"])


@contextmanager
def session(role: str) -> Iterator[psycopg.Connection]:
    """A connection of the role's own: not SET ROLE, which whoever holds it may undo."""
    parameters = {**connection.get_connection_params(), "user": role}
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    with psycopg.connect(**parameters, autocommit=True) as opened:
        yield opened


def _refused(role: str, statement: str) -> bool:
    with session(role) as opened:
        try:
            opened.execute(statement)  # type: ignore[arg-type]
        except psycopg.errors.InsufficientPrivilege:
            return True
    return False


def _broken() -> list[str]:
    return [f"{v.name}: {v.violations}" for v in map(check, role_invariants(ROLES, tables())) if not v.holds]


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE orders_fill",
        "ALTER TABLE orders_fill DISABLE TRIGGER ALL",
        "ALTER TABLE orders_order ADD COLUMN mine text",
        "TRUNCATE orders_fill",
        "TRUNCATE accounts_auditentry CASCADE",
        "UPDATE orders_fill SET quantity = 1000",
        "DELETE FROM orders_orderevent",
        "DELETE FROM minting_minttx",
        "DELETE FROM accounts_auditentry",
        "DELETE FROM django_migrations",
        "UPDATE accounts_auditseal SET hash = hash",
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE TEMPORARY TABLE orders_orderevent (LIKE public.orders_orderevent)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION _pgtrigger_should_ignore(trigger_name name) RETURNS boolean"
        " LANGUAGE sql AS 'SELECT true'",
        "CREATE TRIGGER mine AFTER INSERT ON orders_fill FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger()",
        "SET session_replication_role = replica",
        "SET ROLE agora",
        "CREATE ROLE mine SUPERUSER",
        "SELECT setval(pg_get_serial_sequence('orders_asset', 'id'), 1)",
    ],
)
def test_no_role_of_a_process_may(role: str, statement: str) -> None:
    assert _refused(role, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO orders_fill DEFAULT VALUES",
        "INSERT INTO minting_minttx DEFAULT VALUES",
        "UPDATE minting_minttx SET recipient = '0x'",
        "UPDATE minting_minttx SET status = 'SETTLED'",
        "UPDATE minting_txattempt SET raw = NULL",
        "UPDATE minting_token SET minter = '0x'",
        "INSERT INTO minting_mintevent DEFAULT VALUES",
        "INSERT INTO reserves_reportsignature DEFAULT VALUES",
        "INSERT INTO orders_assetprice DEFAULT VALUES",
        "INSERT INTO django_q_schedule DEFAULT VALUES",
        "UPDATE django_q_ormq SET payload = ''",
        "DELETE FROM django_q_ormq",
        "UPDATE accounts_auditentry SET actor = 'nobody'",
    ],
)
def test_a_taken_web_tier_may_not(statement: str) -> None:
    assert _refused(WEB.name, statement)


def test_a_reader_writes_nothing() -> None:
    for table in tables():
        for statement in (f"INSERT INTO {table} DEFAULT VALUES", f"DELETE FROM {table}"):
            assert _refused("agora_readonly", statement), statement
    with session("agora_readonly") as opened:
        assert opened.execute("SELECT count(*) FROM orders_order").fetchone() == (0,)


@pytest.mark.parametrize("role", WRITERS)
def test_a_role_may_do_its_work(role: str) -> None:
    with session(role) as opened, opened.transaction(force_rollback=True):
        opened.execute("INSERT INTO django_q_ormq (key, payload, lock) VALUES ('k', 'p', now()) RETURNING id, key")
        opened.execute("SELECT FROM minting_minttx WHERE false FOR UPDATE")
        opened.execute("UPDATE minting_minttx SET next_attempt_at = now() WHERE false")
        opened.execute("SELECT FROM accounts_monitoringrule WHERE false FOR UPDATE")
        opened.execute("SELECT pg_advisory_lock(1), pg_advisory_unlock(1)")
        opened.execute("LISTEN agora_q")


def test_the_way_round_triggers_that_pgtrigger_leaves_open_is_closed() -> None:
    """Any session may set `pgtrigger.ignore` and walk past: shown as it comes, then as we leave it."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN)
    passed = _walk_past("accounts_disclosure")
    _grant()

    assert passed
    assert not _walk_past("accounts_disclosure")


def _walk_past(table: str) -> bool:
    """Delete an append-only row, as the owner, with the trigger's name in the list to be ignored; rolled back."""
    query = "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE '%%append_only%%'"
    before = transaction.savepoint()
    try:
        with connection.cursor() as cursor:
            publish_disclosures(now=timezone.now())
            cursor.execute(query, [table])
            cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [f"{{{cursor.fetchone()[0]}}}"])
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    except ProgrammingError:  # pgtrigger: Cannot delete rows from … table
        return False
    finally:
        transaction.savepoint_rollback(before)
    return True


_OPEN = (
    "CREATE OR REPLACE FUNCTION _pgtrigger_should_ignore(trigger_name name) RETURNS boolean LANGUAGE plpgsql AS "
    "$$ BEGIN RETURN trigger_name = ANY(current_setting('pgtrigger.ignore')::text[]); END $$"
)


def test_granting_twice_is_granting_once_and_the_audit_agrees() -> None:
    _grant()

    assert _broken() == []


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        ("GRANT UPDATE ON orders_fill TO agora_web", "agora_web relname=orders_fill privilege=UPDATE"),
        ("GRANT TRUNCATE ON orders_order TO agora_app", "agora_app relname=orders_order privilege=TRUNCATE"),
        ("GRANT INSERT ON orders_order TO agora_readonly", "agora_readonly relname=orders_order privilege=INSERT"),
        ("GRANT UPDATE (recipient) ON minting_minttx TO agora_web", "relname=minting_minttx attname=recipient"),
        ("GRANT CREATE ON SCHEMA public TO agora_app", "what=may create in the schema"),
        ("GRANT agora TO agora_app", "what=is a member of the owner"),
        ("GRANT TEMP ON DATABASE {} TO PUBLIC", "what=may make temporary tables"),
        ("ALTER ROLE agora_readonly CREATEROLE", "what=is a superuser, or may make roles"),
        (_OPEN, "what=walks past triggers by pgtrigger.ignore"),
    ],
)
def test_the_audit_names_what_a_role_was_given_too_much(seed: str, said: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(seed.replace("{}", f'"{_database()}"'))
        broken = _broken()
        transaction.set_rollback(True)

    assert any(said in line for line in broken), broken


@pytest.mark.parametrize(("role", "found"), [("agora", ["agora.W061"]), (APP.name, []), (WEB.name, [])])
def test_a_process_that_connects_as_the_owner_is_named(role: str, found: list[str], settings: Any) -> None:
    settings.AGORA_MODE = "paper"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        messages = check_database_role(databases=["default"])
        transaction.set_rollback(True)

    assert [message.id for message in messages] == found


def test_what_triggers_forbid_is_not_granted() -> None:
    assert allowed_by_triggers(["append_only", "event_is_a_move"]) == ["INSERT"]
    assert allowed_by_triggers(["never_deleted", "legal_moves"]) == ["INSERT", "UPDATE"]
    assert allowed_by_triggers([]) == ["INSERT", "UPDATE", "DELETE"]


def test_every_table_that_is_named_exists() -> None:
    named = {table for role in ROLES for table in (*role.reads_only, *role.inserts_only, *role.columns)}

    assert named <= tables().keys()
