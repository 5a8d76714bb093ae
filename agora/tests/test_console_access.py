"""Who may do what in the console: every page and every action, by every group and by nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.test import Client
from django.urls import URLPattern, URLResolver
from django.utils import timezone

import agora.urls  # noqa: F401 - registers the console's pages
from accounts.models import (
    ApiToken,
    AuditEntry,
    Customer,
    DeletionRequest,
    Hold,
    MonitoringRule,
    Proposal,
    Tier,
    User,
)
from accounts.models import Case as MonitoringCase
from accounts.services import (
    add_rule,
    approve_proposal,
    assign_case,
    issue_api_token,
    open_case,
    place_hold,
    propose,
    reject_customer,
    request_deletion,
)
from accounts.tests.people import CPF_2, applicant
from agora.lib.admin import ReadOnlyAdmin, ReasonedAction, ReasonedAdmin
from agora.roles import ROLES
from agora.tests.rows import NOON, new_asset, new_mint, new_order, new_person, new_record, walk_to
from agora.tests.staff import console_of, new_staff
from agora.tests.tables import fingerprint, unchanged
from custody.models import CustodyRecord
from minting.models import MintTx
from orders.models import Order
from reserves.models import Break
from reserves.tests.reports import drafted_row, signed_row

pytestmark = pytest.mark.django_db(transaction=True)

EVERYBODY = ("superuser", *ROLES, "customer", "nobody", "password only")
LOOP = {"viewer", "compliance", "operations", "auditor"}

# Which groups see which list; a superuser sees all of them, and nobody else any.
SECOND = 990_001  # a colleague whom a form can name before anybody is there
PARAMETERS = {"hours": 1, "orders": 2}
PEOPLE, RECORDS = {"compliance", "auditor"}, {"auditor"}
QUEUE = {"operations", "auditor"}
LISTS: dict[str, set[str]] = {
    **{f"accounts.{name}": LOOP for name in ("hold", "tier", "disclosure")},
    **{f"accounts.{name}": PEOPLE for name in ("customer", "limituse", "proposal", "deletionrequest", "dataexport")},
    **{f"accounts.{name}": PEOPLE for name in ("case", "monitoringrule")},
    **{f"accounts.{name}": RECORDS for name in ("auditentry", "auditseal", "user")},
    "accounts.apitoken": QUEUE,
    "auth.group": RECORDS,
    **{f"orders.{name}": LOOP for name in ("asset", "order", "brokermessage")},
    **{f"orders.{name}": LOOP for name in ("assetprice", "marketclock", "fxrate", "feedhealth")},
    **{f"custody.{name}": LOOP for name in ("vaultaccount", "custodyrecord", "vendormessage")},
    **{f"minting.{name}": LOOP for name in ("token", "minttx", "reorg", "foreignmint", "block", "tokenswitch")},
    **{f"minting.{name}": LOOP for name in ("rpcnode", "foreignnonce")},
    **{f"reserves.{name}": LOOP for name in ("reconciliationrun", "break", "reserveattestation", "reservereport")},
    **{f"django_q.{name}": QUEUE for name in ("failure", "ormq", "schedule")},
}


def _waiting() -> Customer:
    return applicant(tax_id=CPF_2)


def _rejected() -> Customer:
    row = _waiting()
    reject_customer(customer=row, kind="FINAL", sentence="No.", actor="test", now=timezone.now())
    return row


def _failed() -> CustodyRecord:
    return walk_to(new_record(), "FAILED")


def _token() -> ApiToken:
    user = User.objects.create_user("bot")
    issue_api_token(user=user, name="bot", now=timezone.now())
    return user.api_tokens.get()


def _proposed() -> Proposal:
    customer = new_person("una", wallet="").customer
    Tier.objects.get_or_create(country="BR", level=2, defaults={"daily_limit_usd": 1, "min_quantity": 1})
    return propose(
        action="customer.set_tier",
        subject=f"customer:{customer.pk}",
        payload={"level": "2"},
        proposer=User.objects.create_user("proposer"),
        reason="seen",
        now=timezone.now(),
    )


def _approved() -> Proposal:
    row = _proposed()
    another = User.objects.create_user("another")
    approve_proposal(
        proposal_id=row.pk, approver=another, payload_hash=row.payload_hash, reason="yes", now=timezone.now()
    )
    return row


def _leaving() -> DeletionRequest:
    return request_deletion(customer=_waiting(), reason="", now=timezone.now())


def _colleague() -> User:
    return new_staff("colleague", group="viewer")


def _nothing() -> None:
    new_asset()


def _paused() -> Hold:
    """Asset-wide, by a part of Agora: nobody's own."""
    new_asset()
    return place_hold(subject="asset:AAPL", owner="reserves", reason="short", now=timezone.now())


