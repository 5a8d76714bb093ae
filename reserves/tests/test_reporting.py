"""From an order to a report that a stranger has checked: real broker, custodian and chain, and verify.py as shipped."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from agora.lib import keyfiles
from agora.tests.tables import unchanged
from agora.tests.world import World
from minting.errors import NothingFinal
from reserves import selectors, services
from reserves.errors import ProofUnknown, ReportRefused, ReportUnknown, SecondFactorNeeded, SecondPersonNeeded
from reserves.merkle import verify_proof
from reserves.models import ReportPublication, ReportRequest, ReserveReport
from reserves.proofs import from_json
from reserves.standalone import verify as verifier
from reserves.tests.reconciling import empty_vault
from reserves.tests.reports import PROPOSER, SIGNER, approve, drafted, staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def minted(world: World) -> World:
    """Alice has 0.25 AAPL-RAT and bob 0.5, settled and final."""
    world.until_settled(world.place("0.25"))
    world.until_settled(world.place("0.5", person=world.bob))
    staff()
    return world


def test_an_order_ends_in_a_package_that_a_stranger_verifies(minted: World, tmp_path: Path) -> None:
    folder = _published(tmp_path)

    report = json.loads((folder / "report.json").read_text())
    figures = {f["name"]: (f["quantity"], f["source"]) for f in report["figures"]}
    assert figures == {
        "minted_on_chain": ("0.75", "CHAIN"),
        "minted_by_records": ("0.75", "OWN_RECORD"),
        "owed_to_holders": ("0.75", "CHAIN"),
        "in_custody": ("0.75", "OWN_RECORD"),
        "custodian_balance": (figures["custodian_balance"][0], "CUSTODIAN_API"),
        "broker_position": ("0.75", "BROKER_API"),
        "filled": ("0.75", "OWN_RECORD"),
        "pending_custody": ("0", "OWN_RECORD"),
        "pending_mint": ("0", "OWN_RECORD"),
    }
    assert (report["ratio"], report["liabilities"]["holders"], report["sequence"]) == ("1.0000", 2, 1)
    assert folder.relative_to(tmp_path) == Path("AAPL") / report["as_of"][:10]
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert "alice" not in (folder / "report.json").read_text() + (folder / "liabilities.csv").read_text()

    code, said = _verify(folder, "--attestor", _attestor())
    assert (code, said.count("ok  "), said.count("FAIL")) == (0, 7, 0), said
    assert "ok   proofs       2" in said
    assert minted.violations() == []


def test_whoever_signed_must_be_whom_you_named(minted: World, tmp_path: Path) -> None:
    code, said = _verify(_published(tmp_path), "--attestor", "0x" + "11" * 20)
    assert (code, said.count("FAIL")) == (1, 1)
    assert "not by the attestor you named" in said


def test_the_second_report_names_the_first(minted: World, tmp_path: Path) -> None:
    first = _published(tmp_path)
    minted.until_settled(minted.place("0.1"))
    second = _published(tmp_path)

    assert second.name == first.name + ".2"
    before = selectors.published_report(symbol="AAPL", sequence=1)
    said = json.loads((second / "report.json").read_text())
    assert before is not None
    assert (said["sequence"], said["previous_hash"]) == (2, before.report_hash)
    assert (second / "previous.json").read_bytes() == (first / "report.json").read_bytes()
    assert _verify(second)[0] == 0

    (second / "previous.json").write_bytes((first / "report.json").read_bytes().replace(b"0.75", b"0.74"))
    code, text = _verify(second)
    assert (code, "previous.json has another hash" in text) == (1, True)


def test_a_package_is_written_anew_and_never_over_another(minted: World, tmp_path: Path) -> None:
    folder = _published(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    call_command("por_package", asset="AAPL", out=tmp_path, stdout=io.StringIO())
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before

    for name in (folder.name, folder.name + ".1"):
        (folder.parent / name).mkdir(exist_ok=True)
        (folder.parent / name / "report.json").write_text("{}")
    with pytest.raises(CommandError, match="holds another report"):
        call_command("por_package", asset="AAPL", out=tmp_path, stdout=io.StringIO())


@pytest.mark.parametrize(
    ("name", "old", "new", "step"),
    [
        ("report.json", '"in_custody","quantity":"0.75"', '"in_custody","quantity":"0.76"', "signature"),
        ("report.json", '"holders":2', '"holders":3', "liabilities"),
        ("report.json", '{"as_of"', '{ "as_of"', "report"),
        ("report.csv", "0.75", "0.85", "table"),
        ("signature.json", '"signature": "0x', '"signature": "0x0', "signature"),
        ("liabilities.csv", "0000000000000000\n", "0000000000000001\n", "liabilities"),
        ("plain.json", "250000000000000000", "260000000000000000", "plain tree"),
    ],
)
def test_a_changed_file_is_found(minted: World, tmp_path: Path, name: str, old: str, new: str, step: str) -> None:
    folder = _published(tmp_path)
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))

    code, said = _verify(folder)
    assert code == 1
    assert f"FAIL {step}" in said, said


def test_a_shortfall_is_said_and_fails_the_verification(minted: World, tmp_path: Path) -> None:
    empty_vault()
    folder = _published(tmp_path)

    assert json.loads((folder / "report.json").read_text())["ratio"] == "0.0000"
    code, said = _verify(folder)
    assert code == 1
    assert "RESERVES DO NOT COVER THE TOKENS" in said


def test_each_holder_has_a_proof_and_nobody_else(minted: World, tmp_path: Path) -> None:
    folder = _published(tmp_path)
    said = selectors.inclusion_proof(symbol="AAPL", address=minted.bob.wallet.lower())

    proof, root = from_json(said)
    verify_proof(proof, root=root)
    assert (proof.amount, proof.total) == (5 * 10**17, 75 * 10**16)
    assert said["report_hash"] == _hash_of(folder)
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps(said))
    assert _verify(folder, "--proof", str(mine))[0] == 0

    mine.write_text(json.dumps({**said, "amount_wei": "600000000000000000"}))
    assert _verify(folder, "--proof", str(mine))[0] == 1
    with pytest.raises(ProofUnknown):
        selectors.inclusion_proof(symbol="AAPL", address="0x" + "22" * 20)
    with pytest.raises(ReportUnknown):
        selectors.inclusion_proof(symbol="MSFT", address=minted.bob.wallet)


# --- Who may do what, and when ---------------------------------------------------------------------------------------
def test_whoever_proposed_does_not_approve(minted: World) -> None:
    report, now = drafted(), timezone.now()
    with unchanged(), pytest.raises(SecondPersonNeeded):
        approve(report, by=staff()[0], now=now)


@pytest.mark.parametrize("age", [timedelta(minutes=5, seconds=1), timedelta(seconds=-1)])
def test_a_second_factor_is_fresh(minted: World, age: timedelta) -> None:
    report, now = drafted(), timezone.now()
    with unchanged(), pytest.raises(SecondFactorNeeded):
        approve(report, by=staff()[1], now=now, second_factor_at=now - age)


def test_what_is_approved_is_what_was_drafted_and_lately(minted: World) -> None:
    report, now = drafted(), timezone.now()
    sven = staff()[1]
    with unchanged():
        with pytest.raises(ReportRefused, match="not this report"):
            services.approve_report(
                report_id=report.pk, signer=sven, content_hash="0x" + "00" * 32, second_factor_at=now, now=now
            )
        late = now + timedelta(hours=25)
        with pytest.raises(ReportRefused, match="older than a day"):
            approve(report, by=sven, now=late)
        with pytest.raises(ReportRefused, match="not signed"):
            services.publish_report(report_id=report.pk, publisher=sven, now=now)
        with pytest.raises(ReportRefused, match="second person has approved"):
            services.sign_report(report_id=report.pk, now=now)


def test_of_two_drafts_one_is_published(minted: World) -> None:
    first, second, now = drafted(), drafted(), timezone.now()
    for report in (first, second):
        approve(report, by=staff()[1], now=now)
    assert services.attend_reports(now=now) == 2
    sven = staff()[1]
    services.publish_report(report_id=second.pk, publisher=sven, now=now)

    with pytest.raises(ReportRefused, match="Another report was published"):
        services.publish_report(report_id=first.pk, publisher=sven, now=now)
    statuses = {facts.report_id: facts.status for facts in selectors.reports(symbol="AAPL")}
    assert statuses == {first.pk: "superseded", second.pk: "published"}
    assert minted.violations() == []


def test_each_step_is_one_fact_however_often_it_is_asked(minted: World) -> None:
    report, now = drafted(), timezone.now()
    assert services.draft_report(request_id=report.request_id, now=now) == report
    approve(report, by=staff()[1], now=now)
    signature = services.sign_report(report_id=report.pk, now=now)
    assert services.sign_report(report_id=report.pk, now=now) == signature
    sven = staff()[1]
    published = services.publish_report(report_id=report.pk, publisher=sven, now=now)
    assert services.publish_report(report_id=report.pk, publisher=sven, now=now) == published


def test_an_approval_is_used_within_a_day(minted: World) -> None:
    report, now = drafted(), timezone.now()
    approve(report, by=staff()[1], now=now)
    services.sign_report(report_id=report.pk, now=now)
    with unchanged(), pytest.raises(ReportRefused, match="approval is older"):
        services.publish_report(report_id=report.pk, publisher=staff()[1], now=now + timedelta(hours=25))


def test_a_report_is_not_signed_with_the_gates_or_the_publishers_key(minted: World, settings: Any) -> None:
    report, now = drafted(), timezone.now()
    approve(report, by=staff()[1], now=now)
    for path in (settings.ATTESTOR_KEYS_FILE, settings.RESERVE_PUBLISHER_KEY_FILE):
        own = Path(settings.REPORT_ATTESTOR_KEY_FILE).with_name("borrowed.json")
        own.write_text(json.dumps(keyfiles.read(Path(path))[:1]))
        own.chmod(0o600)
        settings.REPORT_ATTESTOR_KEY_FILE = str(own)
        with unchanged(), pytest.raises(ReportRefused, match="key of its own"):
            services.sign_report(report_id=report.pk, now=now)


def test_the_follower_drafts_what_was_asked_for_and_gives_up_after_a_while(world: World) -> None:
    now = timezone.now()
    request = services.propose_report(symbol="AAPL", proposer=staff()[0], now=now)
    with pytest.raises(NothingFinal):
        services.draft_report(request_id=request.pk, now=now)
    assert services.attend_reports(now=now) == 0

    world.until_settled(world.place("0.25"))
    assert services.attend_reports(now=now + timedelta(minutes=16)) == 0
    assert services.attend_reports(now=now + timedelta(minutes=14)) == 1
    assert ReserveReport.objects.get().request == request


def test_the_command_signs_in_the_sandbox_alone(minted: World, settings: Any) -> None:
    settings.AGORA_MODE = "paper"
    with pytest.raises(CommandError, match="in the console"):
        call_command("por_report", asset="AAPL", by=PROPOSER, sign_by=SIGNER)
    settings.AGORA_MODE = "sandbox"
    with pytest.raises(CommandError, match="no login"):
        call_command("por_report", asset="AAPL", by="nobody")
    with pytest.raises(CommandError, match="somebody else has to approve"):
        call_command("por_report", asset="AAPL", by=PROPOSER, sign_by=PROPOSER, stdout=io.StringIO())
    assert (ReportRequest.objects.count(), ReportPublication.objects.count()) == (1, 0)


# --- The API ---------------------------------------------------------------------------------------------------------
def test_anyone_reads_reports_files_and_proofs(minted: World, client: Any, tmp_path: Path) -> None:
    folder = _published(tmp_path)
    base = "/api/v1/reserves"

    (listed,) = client.get(f"{base}/reports").json()["results"]
    assert (listed["asset"], listed["sequence"], listed["report_hash"]) == ("AAPL", 1, _hash_of(folder))
    assert "proposer" not in listed
    assert client.get(f"{base}/reports/AAPL/1").json()["content"] == json.loads((folder / "report.json").read_text())
    for name in ("report.json", "report.csv", "report.pdf", "signature.json", "liabilities.csv", "plain.json"):
        answer = client.get(f"{base}/reports/AAPL/1/{name}")
        assert (answer.status_code, answer.content) == (200, (folder / name).read_bytes()), name
    proof = client.get(f"{base}/proofs/AAPL/{minted.alice.wallet}").json()
    assert proof["amount_wei"] == str(25 * 10**16)

    archive = tmp_path / "package.zip"
    archive.write_bytes(client.get(f"{base}/reports/AAPL/1/package.zip").content)
    shutil.unpack_archive(archive, tmp_path / "stranger")
    assert _verify(tmp_path / "stranger")[0] == 0

    for missing in ("reports/AAPL/2", "reports/AAPL/1/secret", "reports/MSFT/1", f"proofs/AAPL/0x{'22' * 20}"):
        answer = client.get(f"{base}/{missing}")
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json"), missing


def test_a_draft_is_nobodys_to_read(minted: World, client: Any) -> None:
    drafted()
    assert client.get("/api/v1/reserves/reports").json()["results"] == []
    assert client.get("/api/v1/reserves/reports/AAPL/1").status_code == 404
    assert client.get(f"/api/v1/reserves/proofs/AAPL/{minted.alice.wallet}").status_code == 404


def _published(out: Path) -> Path:
    call_command("por_report", asset="AAPL", by=PROPOSER, sign_by=SIGNER, stdout=io.StringIO())
    said = io.StringIO()
    call_command("por_package", asset="AAPL", out=out, stdout=said)
    return Path(said.getvalue().strip())


def _attestor() -> str:
    facts = selectors.published_report(symbol="AAPL")
    assert facts is not None
    return facts.attestor


def _hash_of(folder: Path) -> str:
    return str(verifier.check_form(folder)[1])


def _verify(folder: Path, *options: str) -> tuple[int, str]:
    """The package's own verifier, as a stranger runs it: no Agora, no site packages."""
    command = [sys.executable, "-I", "-S", str(folder / "verify.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env={})
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout
