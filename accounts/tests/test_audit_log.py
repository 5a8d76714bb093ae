"""The audit log: written with the act, sealed soon, and whatever is done to it afterwards is found."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from accounts.audit_log import INVARIANTS, Head, noted_heads, verify_chain
from accounts.errors import ReasonHasTaxId
from accounts.models import AuditEntry, AuditSeal
from accounts.services import (
    approve_customer,
    issue_api_token,
    place_hold,
    record_audit,
    reject_customer,
    release_hold,
    reopen_customer,
    reveal_customer,
    revoke_api_token,
    seal_audit_log,
)
from accounts.tests.people import CPF, applicant
from agora.lib.invariants import check

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EDITS = 1000


def _write(number: int, **fields: Any) -> AuditEntry:
    ours: dict[str, Any] = {
        "actor": f"staff:{number % 7 + 1}",
        "action": ("customer.approve", "hold.place", "token.revoke")[number % 3],
        "subject": f"customer:{number}",
        "before": {"status": "PENDING"},
        "after": {"status": "APPROVED", "n": str(number)},
        "reason": f"número {number}",
        "request_id": f"{number:032x}",
        "now": NOON + timedelta(seconds=number),
    }
    with transaction.atomic():
        return record_audit(**{**ours, **fields})


def _log(entries: int = 30, batch: int = 5) -> list[Head]:
    """That many sealed entries; the heads as they were noted."""
    for number in range(entries):
        _write(number)
        if number % batch == batch - 1:
            seal_audit_log(now=NOON + timedelta(seconds=number + 5))
    assert not AuditEntry.objects.filter(position=None).exists()
    return [Head(seal.sequence, seal.last_position, seal.hash) for seal in AuditSeal.objects.order_by("sequence")]


def _found_by_sql() -> list[str]:
    return [one.name for one in INVARIANTS if not check(one).holds]


@contextmanager
def _edited(statements: list[tuple[str, list[Any]]]) -> Iterator[None]:
    """The statements, as by a superuser whom no trigger stops, undone at the end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for sql, values in statements:
            cursor.execute(sql, values)
        yield
        transaction.set_rollback(True)


# --- What somebody with the whole database might do -----------------------------------------------------------------
ENTRY, SEAL = "accounts_auditentry", "accounts_auditseal"
TEXTS = ("actor", "action", "subject", "before", "after", "reason", "request_id", "ip_digest")


def _edit_text(dice: random.Random) -> list[tuple[str, list[Any]]]:
    column = dice.choice(TEXTS)
    change = dice.choice(("{0} || 'x'", "'x' || {0}", "{0} || ' '", "'~'", "overlay({0} placing '#' from 1 for 1)"))
    return [(f"UPDATE {ENTRY} SET {column} = {change.format(column)} WHERE position = %s", [dice.randint(1, 30)])]


def _move_text(dice: random.Random) -> list[tuple[str, list[Any]]]:
    """A letter goes from one column to the next: the text as a whole stays the same."""
    one = dice.randrange(len(TEXTS) - 2)  # the last two of a row: the last may be empty
    left, right = TEXTS[one], TEXTS[one + 1]
    sql = f"UPDATE {ENTRY} SET {left} = left({left}, -1), {right} = right({left}, 1) || {right} WHERE position = %s"
    return [(sql, [dice.randint(1, 30)])]


def _edit_time(dice: random.Random) -> list[tuple[str, list[Any]]]:
    sql = f"UPDATE {ENTRY} SET at = at + %s * interval '1 microsecond' WHERE position = %s"
    return [(sql, [dice.choice((-1, 1)) * dice.randint(1, 10**9), dice.randint(1, 30)])]


def _edit_id(dice: random.Random) -> list[tuple[str, list[Any]]]:
    return [(f"UPDATE {ENTRY} SET id = gen_random_uuid() WHERE position = %s", [dice.randint(1, 30)])]


def _delete(dice: random.Random) -> list[tuple[str, list[Any]]]:
    first = dice.randint(1, 30)
    return [(f"DELETE FROM {ENTRY} WHERE position BETWEEN %s AND %s", [first, first + dice.randint(0, 5)])]


def _unseal(dice: random.Random) -> list[tuple[str, list[Any]]]:
    return [(f"UPDATE {ENTRY} SET position = NULL WHERE position = %s", [dice.randint(1, 30)])]


def _swap(dice: random.Random) -> list[tuple[str, list[Any]]]:
    one, other = dice.sample(range(1, 31), 2)
    move = f"UPDATE {ENTRY} SET position = %s WHERE position = %s"
    return [(move, [10**6, one]), (move, [one, other]), (move, [other, 10**6])]


def _delete_and_close_up(dice: random.Random) -> list[tuple[str, list[Any]]]:
    gone = dice.randint(1, 29)
    shift = f"UPDATE {ENTRY} SET position = position + %s WHERE position > %s"
    gap, back = 10**6, -(10**6) - 1
    return [(f"DELETE FROM {ENTRY} WHERE position = %s", [gone]), (shift, [gap, gone]), (shift, [back, gap])]