def _own_pause() -> Hold:
    """By whoever is to act: they signed in last."""
    actor = User.objects.filter(is_staff=True).order_by("-pk").first() or User.objects.create_user("someone")
    return place_hold(subject="everything", owner=f"staff:{actor.pk}", reason="a slip", now=timezone.now())


def _difference() -> Break:
    now = timezone.now()
    new_staff("attendant", group="operations")
    row = Break.objects.create(asset=new_asset(), kind="BROKER_OVER", quantity=1, opened_at=now, seen_at=now)
    return Break.objects.get(pk=row.pk)  # its quantity as the page has it


def _uncertain() -> Order:
    return walk_to(new_order(), "SUBMITTING")


def _long_uncertain() -> Order:
    row = _uncertain()
    long_ago = timezone.now() - timedelta(days=2)
    Order.objects.filter(pk=row.pk).update(created_at=long_ago, updated_at=long_ago)
    row.refresh_from_db()
    return row


def _disagreeing() -> Order:
    return walk_to(new_order(filled_quantity=Decimal("0.1")), "PARTIALLY_FILLED")


def _called() -> CustodyRecord:
    row = walk_to(new_record(), "SUBMITTED")
    CustodyRecord.objects.filter(pk=row.pk).update(called_at=timezone.now())
    return row


def _held_by(owner: str) -> Hold:
    return place_hold(subject=f"order:{new_order().pk}", owner=owner, reason="a question", now=timezone.now())


def _own_hold() -> Hold:
    """By whoever is to act: they signed in last."""
    actor = User.objects.filter(is_staff=True).order_by("-pk").first() or User.objects.create_user("someone")
    return _held_by(f"staff:{actor.pk}")


def _mint_at(status: str) -> MintTx:
    return walk_to(new_mint(), status)


def _rule() -> MonitoringRule:
    now = timezone.now()
    return add_rule(
        code="r", kind="VELOCITY", severity="LOW", parameters=PARAMETERS, actor="test", reason="a test", now=now
    )


def _case() -> MonitoringCase:
    User.objects.create_user("second", pk=SECOND, is_staff=True)
    made = open_case(
        rule_id=_rule().pk, customer_id=_waiting().pk, window_on=NOON.date(), evidence={}, now=timezone.now()
    )
    assert made
    return made


def _give(row: Any, client: Client) -> None:
    """The case is theirs, where they are staff."""
    if user := User.objects.filter(pk=client.session.get("_auth_user_id"), is_staff=True).first():
        assign_case(case=row, assignee=user, actor=user, reason="theirs", now=timezone.now())


@dataclass(frozen=True)
class Case:
    """A row on which the action is legal, what is typed, and whose it is."""

    row: Callable[[], Any]  # None: the action is on no row
    groups: set[str]
    typed: dict[str, str]
    writes: tuple[str, ...]  # the audit entries of one success
    prepare: Callable[[Any, Client], None] = lambda row, client: None  # once it is known who asks


