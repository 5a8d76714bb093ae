"""Kill switches: what one stops is not done while it is thrown, and goes on when two people let it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts.errors import OnHold, SwitchRefused
from accounts.models import AuditEntry, Hold, Proposal
from accounts.services import pause, place_hold, propose_release, release_hold, undo_pause
from accounts.tests.pausing import release_by_two
from agora.tests.rows import new_asset, new_person
from agora.tests.staff import console_of, new_staff
from agora.tests.tables import unchanged
from agora.tests.world import World
from custody.models import CustodyRecord
from minting.models import MintTx
from orders.models import Order
from reserves.models import Break
from reserves.tests.reconciling import empty_vault

pytestmark = pytest.mark.django_db(transaction=True)


def _pause(subject: str, *, actor: str = "staff:1") -> Hold:
    return pause(subject=subject, actor=actor, reason="to be looked at", now=timezone.now())


# --- What it stops ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("subject", ["minting", "minting:AAPL"])
def test_what_is_bought_waits_in_custody_while_minting_is_paused_and_is_minted_after(
    world: World, subject: str
) -> None:
    hold = _pause(subject)
    order = world.place("0.25")
    world.until_status(order, "CUSTODY_CONFIRMED")
    for _ in range(5):
        world.tick()

    mint = MintTx.objects.get(order=order)
    assert (mint.status, world.supply(), mint.tx_attempts.count()) == ("PENDING", Decimal(0), 0)
    page = console_of(new_staff()).get("/admin/accounts/hold/switches/").content.decode()
    assert f"{subject} is paused" in page
    assert "to be looked at" in page

    release_by_two(hold)
    world.until_minted(order)
    assert (world.supply(), world.violations()) == (Decimal("0.25"), [])


@pytest.mark.parametrize("subject", ["buying", "buying:AAPL"])
def test_while_buying_is_paused_nothing_new_is_taken_or_sent_and_what_the_broker_has_is_minted(
    world: World, subject: str
) -> None:
    earlier = world.place("0.25")
    world.until_status(earlier, "FILLED", "CUSTODY_CONFIRMED", "MINT_CONFIRMED")
    accepted = world.place("0.5")
    sent = world.broker_orders()
    hold = _pause(subject)

    with pytest.raises(OnHold):
        world.place("1")
    world.until_minted(earlier)
    assert (Order.objects.get(pk=accepted.pk).status, world.broker_orders()) == ("PENDING", sent)

    release_by_two(hold)
    world.until_minted(accepted)
    assert world.supply() == Decimal("0.75")


@pytest.mark.parametrize("subject", ["everything", "asset:AAPL", "customer"])
def test_the_wider_switches_stop_custody_too_and_everything_goes_on_after(world: World, subject: str) -> None:
    order = world.place("0.25")
    hold = _pause(f"customer:{world.alice.customer.pk}" if subject == "customer" else subject)
    for _ in range(5):
        world.tick()
    with pytest.raises(OnHold):
        world.place("1")
    assert (Order.objects.get(pk=order.pk).status, CustodyRecord.objects.count()) == ("PENDING", 0)

    release_by_two(hold)
    world.until_minted(order)
    assert (world.supply(), world.violations()) == (Decimal("0.25"), [])


def test_another_asset_or_customer_is_not_stopped(world: World) -> None:
    new_asset("MSFT")
    for subject in ("asset:MSFT", "minting:MSFT", "buying:MSFT", f"customer:{world.bob.customer.pk}"):
        _pause(subject)

    world.until_minted(world.place("0.25"))


def test_two_switches_on_the_same_are_released_one_by_one(world: World) -> None:
    first, second = _pause("minting"), _pause("minting", actor="staff:2")
    order = world.place("0.25")
    world.until_status(order, "CUSTODY_CONFIRMED")
    release_by_two(first)
    for _ in range(5):
        world.tick()
    assert world.supply() == 0

    release_by_two(second)
    world.until_minted(order)


# --- Who lets it go on -----------------------------------------------------------------------------------------------
def _by_sql(hold: Hold, by: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_hold SET released_at = clock_timestamp(), released_by = %s WHERE id = %s", [by, hold.pk]
        )


@pytest.mark.parametrize("subject", ["everything", "minting", "minting:AAPL", "buying", "asset:AAPL"])
@pytest.mark.parametrize("owner", ["staff:1", "shell:root", "reserves"])
def test_the_database_refuses_a_release_without_two_people(subject: str, owner: str) -> None:
    long_ago = timezone.now() - timedelta(minutes=16)
    hold = place_hold(subject=subject, owner=owner, reason="x", now=long_ago)
    for by in (owner, "staff:2", "worker", ""):
        with unchanged(), pytest.raises(DatabaseError, match="two people release this"):
            _by_sql(hold, by)


def test_the_database_refuses_another_to_take_a_young_switch_back() -> None:
    new_asset()
    hold = _pause("asset:AAPL")
    with unchanged(), pytest.raises(DatabaseError, match="two people"):
        _by_sql(hold, "staff:2")
    with unchanged(), pytest.raises(SwitchRefused):
        undo_pause(hold_id=hold.pk, actor="staff:2", reason="x", now=timezone.now())
    undo_pause(hold_id=hold.pk, actor="staff:1", reason="wrong asset", now=timezone.now())
    assert Hold.objects.filter(released_at=None).count() == 0


def test_a_proposal_alone_and_one_of_another_switch_release_nothing() -> None:
    long_ago = timezone.now() - timedelta(minutes=16)
    hold = place_hold(subject="everything", owner="staff:1", reason="x", now=long_ago)
    other = place_hold(subject="minting", owner="staff:1", reason="x", now=long_ago)
    pia = new_staff("pia")
    propose_release(hold_id=hold.pk, proposer=pia, reason="over", now=timezone.now())
    release_by_two(other)
    with unchanged(), pytest.raises(DatabaseError, match="two people"):
        release_hold(subject="everything", owner="staff:1", actor="staff:1", now=timezone.now())
    with unchanged(), pytest.raises(SwitchRefused, match="proposed already"):
        propose_release(hold_id=hold.pk, proposer=pia, reason="over", now=timezone.now())


@pytest.mark.parametrize("change", ["reason = 'other'", "subject = 'minting'", "until = now()", "placed_at = now()"])
def test_a_switch_is_not_rewritten_reopened_or_deleted(change: str) -> None:
    hold = _pause("everything")
    with connection.cursor() as cursor, unchanged(), pytest.raises(DatabaseError):
        cursor.execute(f"UPDATE accounts_hold SET {change} WHERE id = %s", [hold.pk])
    with unchanged(), pytest.raises(DatabaseError):
        hold.delete()
    undo_pause(hold_id=hold.pk, actor="staff:1", reason="x", now=timezone.now())
    with unchanged(), pytest.raises(DatabaseError):
        Hold.objects.filter(pk=hold.pk).update(released_at=None)


def test_in_the_console_one_pauses_and_another_releases() -> None:
    new_asset()
    ops = new_staff("ops", group="operations")
    one, other = (new_staff(name, group="compliance") for name in ("one", "two"))
    console_of(ops).post("/admin/accounts/hold/act/pause/", {"what": "minting", "reason": "odd mints", "seen": ""})
    hold = Hold.objects.get()
    assert (hold.subject, hold.owner) == ("minting", f"staff:{ops.pk}")

    url = f"/admin/accounts/hold/{hold.pk}/act/propose-release/"
    assert console_of(one).post(url, {"reason": "explained", "seen": ""}).status_code == 302
    proposal = Proposal.objects.get()
    act = {"reason": "yes", "seen": proposal.payload_hash}
    approve = f"/admin/accounts/proposal/{proposal.pk}/act/approve/"
    assert console_of(one).post(approve, act).status_code == 409
    assert console_of(ops).post(approve, act).status_code == 403
    assert Hold.objects.get().released_at is None

    assert console_of(other).post(approve, act).status_code == 302
    assert Hold.objects.get().released_by == f"staff:{other.pk}"
    written = AuditEntry.objects.order_by("at").values_list("action", flat=True)
    assert list(written) == ["hold.place", "proposal.propose", "proposal.approve", "hold.release", "proposal.execute"]


# --- What is refused, and the shell ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "subject",
    ["asset:APPL", "minting:", "nothing", "order:1", "customer:1", "customer:00000000-0000-0000-0000-000000000001"],
)
def test_a_switch_that_would_stop_nothing_is_refused(subject: str) -> None:
    new_asset()
    with unchanged(), pytest.raises(SwitchRefused):
        _pause(subject)


def test_whoever_has_paused_it_is_told_so_and_a_lapsed_hold_is_no_excuse() -> None:
    now = timezone.now()
    place_hold(
        subject="minting", owner="staff:1", reason="x", now=now - timedelta(hours=2), until=now - timedelta(hours=1)
    )
    hold = _pause("minting")
    assert (hold.reason, hold.released_at, hold.until) == ("to be looked at", None, None)
    with unchanged(), pytest.raises(SwitchRefused, match="already"):
        _pause("minting")


def _manage(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_at_a_shell_the_systems_login_pauses_and_takes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    me = f"shell:{pwd.getpwuid(os.getuid()).pw_name}"
    _manage("pause", "everything", "--reason", "the web is down")
    hold = Hold.objects.get()
    assert (hold.subject, hold.owner, AuditEntry.objects.get().actor) == ("everything", me, me)
    assert "everything since" in _manage("pause")

    _manage("resume", "everything", "--reason", "it is up")
    assert Hold.objects.get().released_by == me
    assert _manage("pause") == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("pause", "asset:NONE", "--reason", "x"), "no asset"),
        (("pause", "everything"), "Say why"),
        (("resume", "everything", "--reason", "x"), "Nothing pauses"),
        (("resume", "minting", "--reason", "x"), "Somebody else"),
    ],
)
def test_at_a_shell_what_cannot_be_is_said(words: tuple[str, ...], says: str) -> None:
    _pause("minting")
    with unchanged(), pytest.raises(CommandError, match=says):
        _manage(*words)


# --- A shortfall -----------------------------------------------------------------------------------------------------
def test_a_shortfall_found_on_demand_pauses_the_asset_and_is_seen_and_looked_after_in_the_console(
    world: World, settings: Any
) -> None:
    world.until_settled(world.place())
    settings.ATTESTOR_KEYS_FILE = "/nowhere"  # so that the next mint waits
    order = world.place("0.5")
    world.until(lambda: MintTx.objects.filter(order=order, unbacked_since__isnull=False).exists())
    empty_vault()
    ops, compliance = new_staff("ops", group="operations"), new_staff("cora", group="compliance")

    asked = console_of(ops).post("/admin/reserves/break/act/now/", {"reason": "the vault looks odd", "seen": ""})
    world.run_tasks()

    assert asked.status_code == 302
    found = Break.objects.get()
    assert (found.kind, Hold.objects.get(owner="reserves").subject) == ("VAULT_SHORT", "asset:AAPL")
    for _ in range(3):
        world.tick()
    assert (MintTx.objects.get(order=order).status, world.supply()) == ("PENDING", Decimal("0.25"))
    _is_seen(console_of(ops).get)

    page = console_of(compliance)
    url = f"/admin/reserves/break/{found.pk}/act"
    assert page.post(f"{url}/assign/", {"owner": "ops", "reason": "yours", "seen": found.version}).status_code == 302
    refused = page.post(f"{url}/resolve/", {"reason": "never mind", "seen": Break.objects.get().version})
    assert (refused.status_code, "still there" in refused.content.decode()) == (409, True)
    assert "ops" in page.get("/admin/reserves/reservereport/desk/").content.decode()


def _is_seen(get: Callable[[str], Any]) -> None:
    for url, says in (
        ("/admin/accounts/hold/switches/", "asset:AAPL is paused"),
        ("/admin/reserves/reservereport/desk/", "the custodian&#x27;s balance is below our records"),
        ("/admin/reserves/break/?state=there", "the custodian&#x27;s balance is below our records"),
        ("/admin/", "asset:AAPL"),
    ):
        assert says in get(url).content.decode(), url


def test_a_customers_page_pauses_them() -> None:
    person = new_person("una")
    row = person.customer
    row.refresh_from_db()
    answer = console_of(new_staff("cora", group="compliance")).post(
        f"/admin/accounts/customer/{row.pk}/act/pause/", {"reason": "odd", "seen": str(row.version)}
    )
    assert (answer.status_code, Hold.objects.get().subject) == (302, f"customer:{row.pk}")