def _forge(dice: random.Random) -> list[tuple[str, list[Any]]]:
    columns = ", ".join(TEXTS)
    sql = f"INSERT INTO {ENTRY} (id, position, at, {columns}) SELECT gen_random_uuid(), 31, at, {columns} FROM {ENTRY}"
    return [(f"{sql} WHERE position = %s", [dice.randint(1, 30)])]


def _edit_seal(dice: random.Random) -> list[tuple[str, list[Any]]]:
    change = dice.choice(
        (
            *("hash = encode(sha256(hash::bytea), 'hex')", "previous_hash = encode(sha256(hash::bytea), 'hex')"),
            *("sealed_at = sealed_at + interval '1 microsecond'", "last_position = last_position + 1"),
            *("first_position = first_position + 1", "sequence = sequence + 100"),
        )
    )
    return [(f"UPDATE {SEAL} SET {change} WHERE sequence = %s", [dice.randint(1, 6)])]


def _delete_seal(dice: random.Random) -> list[tuple[str, list[Any]]]:
    return [(f"DELETE FROM {SEAL} WHERE sequence = %s", [dice.randint(1, 6)])]


def _truncate_entries(dice: random.Random) -> list[tuple[str, list[Any]]]:
    return [(f"DELETE FROM {ENTRY} WHERE position > %s", [dice.randint(0, 29)])]


def _truncate_both(dice: random.Random) -> list[tuple[str, list[Any]]]:
    """What stays is a shorter log without a fault: only the noted heads tell."""
    kept = dice.randint(0, 5)
    return [
        (f"DELETE FROM {ENTRY} WHERE position > %s", [kept * 5]),
        (f"DELETE FROM {SEAL} WHERE sequence > %s", [kept]),
    ]


KINDS = (
    *(_edit_text, _move_text, _edit_time, _edit_id, _delete, _unseal, _swap, _delete_and_close_up, _forge),
    *(_edit_seal, _delete_seal, _truncate_entries, _truncate_both),
)


@pytest.mark.django_db
def test_a_thousand_random_edits_are_all_found() -> None:
    heads = _log()
    assert (verify_chain(now=NOON, heads=heads), _found_by_sql()) == ([], [])
    dice = random.Random(20261120)
    missed = []

    for number in range(EDITS):
        kind = KINDS[number % len(KINDS)]
        with _edited(kind(dice)):
            in_python, in_sql = verify_chain(now=NOON, heads=heads), _found_by_sql()
            # SQL sees the database alone: of a log that was cut short as a whole only the heads tell.
            if not in_python or not (in_sql or kind is _truncate_both):
                missed.append((number, kind.__name__, in_python, in_sql))

    assert missed == []
    assert (verify_chain(now=NOON, heads=heads), _found_by_sql()) == ([], [])


@pytest.mark.django_db
def test_a_log_rewritten_from_some_seal_on_is_found_by_its_noted_heads_alone() -> None:
    heads = _log()
    with _edited(
        [
            (f"UPDATE {ENTRY} SET reason = 'another', position = NULL WHERE position > 20", []),
            (f"DELETE FROM {SEAL} WHERE sequence > 4", []),
        ]
    ):
        seal_audit_log(now=NOON)
        assert (verify_chain(now=NOON), _found_by_sql()) == ([], [])  # a perfect forgery, by itself
        found = verify_chain(now=NOON, heads=heads)
    assert found == [f"seal {number} is not the one that was noted when it was made" for number in (5, 6)]


# --- What the database refuses to everybody --------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {ENTRY} SET reason = 'x' WHERE position = 1",
        f"UPDATE {ENTRY} SET position = 99 WHERE position = 1",
        f"UPDATE {ENTRY} SET position = NULL WHERE position = 1",
        f"UPDATE {ENTRY} SET position = 11, reason = 'x' WHERE position IS NULL",
        f"DELETE FROM {ENTRY}",
        f"TRUNCATE {ENTRY}",
        f"UPDATE {SEAL} SET hash = previous_hash",
        f"DELETE FROM {SEAL}",
        f"TRUNCATE {SEAL}",
        f"INSERT INTO {ENTRY} (id, position, at, actor, action, subject, before, after, reason, request_id, ip_digest)"
        " VALUES (gen_random_uuid(), 11, now(), 'a', 'b', 'c', '', '', '', '', '')",
    ],
)
def test_the_log_cannot_be_changed(statement: str) -> None:
    _log(entries=10)
    _write(11)
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.count() == 11


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        record_audit(actor="staff:1", action="x", subject="y", now=NOON)


# --- Sealing ----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_an_entry_whose_transaction_commits_late_is_sealed_late() -> None:
    written, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            _write(1)  # the older id, and the earlier time
            written.set()
            may_commit.wait(10)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    written.wait(10)
    _write(2)
    assert seal_audit_log(now=NOON) == 1
    may_commit.set()
    thread.join()
    assert seal_audit_log(now=NOON) == 1

    assert [entry.subject for entry in AuditEntry.objects.order_by("position")] == ["customer:2", "customer:1"]
    assert (verify_chain(now=NOON), _found_by_sql()) == ([], [])


