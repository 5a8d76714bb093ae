"""The desk of reserve reports in the console: from "draft now" to the public files, by two people."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone
from django.utils.html import escape

from accounts.models import AuditEntry
from agora.tests.staff import console_of, new_staff
from agora.tests.tables import unchanged
from agora.tests.world import World
from reserves.models import ReportApproval, ReportRequest, ReportSetback, ReserveReport
from reserves.services import attend_reports
from reserves.tests.reports import drafted_row, signed_row

pytestmark = pytest.mark.django_db(transaction=True)
DESK = "/admin/reserves/reservereport"


def test_from_draft_now_to_the_public_files_by_two_people(world: World) -> None:
    world.until_settled(world.place())
    world.outside.mine(20)
    world.tick()
    ops, cora = (console_of(new_staff(name, group=g)) for name, g in (("ops", "operations"), ("cora", "compliance")))

    assert ops.post(f"{DESK}/act/draft/", {"asset": "AAPL", "reason": "monthly", "seen": ""}).status_code == 302
    assert "AAPL: asked for by ops" in ops.get(f"{DESK}/desk/").content.decode()
    assert attend_reports(now=timezone.now()) == 1  # the follower's
    report = ReserveReport.objects.get()
    preview = cora.get(f"{DESK}/{report.pk}/act/approve/").content.decode()
    assert "1.0000 shares a token." in preview
    # The custodian outlives a test, and with it what earlier ones left in its vault.
    assert re.search(r"shares by the custodian&#x27;s own balance: [\d.]+ \(the custodian, asked, as of 20", preview)
    assert report.content_hash in preview

    act = {"reason": "checked", "seen": report.content_hash}
    assert ops.post(f"{DESK}/{report.pk}/act/approve/", act).status_code == 403
    assert cora.post(f"{DESK}/{report.pk}/act/publish/", act).status_code == 409  # not signed
    assert cora.post(f"{DESK}/{report.pk}/act/approve/", act).status_code == 302
    assert attend_reports(now=timezone.now()) == 1
    assert ops.post(f"{DESK}/{report.pk}/act/publish/", act).status_code == 302
    assert "published" in ops.get(f"{DESK}/desk/").content.decode()

    content = ops.get(f"{DESK}/{report.pk}/files/report.json").content
    assert "0x" + hashlib.sha256(content).hexdigest() == report.content_hash
    assert ops.get(f"{DESK}/{report.pk}/files/report.pdf").content.startswith(b"%PDF")
    assert b"in_custody,0.25" in ops.get(f"{DESK}/{report.pk}/files/report.csv").content
    archive = zipfile.ZipFile(io.BytesIO(ops.get(f"{DESK}/{report.pk}/files/package.zip").content))
    assert {"report.json", "verify.py", "liabilities.csv"} <= set(archive.namelist())
    actions = AuditEntry.objects.filter(action__startswith="report.").order_by("at").values_list("action", flat=True)
    assert list(actions) == ["report.propose", "report.approve", "report.publish"]


def test_the_desk_says_once_why_a_report_is_not_drafted(world: World) -> None:
    ops = console_of(new_staff("ops", group="operations"))
    ops.post(f"{DESK}/act/draft/", {"asset": "AAPL", "reason": "too early", "seen": ""})
    asked = ReportRequest.objects.get()
    for seconds in (0, 5, 10):  # the loop comes back
        assert attend_reports(now=asked.requested_at + timedelta(seconds=seconds)) == 0

    (setback,) = ReportSetback.objects.all()
    assert (setback.request, bool(setback.problem)) == (asked, True)
    assert f"not drafted yet: {escape(setback.problem)}" in ops.get(f"{DESK}/desk/").content.decode()


def test_a_drafts_files_are_there_to_be_read_and_its_package_is_not() -> None:
    report, client = drafted_row(), console_of(new_staff("viv", group="viewer"))

    assert client.get(f"{DESK}/{report.pk}/files/report.json").content.decode() == report.content
    assert client.get(f"{DESK}/{report.pk}/files/report.csv").status_code == 200
    assert client.get(f"{DESK}/{report.pk}/files/package.zip").status_code == 404
    assert client.get(f"{DESK}/{report.pk}/files/secret").status_code == 404
    shown = client.get(f"{DESK}/{report.pk}/change/").content.decode()
    assert bytes(report.secret).decode() not in shown
    assert "custodian" in shown


def test_whoever_asked_for_a_report_is_refused_by_the_page_and_by_the_database() -> None:
    report = drafted_row()
    proposer = report.request.proposer
    client = console_of(new_staff(proposer.username, group="compliance"))
    act = {"reason": "mine", "seen": report.content_hash}
    with unchanged():
        answer = client.post(f"{DESK}/{report.pk}/act/approve/", act)
    assert (answer.status_code, "somebody else" in answer.content.decode()) == (409, True)

    now = timezone.now()
    with unchanged(), pytest.raises(DatabaseError, match="whoever proposed a report does not approve it"):
        ReportApproval.objects.create(
            report=report, signer=proposer, content_hash=report.content_hash, second_factor_at=now, approved_at=now
        )


def test_an_old_second_factor_approves_nothing() -> None:
    report, user = drafted_row(), new_staff("cora", group="compliance")
    client = console_of(user, second_factor_at=timezone.now() - timedelta(minutes=6))
    with unchanged():
        answer = client.post(f"{DESK}/{report.pk}/act/approve/", {"reason": "x", "seen": report.content_hash})
    assert (answer.status_code, "/admin/second-factor/" in answer["Location"]) == (302, True)


def test_a_shortfall_is_said_loudly_before_anybody_approves_it() -> None:
    report = drafted_row(ratio="0.5000")
    page = console_of(new_staff("cora", group="compliance")).get(f"{DESK}/{report.pk}/act/approve/")
    assert "0.5000 shares a token: A SHORTFALL." in page.content.decode()


def test_a_published_report_offers_no_more_and_one_is_published_once() -> None:
    report, client = signed_row(), console_of(new_staff("cora", group="compliance"))
    act = {"reason": "checked", "seen": report.content_hash}
    assert client.post(f"{DESK}/{report.pk}/act/publish/", act).status_code == 302
    with unchanged():
        assert client.post(f"{DESK}/{report.pk}/act/publish/", act).status_code == 409
    assert "/act/" not in client.get(f"{DESK}/{report.pk}/change/").content.decode()


@pytest.mark.parametrize("url", [f"{DESK}/desk/", "/admin/accounts/hold/switches/"])
def test_the_desks_are_for_staff_who_may_see_them(url: str) -> None:
    assert console_of(new_staff("viv", group="viewer")).get(url).status_code == 200
    other = new_staff("otto", permissions=("accounts.view_tier",))
    assert console_of(other).get(url).status_code == 403
