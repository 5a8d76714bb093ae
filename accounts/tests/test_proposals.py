"""Two people: the database refuses self-approval, an edited payload, an expired approval and a second execution."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from accounts.audit import INVARIANTS
from accounts.errors import NoTier, ProposalRefused
from accounts.models import AuditEntry, Customer, Proposal, ProposalDecision, ProposalExecution, Tier, User
from accounts.services import approve_proposal, decline_proposal, execute_proposal, propose, register_tiers
from agora.lib.invariants import check
from agora.tests.rows import new_person
from agora.tests.tables import unchanged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pair() -> tuple[User, User]:
    return User.objects.create_user("ann", is_staff=True), User.objects.create_user("ben", is_staff=True)


@pytest.fixture
def customer() -> Customer:
    register_tiers()
    return new_person("una").customer


def _propose(customer: Customer, proposer: User, **more: Any) -> Proposal:
    ours: dict[str, Any] = {"payload": {"level": "2"}, "reason": "salary slip seen", "now": timezone.now()}
    return propose(action="customer.set_tier", subject=f"customer:{customer.pk}", proposer=proposer, **{**ours, **more})


def _approve(proposal: Proposal, approver: User, **more: Any) -> None:
    ours: dict[str, Any] = {"payload_hash": proposal.payload_hash, "reason": "agreed", "now": timezone.now()}
    approve_proposal(proposal_id=proposal.pk, approver=approver, **{**ours, **more})


def _decide_by_sql(proposal: Proposal, by: User, payload_hash: str = "", at: str = "now()") -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_proposaldecision (proposal_id, verdict, decided_by_id, payload_hash, reason,"
            f" decided_at) VALUES (%s, 'APPROVED', %s, %s, '', {at})",
            [proposal.pk, by.pk, payload_hash or proposal.payload_hash],
        )


def _execute_by_sql(proposal: Proposal, by: User, payload_hash: str = "", at: str = "now()") -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_proposalexecution (proposal_id, executed_by_id, payload_hash, executed_at)"
            f" VALUES (%s, %s, %s, {at})",
            [proposal.pk, by.pk, payload_hash or proposal.payload_hash],
        )


def test_two_people_change_a_tier_once(customer: Customer, pair: tuple[User, User]) -> None:
    ann, ben = pair
    proposal = _propose(customer, ann)
    _approve(proposal, ben)
    assert Customer.objects.get(pk=customer.pk).tier_level == 9  # nothing yet
    execute_proposal(proposal_id=proposal.pk, executor=ben, now=timezone.now())

    assert Customer.objects.get(pk=customer.pk).tier_level == 2
    entries = AuditEntry.objects.filter(actor__startswith="staff:").order_by("at", "pk")
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("proposal.propose", f"staff:{ann.pk}"),
        ("proposal.approve", f"staff:{ben.pk}"),
        ("customer.set_tier", f"staff:{ben.pk}"),
        ("proposal.execute", f"staff:{ben.pk}"),
    ]
    with unchanged(), pytest.raises(ProposalRefused, match="already"):
        execute_proposal(proposal_id=proposal.pk, executor=ben, now=timezone.now())


def test_it_is_carried_out_once_by_eight_at_once(customer: Customer, pair: tuple[User, User]) -> None:
    ann, ben = pair
    proposal = _propose(customer, ann)
    _approve(proposal, ben)
    outcomes: list[str] = []
    together = threading.Barrier(8)

    def run() -> None:
        together.wait()
        try:
            execute_proposal(proposal_id=proposal.pk, executor=ben, now=timezone.now())
            outcomes.append("done")
        except (ProposalRefused, IntegrityError) as refusal:
            outcomes.append(type(refusal).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (outcomes.count("done"), len(outcomes)) == (1, 8)
    assert AuditEntry.objects.filter(action="customer.set_tier").count() == 1


def test_what_fails_is_not_marked_and_may_be_tried_again(customer: Customer, pair: tuple[User, User]) -> None:
    ann, ben = pair
    proposal = _propose(customer, ann, payload={"level": "3"})
    _approve(proposal, ben)
    with unchanged(), pytest.raises(NoTier):
        execute_proposal(proposal_id=proposal.pk, executor=ben, now=timezone.now())
    Tier.objects.create(country="BR", level=3, daily_limit_usd=1, min_quantity=1)

    execute_proposal(proposal_id=proposal.pk, executor=ben, now=timezone.now())

    assert Customer.objects.get(pk=customer.pk).tier_level == 3


# --- What the services refuse, in words ------------------------------------------------------------------------------
def test_the_proposer_cannot_approve_and_may_withdraw(customer: Customer, pair: tuple[User, User]) -> None:
    proposal = _propose(customer, pair[0])
    with unchanged(), pytest.raises(ProposalRefused, match="Nobody approves what they proposed"):
        _approve(proposal, pair[0])
    decline_proposal(proposal_id=proposal.pk, decliner=pair[0], reason="a mistake", now=timezone.now())
    with unchanged(), pytest.raises(ProposalRefused, match="declined already"):
        _approve(proposal, pair[1])
    with unchanged(), pytest.raises(ProposalRefused, match="Nobody else has approved"):
        execute_proposal(proposal_id=proposal.pk, executor=pair[1], now=timezone.now())


def test_an_approval_of_something_else_is_refused(customer: Customer, pair: tuple[User, User]) -> None:
    proposal = _propose(customer, pair[0])
    with unchanged(), pytest.raises(ProposalRefused, match="another payload"):
        _approve(proposal, pair[1], payload_hash="0" * 64)


def test_an_expired_proposal_is_refused_whatever_the_caller_says_the_time_is(
    customer: Customer, pair: tuple[User, User]
) -> None:
    then = timezone.now() - timedelta(days=2)
    proposal = _propose(customer, pair[0], now=then)
    with unchanged(), pytest.raises(ProposalRefused, match="has expired"):
        _approve(proposal, pair[1], now=then)


def test_an_action_that_is_not_on_the_list_cannot_be_proposed(customer: Customer, pair: tuple[User, User]) -> None:
    with unchanged(), pytest.raises(KeyError):
        propose(action="x", subject="y", payload={}, proposer=pair[0], reason="z", now=timezone.now())


# --- What the database refuses to raw SQL ----------------------------------------------------------------------------
def test_the_database_refuses_self_approval(customer: Customer, pair: tuple[User, User]) -> None:
    proposal = _propose(customer, pair[0])
    with unchanged(), pytest.raises(ProgrammingError, match="nobody approves what they proposed"):
        _decide_by_sql(proposal, pair[0])


def test_the_database_refuses_an_approval_of_another_hash(customer: Customer, pair: tuple[User, User]) -> None:
    proposal = _propose(customer, pair[0])
    with unchanged(), pytest.raises(ProgrammingError, match="another payload"):
        _decide_by_sql(proposal, pair[1], payload_hash="0" * 64)


def test_the_database_refuses_an_approval_that_is_late_or_backdated(
    customer: Customer, pair: tuple[User, User]
) -> None:
    proposal = _propose(customer, pair[0], now=timezone.now() - timedelta(days=2))
    for at in ("now()", "now() - interval '47 hours'"):
        with unchanged(), pytest.raises(ProgrammingError, match="has expired"):
            _decide_by_sql(proposal, pair[1], at=at)


def test_the_database_refuses_an_execution_without_an_approval(customer: Customer, pair: tuple[User, User]) -> None:
    proposal = _propose(customer, pair[0])
    with unchanged(), pytest.raises(ProgrammingError, match="nobody else has approved"):
        _execute_by_sql(proposal, pair[1])


def test_the_database_refuses_an_execution_after_the_approval_expired(
    customer: Customer, pair: tuple[User, User]
) -> None:
    proposal = _propose(customer, pair[0], good_for=timedelta(milliseconds=400))
    _decide_by_sql(proposal, pair[1])
    for at in ("now() + interval '1 second'", "now()"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.45)")
        with unchanged(), pytest.raises(ProgrammingError, match="approval has expired"):
            _execute_by_sql(proposal, pair[1], at=at)


def test_the_database_refuses_to_execute_another_payload_or_twice(customer: Customer, pair: tuple[User, User]) -> None:
    proposal = _propose(customer, pair[0])
    _decide_by_sql(proposal, pair[1])
    with unchanged(), pytest.raises(ProgrammingError, match="another payload was approved"):
        _execute_by_sql(proposal, pair[1], payload_hash="0" * 64)
    _execute_by_sql(proposal, pair[1])
    with unchanged(), pytest.raises(IntegrityError):
        _execute_by_sql(proposal, pair[1])


@pytest.mark.parametrize(
    "statement",
    [
        'UPDATE accounts_proposal SET payload = \'{"level":"9"}\'',
        "UPDATE accounts_proposal SET expires_at = expires_at + interval '1 day'",
        "UPDATE accounts_proposal SET proposer_id = proposer_id + 1",
        "DELETE FROM accounts_proposaldecision",
        "UPDATE accounts_proposaldecision SET verdict = 'DECLINED'",
        "UPDATE accounts_proposalexecution SET executed_at = now()",
    ],
)
def test_the_database_refuses_to_change_what_was_said(
    customer: Customer, pair: tuple[User, User], statement: str
) -> None:
    proposal = _propose(customer, pair[0])
    _decide_by_sql(proposal, pair[1])
    _execute_by_sql(proposal, pair[1])
    with unchanged(), pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_the_database_refuses_a_hash_that_is_not_the_payloads(customer: Customer, pair: tuple[User, User]) -> None:
    proposal = _propose(customer, pair[0])
    proposal.pk, proposal.payload = None, '{"level":"9"}'  # type: ignore[assignment]
    proposal.id = Proposal._meta.pk.get_default()
    with unchanged(), pytest.raises(IntegrityError, match="proposal_hash_is_payloads"):
        proposal.save(force_insert=True)


def test_a_payload_edited_by_a_superuser_of_the_database_is_not_carried_out_and_is_found(
    customer: Customer, pair: tuple[User, User]
) -> None:
    ann, ben = pair
    proposal = _propose(customer, ann)
    _approve(proposal, ben)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_proposal DROP CONSTRAINT proposal_hash_is_payloads")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute('UPDATE accounts_proposal SET payload = \'{"level":"9"}\'')
        cursor.execute("SET LOCAL session_replication_role = origin")
        with pytest.raises(ProgrammingError, match="another payload was approved"):
            _execute_by_sql(proposal, ben)
        transaction.set_rollback(True)


def test_the_audit_finds_an_execution_that_nobody_else_approved(customer: Customer, pair: tuple[User, User]) -> None:
    name = "what was carried out had been approved in time by another, exactly as it was carried out"
    (invariant,) = [one for one in INVARIANTS if one.name == name]
    proposal = _propose(customer, pair[0])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        ProposalDecision.objects.create(
            proposal=proposal,
            verdict="APPROVED",
            decided_by=pair[0],
            payload_hash=proposal.payload_hash,
            decided_at=timezone.now(),
        )
        ProposalExecution.objects.create(
            proposal=proposal, executed_by=pair[0], payload_hash=proposal.payload_hash, executed_at=timezone.now()
        )
        assert not check(invariant).holds
        transaction.set_rollback(True)
    assert check(invariant).holds
