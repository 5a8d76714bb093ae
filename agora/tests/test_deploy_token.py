"""`manage.py deploy_token`: set up once, whatever kills it; nothing unaudited on a public chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from eth_utils import keccak

from agora.lib import anvil, crashpoints
from agora.tests.outside import Outside
from agora.tests.world import World
from custody.signers import get_signer
from minting import chains
from minting.chains import artifact, get_chain, local
from minting.chains.operator import Operator, created_address
from minting.errors import NotAudited, WrongChain
from minting.models import ContractDeployment, Token
from minting.services import verify_chain
from minting.services.auditing import check_audited
from orders.models import Asset
from orders.services import register_asset
from reserves.attestors import ensure_local_attestors, get_attestors
from reserves.publishers import ensure_local_publisher

pytestmark = pytest.mark.django_db(transaction=True)
BOTH = [artifact.TOKEN, artifact.ORACLE]
SEPOLIA = 84532


class Killed(BaseException):
    """Stands for kill -9: nothing of ours catches it."""


@pytest.fixture
def installation(outside: Outside, transactional_db: None) -> Iterator[Outside]:
    """AAPL offered, nothing deployed."""
    outside.reset()
    with outside.configured():
        _offer_aapl()
        yield outside


def test_a_token_is_deployed_with_each_role_at_an_address_of_its_own(installation: Outside, settings: Any) -> None:
    said = _deploy()

    token = Token.objects.get()
    assert said == (
        f"AAPL is {token.address} on chain 31337, minted by {token.minter}, reserves by {token.reserve_feed}\n"
    )
    holders = {
        "MINTER_ROLE": get_signer().address(),
        "PAUSER_ROLE": local.PAUSER,
        "COMPLIANCE_ROLE": local.COMPLIANCE,
        "RESERVE_ADMIN_ROLE": local.RESERVE_ADMIN,
    }
    everybody = [*holders.values(), local.ADMIN]
    assert len(set(everybody)) == 5
    for role, holder in holders.items():
        assert [who for who in everybody if _read("hasRole", keccak(text=role), who) == (True,)] == [holder]
    assert _read("defaultAdmin") == (local.ADMIN.lower(),)
    assert _read("minterAllowance", token.minter) == (10**24,)
    assert _read("dailyMintCap") == (10**23,)
    assert _read("reserveFeed") == (token.reserve_feed.lower(), settings.RESERVE_MAX_AGE, 0)
    assert _read("terms") == ("docs/token-terms.md", keccak(settings.TOKEN_TERMS_FILE.read_bytes()))
    assert _oracle("consumer") == (token.address.lower(),)
    assert _oracle("attestors") == (tuple(attestor.address.lower() for attestor in get_attestors()),)
    assert _oracle("threshold") == (2,)


@pytest.mark.parametrize(
    ("asset_name", "shown"),
    [
        ("Exactly 16 bytes", "Exactly 16 bytes RealAssetToken"),
        ("Seventeen bytes !", "AAPL RealAssetToken"),
        ("Telefônica Brasi", "AAPL RealAssetToken"),  # 16 letters, 17 bytes
    ],
)
def test_a_name_that_the_contract_could_not_hold_is_the_tickers(
    installation: Outside, asset_name: str, shown: str
) -> None:
    Asset.objects.filter(symbol="AAPL").update(name=asset_name)

    _deploy("--no-reserve-gate")

    arguments = ContractDeployment.objects.get(contract=artifact.TOKEN).arguments
    assert shown in arguments.values()
    assert Token.objects.get().asset.name == asset_name


def test_the_record_says_what_was_deployed_and_stays_out_of_the_tree(installation: Outside, settings: Any) -> None:
    _deploy()

    token, chain = Token.objects.get(), get_chain()
    record = json.loads((settings.LOCAL_DEPLOYMENTS / "31337.json").read_text())["assets"]["AAPL"]
    deployed = record["token"]
    receipt = chain.receipts([deployed["tx"]])[deployed["tx"]]
    assert (deployed["address"], deployed["block"]) == (token.address, token.deployed_block)
    assert (receipt.succeeded, receipt.block_number) == (True, deployed["block"])
    assert deployed["code_hash"] == token.code_hash == chain.code_hash(token.address)
    assert deployed["template_hash"] == artifact.load().template_hash
    assert deployed["constructor_arguments"]["ticker"] == "AAPL"
    assert record["oracle"]["address"] == record["reserve_gate"]["feed"] == token.reserve_feed
    assert record["oracle"]["constructor_arguments"]["consumer"] == token.address
    assert record["roles"]["MINTER"] == token.minter
    assert not str(settings.LOCAL_DEPLOYMENTS).startswith(str(settings.BASE_DIR))


def test_a_second_run_sends_nothing(installation: Outside) -> None:
    _deploy()
    before = _sent()

    _deploy()

    assert (_sent(), Token.objects.count()) == (before, 1)


@pytest.mark.parametrize(
    ("point", "hit"),
    [
        ("deploy.before_broadcast", 1),  # the token's creation is signed and kept
        ("deploy.before_broadcast", 2),  # the oracle's
        ("deploy.after_creation", 1),
        ("deploy.after_round", 1),
        ("deploy.before_register", 1),
    ],
)
def test_a_deployment_that_was_killed_is_completed_without_a_second_token(
    installation: Outside, monkeypatch: pytest.MonkeyPatch, point: str, hit: int
) -> None:
    start = _sent()
    _kill_at(monkeypatch, point, hit)
    with pytest.raises(Killed):
        _deploy()
    assert Token.objects.count() == 0
    monkeypatch.undo()

    _deploy()

    assert ContractDeployment.objects.count() == 2
    created = [row.address for row in ContractDeployment.objects.order_by("nonce")]
    token = Token.objects.get()
    assert created == [token.address, token.reserve_feed]
    creations = [nonce for nonce in range(start, _sent()) if get_chain().code(_address_at(nonce))]
    assert len(creations) == 2
    verify_chain()


def test_a_run_that_was_killed_between_the_roles_completes_them(
    installation: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Operator.send

    def send_three(self: Operator, calls: Any) -> Any:
        send(self, list(calls)[:3])
        raise Killed

    monkeypatch.setattr(Operator, "send", send_three)
    with pytest.raises(Killed):
        _deploy()
    monkeypatch.undo()

    _deploy()

    token = Token.objects.get()
    assert _read("hasRole", keccak(text="RESERVE_ADMIN_ROLE"), local.RESERVE_ADMIN) == (True,)
    assert _read("hasRole", keccak(text="RESERVE_ADMIN_ROLE"), local.ADMIN) == (False,)
    assert _read("reserveFeed")[0] == token.reserve_feed.lower()


def test_a_token_without_a_gate_can_be_given_one_later(installation: Outside) -> None:
    _deploy("--no-reserve-gate")
    first = Token.objects.get()
    assert (first.reserve_feed, _read("reserveFeed")[0]) == ("", "0x" + "00" * 20)
    verify_chain()

    _deploy()

    token = Token.objects.get()
    assert (token.address, token.reserve_feed != "") == (first.address, True)
    verify_chain()


def test_the_wrong_chain_is_refused_by_name(installation: Outside) -> None:
    with pytest.raises(CommandError, match="CHAIN_ID is 31337, not 84532"):
        _deploy("--chain", str(SEPOLIA))
    assert Token.objects.count() == 0


def test_the_start_up_check_refuses_a_token_whose_feed_was_changed(world: World) -> None:
    token = world.token
    call_command("check", "--deploy", "--tag", "chain")
    call_command("deploy_token", "AAPL", stdout=StringIO())
    Token.objects.update(reserve_feed="", reserve_feed_code_hash="")

    with pytest.raises(WrongChain, match=f"reserve feed of {token.address} is 0x"):
        verify_chain()
    with pytest.raises(Exception, match=r"agora\.E022"):
        call_command("check", "--deploy", "--tag", "chain")
    with pytest.raises(WrongChain):
        call_command("watch_chain")


@pytest.mark.parametrize("field", ["code_hash", "reserve_feed_code_hash"])
def test_the_start_up_check_refuses_another_code(world: World, field: str) -> None:
    Token.objects.update(**{field: "0x" + "11" * 32})

    with pytest.raises(WrongChain):
        verify_chain()
    for command in ("watch_chain", "follow"):
        with pytest.raises(WrongChain):
            call_command(command)


# --- The audit gate (MVP-010) ----------------------------------------------------------------------------------------


HEADER = "## Sign-off\n\n| contract | code hash | auditor | report | signed off on |\n|---|---|---|---|---|\n"


def row(contract: str, *, code_hash: str = "", auditor: str = "Diligent Audits", on: str = "2026-01-31") -> str:
    code_hash = code_hash or artifact.load(contract).template_hash
    return f"| {contract} | `{code_hash}` | {auditor} | report.pdf | {on} |\n"


TOMORROW = (date.today() + timedelta(days=2)).isoformat()  # noqa: DTZ011


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEADER,
        HEADER + row(artifact.TOKEN),
        HEADER + row(artifact.TOKEN) + row(artifact.ORACLE, code_hash="0x" + "11" * 32),
        HEADER + row(artifact.ORACLE) + row(artifact.TOKEN, auditor="—"),
        HEADER + row(artifact.ORACLE) + row(artifact.TOKEN, auditor="pending"),
        HEADER + row(artifact.ORACLE) + row(artifact.TOKEN, on="soon"),
        HEADER + row(artifact.ORACLE) + row(artifact.TOKEN, on=TOMORROW),
        HEADER + row(artifact.ORACLE) + row(artifact.ORACLE, code_hash=artifact.load().template_hash),
        row(artifact.TOKEN) + row(artifact.ORACLE),  # no table says what the cells are
        HEADER + "\nIn prose: " + row(artifact.TOKEN).strip("|") + row(artifact.ORACLE).strip("|"),
    ],
)
def test_code_that_is_not_signed_off_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "AUDIT.md").write_text(text)

    with pytest.raises(NotAudited, match="no signed-off row"):
        check_audited(contracts=BOTH, audit_file=tmp_path / "AUDIT.md")


def test_code_that_is_signed_off_passes(tmp_path: Path) -> None:
    (tmp_path / "AUDIT.md").write_text("# Audit\n\n" + HEADER + row(artifact.TOKEN) + row(artifact.ORACLE) + "\nend\n")

    check_audited(contracts=BOTH, audit_file=tmp_path / "AUDIT.md")


def test_our_own_audit_file_signs_nothing_off_yet(settings: Any) -> None:
    with pytest.raises(NotAudited):
        check_audited(contracts=BOTH, audit_file=settings.AUDIT_FILE)


@pytest.fixture
def public_chain(outside: Outside, transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A chain with a public one's id; yields where its audits are registered."""
    outside.reset()
    with anvil.running(chain_id=SEPOLIA) as url, outside.configured():
        settings.CHAIN_RPC_URLS, settings.CHAIN_ID = [url], SEPOLIA
        settings.AUDIT_FILE = tmp_path / "AUDIT.md"
        settings.PUBLIC_DEPLOYMENTS = tmp_path / "deployments"
        settings.TOKEN_TERMS_URI = "https://example.com/terms.md"
        settings.DEPLOYER_KEY_FILE = str(tmp_path / "deployer.json")
        Path(settings.DEPLOYER_KEY_FILE).touch(mode=0o600)
        Path(settings.DEPLOYER_KEY_FILE).write_text(json.dumps([local.DEPLOYER_KEY]))
        roles = ("TOKEN_ADMIN", "TOKEN_PAUSER", "TOKEN_COMPLIANCE", "TOKEN_RESERVE_ADMIN")
        for number, role in enumerate(roles, start=1):
            setattr(settings, role, "0x" + f"{number:040x}")
        ensure_local_attestors()
        ensure_local_publisher()
        chains.get_chain.cache_clear()
        _offer_aapl()
        yield settings.AUDIT_FILE
        chains.get_chain.cache_clear()