SETTLED_OUTSIDE = {"resolution": "REFUNDED", "reference": "case 7"}
ACTIONS: dict[str, Case] = {
    "accounts.customer.approve": Case(_waiting, {"compliance"}, {}, ("customer.approve",)),
    "accounts.customer.reject": Case(
        _waiting, {"compliance"}, {"kind": "RETRY", "sentence": "Send it again."}, ("customer.reject",)
    ),
    "accounts.customer.reopen": Case(_rejected, {"compliance"}, {}, ("customer.reopen",)),
    "accounts.customer.reveal": Case(_waiting, {"compliance"}, {}, ("customer.reveal",)),
    "accounts.customer.propose-tier": Case(_waiting, {"compliance"}, {"level": "2"}, ("proposal.propose",)),
    "accounts.case.assign": Case(_case, {"compliance"}, {"assignee": str(SECOND)}, ("case.assign",)),
    "accounts.case.note": Case(_case, {"compliance"}, {}, ("case.note",)),
    "accounts.case.escalate": Case(_case, {"compliance"}, {"to": str(SECOND)}, ("case.escalate",)),
    "accounts.case.close": Case(
        _case, {"compliance"}, {"outcome": "NO_ISSUE"}, ("case.assign", "case.close"), prepare=_give
    ),
    "accounts.monitoringrule.change": Case(
        _rule, {"compliance"}, {"parameters": json.dumps(PARAMETERS), "severity": "HIGH"}, ("rule.change",)
    ),
    "accounts.apitoken.revoke": Case(_token, {"operations"}, {}, ("token.revoke",)),
    "accounts.proposal.approve": Case(
        _proposed, {"compliance"}, {}, ("customer.set_tier", "proposal.approve", "proposal.execute")
    ),
    "accounts.proposal.decline": Case(_proposed, {"compliance"}, {}, ("proposal.decline",)),
    "accounts.proposal.execute": Case(_approved, {"compliance"}, {}, ("customer.set_tier", "proposal.execute")),
    "accounts.deletionrequest.complete": Case(_leaving, {"compliance"}, {}, ("customer.close",)),
    "accounts.deletionrequest.refuse": Case(
        _leaving, {"compliance"}, {"sentence": "An order is open."}, ("customer.refuse_deletion",)
    ),
    "accounts.customer.pause": Case(_waiting, {"compliance"}, {}, ("hold.place",)),
    "accounts.hold.pause": Case(_nothing, {"compliance", "operations"}, {"what": "minting:AAPL"}, ("hold.place",)),
    "accounts.hold.undo": Case(_own_pause, {"compliance", "operations"}, {}, ("hold.place", "hold.release")),
    "accounts.hold.propose-release": Case(_paused, {"compliance", "operations"}, {}, ("proposal.propose",)),
    "reserves.break.now": Case(_nothing, {"compliance", "operations"}, {}, ("reconciliation.ask",)),
    "reserves.reconciliationrun.now": Case(_nothing, {"compliance", "operations"}, {}, ("reconciliation.ask",)),
    "reserves.break.assign": Case(_difference, {"compliance", "operations"}, {"owner": "attendant"}, ("break.assign",)),
    "reserves.break.note": Case(_difference, {"compliance", "operations"}, {}, ("break.note",)),
    "reserves.break.resolve": Case(_difference, {"compliance"}, {}, ("break.resolve",)),
    "reserves.reservereport.draft": Case(
        _nothing, {"compliance", "operations"}, {"asset": "AAPL"}, ("report.propose",)
    ),
    "reserves.reservereport.approve": Case(drafted_row, {"compliance"}, {}, ("report.approve",)),
    "reserves.reservereport.publish": Case(
        signed_row, {"compliance", "operations"}, {}, ("report.approve", "report.publish")
    ),
    "accounts.user.reset-second-factor": Case(_colleague, set(), {}, ("login.second_factor_reset",)),
    "accounts.hold.release": Case(_own_hold, {"operations", "compliance"}, {}, ("hold.place", "hold.release")),
    "orders.order.look-up": Case(_uncertain, {"operations"}, {}, ("order.look_up",)),
    "orders.order.hold": Case(new_order, {"operations", "compliance"}, {"hours": "2"}, ("hold.place",)),
    "orders.order.cancel": Case(new_order, {"operations"}, {}, ("order.cancel",)),
    "orders.order.propose-settlement": Case(_disagreeing, {"operations"}, {}, ("proposal.propose",)),
    "orders.order.propose-never-placed": Case(_long_uncertain, {"operations"}, {}, ("proposal.propose",)),
    "custody.custodyrecord.retry": Case(_failed, {"operations"}, {}, ("custody.retry",)),
    "custody.custodyrecord.look-up": Case(_called, {"operations"}, {}, ("custody.look_up",)),
    "custody.custodyrecord.propose-close": Case(_failed, {"operations"}, SETTLED_OUTSIDE, ("proposal.propose",)),
    "minting.token.stop": Case(
        lambda: new_mint().token, {"compliance", "operations"}, {"what": "MINTING"}, ("token.stop",)
    ),
    "minting.token.propose-start": Case(
        lambda: new_mint().token, {"compliance", "operations"}, {"what": "MINTING"}, ("proposal.propose",)
    ),
    "minting.minttx.rebroadcast": Case(lambda: _mint_at("SIGNED"), {"operations"}, {}, ("mint.rebroadcast",)),
    "minting.minttx.observe": Case(lambda: _mint_at("SENT"), {"operations"}, {}, ("mint.observe",)),
    "minting.minttx.propose-close": Case(
        lambda: _mint_at("FAILED"), {"operations"}, SETTLED_OUTSIDE, ("proposal.propose",)
    ),
}