@pytest.mark.django_db(transaction=True)
def test_many_writers_and_sealers_at_once_make_one_gapless_chain() -> None:
    stop, failed = threading.Event(), []

    def run(step: Any) -> None:
        try:
            step()
        except Exception as problem:  # noqa: BLE001 - told below
            failed.append(problem)
        finally:
            connection.close()

    def write(first: int) -> None:
        for number in range(first, first + 25):
            _write(number)

    def seal() -> None:
        while not stop.is_set():
            seal_audit_log(now=NOON)

    sealers = [threading.Thread(target=run, args=(seal,)) for _ in range(3)]
    writers = [threading.Thread(target=run, args=(lambda n=n: write(n * 25),)) for n in range(4)]
    for thread in (*sealers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    seal_audit_log(now=NOON)

    assert failed == []
    assert list(AuditEntry.objects.order_by("position").values_list("position", flat=True)) == list(range(1, 101))
    assert (verify_chain(now=NOON), _found_by_sql()) == ([], [])


@pytest.mark.django_db
def test_an_entry_without_a_seal_is_found_after_a_minute() -> None:
    now = timezone.now()
    _write(1, now=now - timedelta(seconds=50))
    assert (verify_chain(now=now), _found_by_sql()) == ([], [])

    _write(2, now=now - timedelta(seconds=70))

    assert len(verify_chain(now=now)) == 1
    assert _found_by_sql() == ["an audit entry is sealed within a minute"]


@pytest.mark.django_db
def test_heads_are_noted_once_and_a_torn_line_is_made_anew(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_HEADS_FILE = str(tmp_path / "notes" / "heads.jsonl")
    heads = _log(entries=15)
    path = Path(settings.AUDIT_HEADS_FILE)
    assert noted_heads(path) == heads
    assert path.stat().st_mode & 0o777 == 0o600

    path.write_text(path.read_text()[:-20])  # killed while writing the last
    assert noted_heads(path) == heads[:2]
    seal_audit_log(now=NOON)

    assert noted_heads(path) == heads


# --- What is in it ----------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_each_act_of_staff_is_in_it_and_nothing_personal_is() -> None:
    ana = applicant()
    staff: dict[str, Any] = {"actor": "staff:1", "now": timezone.now()}

    approve_customer(customer=ana, reason="seen", **staff)
    reject_customer(customer=ana, kind="FINAL", sentence="We are sorry, Ana Souza.", reason="fraud", **staff)
    reopen_customer(customer=ana, reason="a mistake", **staff)
    shown = reveal_customer(customer=ana, reason="case 7", **staff)
    place_hold(subject=f"customer:{ana.pk}", owner="staff:1", reason="case 7", now=timezone.now())
    release_hold(subject=f"customer:{ana.pk}", owner="staff:1", reason="solved", **staff)
    issue_api_token(user=ana.user, name="bot", now=timezone.now(), actor="staff:1")
    revoke_api_token(token_id=ana.user.api_tokens.get().pk, reason="leaked", **staff)

    assert shown == {"Name": "Ana Souza", "E-mail": "ana@example.com", "Tax id": "52998224725"}
    assert dict(AuditEntry.objects.values_list("action", "reason")) == {
        **{"customer.approve": "seen", "customer.reject": "fraud", "customer.reopen": "a mistake"},
        **{"customer.reveal": "case 7", "hold.place": "case 7", "hold.release": "solved"},
        **{"token.issue": "", "token.revoke": "leaked"},
    }
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT string_agg(e::text, ' ') FROM {ENTRY} e")
        everything = cursor.fetchone()[0]
    for secret in ("Souza", "ana@example.com", "52998224725", CPF, "sorry"):
        assert secret not in everything


@pytest.mark.django_db
@pytest.mark.parametrize("reason", [f"his CPF {CPF} matches", "52998224725", "RUC 80028061-0 is theirs"])
def test_a_reason_with_a_tax_id_in_it_is_refused(reason: str) -> None:
    ana = applicant()
    with pytest.raises(ReasonHasTaxId):
        approve_customer(customer=ana, actor="staff:1", reason=reason, now=timezone.now())
    ana.refresh_from_db()
    assert (ana.status, AuditEntry.objects.count()) == ("PENDING", 0)


@pytest.mark.django_db
def test_a_reason_with_other_numbers_is_taken() -> None:
    _write(1, reason="case 12345678901, order 01a2038a-a9ba-7d1d-b6c1-47c6ff94972e")


@pytest.mark.django_db
def test_a_decision_without_its_entry_is_found() -> None:
    approve_customer(customer=applicant(), actor="staff:1", reason="seen", now=timezone.now())
    assert _found_by_sql() == []
    with _edited([(f"DELETE FROM {ENTRY}", [])]):
        assert _found_by_sql() == ["each decision of staff about a customer has its audit entry"]