def test_a_public_chain_is_refused_without_a_sign_off(public_chain: Path) -> None:
    public_chain.write_text(HEADER + row(artifact.TOKEN, code_hash="0x" + "11" * 32) + row(artifact.ORACLE))

    with pytest.raises(CommandError, match="no signed-off row for RATMintingContract"):
        _deploy("--chain", str(SEPOLIA))

    assert (_sent(), ContractDeployment.objects.count()) == (0, 0)


def test_a_public_chain_is_refused_where_one_key_would_have_two_roles(public_chain: Path, settings: Any) -> None:
    public_chain.write_text(HEADER + row(artifact.TOKEN) + row(artifact.ORACLE))
    settings.TOKEN_PAUSER = settings.TOKEN_COMPLIANCE

    with pytest.raises(CommandError, match="each role needs an address of its own"):
        _deploy()
    assert _sent() == 0


def test_a_signed_off_token_goes_to_a_public_chain_and_its_admins_place_is_offered(
    public_chain: Path, settings: Any
) -> None:
    public_chain.write_text(HEADER + row(artifact.TOKEN) + row(artifact.ORACLE))

    _deploy("--chain", str(SEPOLIA))

    assert _read("pendingDefaultAdmin")[0] == settings.TOKEN_ADMIN.lower()
    assert _oracle("pendingDefaultAdmin")[0] == settings.TOKEN_ADMIN.lower()
    record = json.loads((settings.PUBLIC_DEPLOYMENTS / f"{SEPOLIA}.json").read_text())
    assert record["assets"]["AAPL"]["roles"]["PAUSER"] == settings.TOKEN_PAUSER