def _registered() -> dict[str, tuple[ReasonedAdmin, ReasonedAction]]:
    return {
        f"{model._meta.label_lower}.{action.name}": (model_admin, action)
        for model, model_admin in admin.site._registry.items()
        if isinstance(model_admin, ReasonedAdmin)
        for action in (*model_admin.reasoned_actions, *model_admin.list_actions)
    }


def _url(name: str, row: Any) -> str:
    label, _, action = name.rpartition(".")
    of_row = "" if row is None else f"{row.pk}/"
    return f"/admin/{label.replace('.', '/')}/{of_row}act/{action}/"


def _client(who: str) -> Client:
    if who == "nobody":
        return Client()
    client = Client()
    if who == "customer":
        client.force_login(User.objects.create_user("a-customer"))
        return client
    if who == "password only":
        client.force_login(new_staff("root"))
        return client
    return console_of(new_staff(f"the-{who}", group="" if who == "superuser" else who))


def test_every_list_and_every_action_has_its_entry_here() -> None:
    assert {model._meta.label_lower for model in admin.site._registry} == set(LISTS)
    assert set(_registered()) == set(ACTIONS)


def test_each_page_is_read_only_but_for_the_one_of_logins() -> None:
    assert [one for one in admin.site._registry.values() if not isinstance(one, ReadOnlyAdmin) or one.actions] == []
    request = HttpRequest()
    request.user = new_staff()
    edited = {
        model._meta.label
        for model, one in admin.site._registry.items()
        if one.has_change_permission(request) or one.has_add_permission(request) or one.has_delete_permission(request)
    }
    assert edited == {"accounts.User"}


def test_the_groups_name_permissions_that_models_declare() -> None:
    declared = {
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_models()
        for codename in [f"view_{model._meta.model_name}", *dict(model._meta.permissions)]
    }
    assert {label for labels in ROLES.values() for label in labels} <= declared


def test_migrate_alone_makes_the_groups() -> None:
    Group.objects.all().delete()
    import_module("accounts.migrations.0020_switch_groups").sync(apps, None)

    made = {
        group.name: {
            f"{p.content_type.app_label}.{p.codename}" for p in group.permissions.select_related("content_type")
        }
        for group in Group.objects.all()
    }
    assert made == {name: set(labels) for name, labels in ROLES.items()}