def test_an_empty_database_takes_a_public_token_from_its_record(public_chain: Path, settings: Any) -> None:
    public_chain.write_text(HEADER + row(artifact.TOKEN) + row(artifact.ORACLE))
    _deploy()
    first, sent = Token.objects.get(), _sent()
    Token.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE minting_contractdeployment")

    _deploy()

    again = Token.objects.get()
    assert (again.address, again.reserve_feed, again.deployed_block) == (
        first.address,
        first.reserve_feed,
        first.deployed_block,
    )
    assert (_sent(), ContractDeployment.objects.count()) == (sent, 0)


def _offer_aapl() -> None:
    register_asset(symbol="AAPL", name="Apple Inc.", token_symbol="AAPL-RAT", min_quantity=1, max_quantity=1000)


def _deploy(*options: str) -> str:
    said = StringIO()
    call_command("deploy_token", "AAPL", *options, stdout=said)
    return said.getvalue()


def _kill_at(monkeypatch: pytest.MonkeyPatch, point: str, hit: int) -> None:
    seen = 0

    def here(name: str) -> None:
        nonlocal seen
        seen += name == point
        if name == point and seen == hit:
            raise Killed

    monkeypatch.setattr(crashpoints, "here", here)


def _sent() -> int:
    return get_chain().next_nonce(local.ADMIN)


def _address_at(nonce: int) -> str:
    return created_address(local.ADMIN, nonce)


def _read(function: str, *arguments: object) -> tuple[Any, ...]:
    return get_chain().read(contract=Token.objects.get().address, function=function, arguments=arguments)


def _oracle(function: str) -> tuple[Any, ...]:
    return get_chain().read(contract=Token.objects.get().reserve_feed, function=function, of=artifact.ORACLE)