@pytest.mark.parametrize("who", EVERYBODY)
def test_each_list_is_open_to_whom_the_table_says(who: str) -> None:
    client = _client(who)
    opened, expected = set(), {label for label, groups in LISTS.items() if who in groups or who == "superuser"}
    for label in LISTS:
        status = client.get(f"/admin/{label.replace('.', '/')}/").status_code
        assert status in (200, 302, 403), (label, status)
        opened |= {label} if status == 200 else set()
    assert opened == expected


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_each_action_is_done_by_whom_the_table_says_and_leaves_its_entries(name: str, who: str) -> None:
    case = ACTIONS[name]
    new_asset()
    client = _client(who)
    row = case.row()
    case.prepare(row, client)
    if row is not None:
        row.refresh_from_db()
    url = _url(name, row)
    form = {"seen": str(getattr(row, "version", "")), "reason": "as the matrix says", **case.typed}
    before = fingerprint()

    asked = client.get(url)
    assert before == fingerprint()  # asking changes nothing
    answer = client.post(url, form)

    entries = AuditEntry.objects.filter(reason="as the matrix says") | AuditEntry.objects.filter(
        action__in=case.writes, actor__startswith="staff:"
    )
    if who in case.groups or who == "superuser":
        assert (asked.status_code, answer.status_code in (200, 302)) == (200, True), answer.content
        assert sorted({entry.action for entry in entries}) == sorted(case.writes)
    else:
        refused = 302 if who in ("nobody", "customer", "password only") else 403
        assert (asked.status_code, answer.status_code) == (refused, refused)
        assert before == fingerprint()


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_each_action_asks_for_a_reason_and_a_fresh_look(name: str) -> None:
    case = ACTIONS[name]
    new_asset()
    client = _client("superuser")
    row = case.row()
    case.prepare(row, client)
    if row is not None:
        row.refresh_from_db()
    url = _url(name, row)
    seen = str(getattr(row, "version", ""))
    with unchanged():
        assert "This field is required." in client.post(url, {"seen": seen, **case.typed}).content.decode()
        assert client.post(url, {"seen": "other", "reason": "x", **case.typed}).status_code == 409


@pytest.mark.parametrize("name", sorted(name for name, (_, action) in _registered().items() if action.is_dangerous))
def test_each_dangerous_action_wants_a_recent_second_factor(name: str) -> None:
    case = ACTIONS[name]
    new_asset()
    user = new_staff()
    row = case.row()
    long_ago = timezone.now() - timedelta(minutes=6)
    client = console_of(user, second_factor_at=long_ago)
    url = _url(name, row)
    form = {"seen": str(getattr(row, "version", "")), "reason": "x", **case.typed}
    back = f"/admin/second-factor/?{urlencode({'next': url})}"
    with unchanged():
        for answer in (client.get(url), client.post(url, form)):
            assert (answer.status_code, answer["Location"]) == (302, back)
    assert client.get(f"/admin/{name.rpartition('.')[0].replace('.', '/')}/{row.pk}/change/").status_code == 200


# --- Every URL there is ----------------------------------------------------------------------------------------------
OPEN_TO_ALL = {"login", "logout", "second_factor", "new_second_factor"}


def _urls(patterns: list[Any], prefix: str = "/admin/") -> list[tuple[str, str]]:
    found = []
    for one in patterns:
        if isinstance(one, URLResolver):
            found += _urls(one.url_patterns, prefix + str(one.pattern))
        elif isinstance(one, URLPattern):
            found.append((one.name or "", prefix + str(one.pattern)))
    return found


def _concrete(route: str) -> str:
    return re.sub(r"<[^>]+>", "1", route)


@pytest.mark.parametrize("who", ["nobody", "customer", "password only"])
def test_every_url_of_the_console_is_closed_to_whoever_is_not_fully_signed_in(who: str) -> None:
    client = _client(who)
    routes = [(name, _concrete(route)) for name, route in _urls(admin.site.get_urls()) if "(?P" not in route]
    assert len(routes) > 100
    with unchanged():
        for name, url in routes:
            if name in OPEN_TO_ALL:
                continue
            for answer in (client.get(url), client.post(url)):
                assert answer.status_code == 302, (name, url, answer.status_code)
                assert answer["Location"].startswith(("/admin/login/", "/admin/second-factor/")), (name, url)
