"""Setting a token up: its contract and its oracle, roles, limits, terms, reserve gate. Safe to kill and to repeat.

Creations are signed and kept before anybody sees them, so that a second run sends the same bytes; every other step is
looked up on-chain first. The token is registered last: a half-made one takes no mint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from eth_utils import keccak

from agora.lib import crashpoints, locks
from agora.lib.db import serializable
from agora.lib.errors import Rejected
from custody.signers import get_signer
from minting.chains import abi, artifact, get_chain, local
from minting.chains.artifact import ORACLE, TOKEN
from minting.chains.operator import Call, Operator, wait_until_mined
from minting.errors import DeploymentStuck, WrongChain
from minting.models import ContractDeployment, Token
from minting.services import recording
from minting.services.auditing import check_audited
from minting.services.registering import register_token, verify_chain
from orders.selectors import asset_by_symbol

if TYPE_CHECKING:
    from minting.chains.evm import EvmChain

LONGEST_NAME = 31  # bytes
ROUNDS = 3  # of sending what is missing, before somebody must look
GAS_MONEY = 10 * 10**18  # on a local chain


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A reserve oracle of the token's own."""

    attestors: tuple[str, ...]  # ascending
    threshold: int
    max_age: int  # seconds
    margin_wei: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlan:
    symbol: str
    admin: str
    pauser: str
    compliance: str
    reserve_admin: str
    admin_delay: int  # seconds
    minter_allowance_wei: int
    daily_cap_wei: int
    terms_uri: str
    terms: bytes  # the document
    gate: Gate | None
    minter: str = ""  # "": whoever the signer says
    gas_for: tuple[str, ...] = field(default=())  # accounts to fund beside the minter's, on a local chain


def token_name(*, symbol: str, asset_name: str) -> str:
    """What wallets show: "Apple Inc. RealAssetToken", or by the ticker where that would be too long.

    It is the domain's name of EIP-2612 permits too, which OpenZeppelin's EIP712 keeps in 31 bytes: longer ones revert
    with StringTooLong.
    """
    name = f"{asset_name} RealAssetToken"
    return name if len(name.encode()) <= LONGEST_NAME else f"{symbol} RealAssetToken"


def deploy_token(*, plan: TokenPlan, deployer_key: str, now: datetime) -> Token:
    """The asset's token on the configured chain, set up and registered; what is done already is left alone.

    Raises NotAudited on a public chain without a sign-off of this code, WrongChain, DeploymentStuck, vendor errors.
    """
    chain = get_chain()
    chain_id = chain.chain_id()
    if chain_id != settings.CHAIN_ID:
        raise WrongChain(f"The node is on chain {chain_id}; CHAIN_ID says {settings.CHAIN_ID}.")
    with locks.exclusive("deploy", chain_id, wait=60) as mine:
        if not mine:
            raise DeploymentStuck("Another deployment on this chain is running.")
        known = Token.objects.filter(asset__symbol=plan.symbol, chain_id=chain_id).first()
        if known and (known.reserve_feed or plan.gate is None):
            verify_chain()
            return known
        if chain_id not in local.CHAIN_IDS:
            _check_public(plan)
        operator = Operator(chain, deployer_key)
        recorded = recording.recorded_contracts(
            symbol=plan.symbol, chain_id=chain_id, with_oracle=plan.gate is not None
        )
        contracts = recorded or _create(operator, plan, known, now)
        crashpoints.here("deploy.after_creation")
        for contract, address in contracts.items():
            _check_code(chain, contract, address)
        minter = plan.minter or get_signer().address()
        _complete(operator, plan, contracts, minter=minter, fresh=known is None)
        crashpoints.here("deploy.before_register")
        token = _register(plan, contracts, minter=minter)
        crashpoints.here("deploy.after_register")
        return token


def _check_public(plan: TokenPlan) -> None:
    check_audited(contracts=[TOKEN, ORACLE] if plan.gate else [TOKEN], audit_file=settings.AUDIT_FILE)
    roles = [plan.admin, plan.pauser, plan.compliance, plan.reserve_admin, plan.minter or get_signer().address()]
    if len(set(roles)) != len(roles) or "" in roles:
        raise WrongChain(f"On a public chain each role needs an address of its own, not {roles}: see .env.example.")
    if not plan.terms_uri.startswith("https://"):
        raise WrongChain("Set TOKEN_TERMS_URI to where holders can read the terms: https://…")


def _create(operator: Operator, plan: TokenPlan, known: Token | None, now: datetime) -> dict[str, str]:
    """The token's and the oracle's address; each is created if there is none."""
    contracts = {TOKEN: known.address} if known else {}
    for contract in [TOKEN, ORACLE] if plan.gate else [TOKEN]:
        if contract in contracts:
            continue
        row = _creations(plan.symbol).get(contract) or _prepare(operator, plan, contract, contracts, now)
        crashpoints.here("deploy.before_broadcast")
        _broadcast(operator.chain, row)
        crashpoints.here("deploy.after_broadcast")
        wait_until_mined(operator.chain, [row.tx_hash])
        contracts[contract] = row.address
    return contracts


def _creations(symbol: str) -> dict[str, ContractDeployment]:
    rows = ContractDeployment.objects.filter(asset__symbol=symbol, chain_id=settings.CHAIN_ID)
    return {row.contract: row for row in rows}


def _prepare(
    operator: Operator, plan: TokenPlan, contract: str, contracts: dict[str, str], now: datetime
) -> ContractDeployment:
    """Sign a creation and keep it. The deployer is the admin until all is set up."""
    asset = asset_by_symbol(symbol=plan.symbol)
    admin: tuple[object, ...] = (operator.address, plan.admin_delay)
    if contract == TOKEN:
        names = (token_name(symbol=plan.symbol, asset_name=asset.name), asset.token_symbol, plan.symbol)
        arguments = (*names, *admin, plan.terms_uri, keccak(plan.terms))
    else:
        assert plan.gate is not None
        subject = (contracts[TOKEN], keccak(text=plan.symbol))
        arguments = (*subject, *admin, list(plan.gate.attestors), plan.gate.threshold)
    creation = operator.sign_creation(abi.encode_deployment(*arguments, of=contract))
    return _keep(
        ContractDeployment(
            asset=asset,
            chain_id=settings.CHAIN_ID,
            contract=contract,
            deployer=operator.address,
            nonce=creation.nonce,
            address=creation.address,
            arguments=recording.as_json(abi.name_arguments(*arguments, of=contract)),
            raw=creation.raw,
            tx_hash=creation.tx_hash,
            prepared_at=now,
        )
    )


@serializable
def _keep(row: ContractDeployment) -> ContractDeployment:
    row.save(force_insert=True)
    return row


def _broadcast(chain: EvmChain, row: ContractDeployment) -> None:
    """Send the creation, again if need be: these very bytes, for they can land only once."""
    try:
        chain.broadcast(bytes(row.raw))
    except Rejected as refusal:
        if chain.code(row.address):
            return
        raise DeploymentStuck(
            f"{row.contract} was signed under nonce {row.nonce} of {row.deployer}, and the chain refuses it: "
            f"{refusal.detail}. If another transaction took that nonce, nothing will ever be at {row.address}."
        ) from refusal


def _check_code(chain: EvmChain, contract: str, address: str) -> None:
    compiled, found = artifact.load(contract), chain.code(address)
    if compiled.template_hash_of(found) != compiled.template_hash:
        raise WrongChain(f"The code at {address} is not {contract} as committed.")


def _complete(operator: Operator, plan: TokenPlan, contracts: dict[str, str], *, minter: str, fresh: bool) -> None:
    """Send what is missing, look again, until nothing is."""
    for _ in range(ROUNDS):
        missing = _missing(operator, plan, contracts, minter=minter, fresh=fresh)
        if not missing:
            return
        operator.send(missing)
        crashpoints.here("deploy.after_round")
    raise DeploymentStuck(f"After {ROUNDS} rounds {contracts[TOKEN]} is still not as planned: {missing}")


def _missing(
    operator: Operator, plan: TokenPlan, contracts: dict[str, str], *, minter: str, fresh: bool
) -> Sequence[Call]:
    """The calls that bring the token from what it is on-chain to what was planned, in the order in which they work."""
    setup = _Setup(operator.chain, contracts[TOKEN])
    calls = [
        *setup.grant("MINTER_ROLE", minter),
        *setup.grant("PAUSER_ROLE", plan.pauser),
        *setup.grant("COMPLIANCE_ROLE", plan.compliance),
        *setup.grant("RESERVE_ADMIN_ROLE", plan.reserve_admin),
    ]
    if plan.gate:
        calls += setup.feed(contracts[ORACLE], plan.gate, by=operator.address, admin=plan.reserve_admin)
    if fresh:  # a token at work is topped up by its admin, not by a command that happens to run again
        calls += setup.limits(minter, plan)
    if operator.chain.configured_chain_id in local.CHAIN_IDS:
        poor = [who for who in (minter, *plan.gas_for) if operator.chain.native_balance(who) < GAS_MONEY // 2]
        calls += [Call(to=who, value_wei=GAS_MONEY) for who in poor]
    for address in contracts.values():
        calls += _Setup(operator.chain, address).hand_over(plan.admin, by=operator.address)
    return calls


class _Setup:
    """What one contract lacks."""

    def __init__(self, chain: EvmChain, address: str) -> None:
        self._chain, self._address = chain, address

    def grant(self, role: str, who: str) -> list[Call]:
        return [] if self._has(role, who) else [self._call("grantRole", self._role(role), who)]

    def feed(self, oracle: str, gate: Gate, *, by: str, admin: str) -> list[Call]:
        """Only a RESERVE_ADMIN sets the feed: the deployer is one for as long as that takes."""
        feed, max_age, margin = self._read("reserveFeed")
        calls = []
        if (str(feed).lower(), max_age, margin) != (oracle.lower(), gate.max_age, gate.margin_wei):
            set_feed = self._call("setReserveFeed", oracle, gate.max_age, gate.margin_wei)
            calls = [*self.grant("RESERVE_ADMIN_ROLE", by), set_feed]
        if by != admin and (calls or self._has("RESERVE_ADMIN_ROLE", by)):
            calls.append(self._call("revokeRole", self._role("RESERVE_ADMIN_ROLE"), by))
        return calls

    def limits(self, minter: str, plan: TokenPlan) -> list[Call]:
        calls = []
        if self._read("minterAllowance", minter) == (0,):
            calls.append(self._call("setMinterAllowance", minter, plan.minter_allowance_wei))
        if self._read("dailyMintCap") == (0,):
            calls.append(self._call("setDailyMintCap", plan.daily_cap_wei))
        return calls

    def hand_over(self, admin: str, *, by: str) -> list[Call]:
        """Offer the admin's place to who shall have it; they `acceptDefaultAdminTransfer` after the delay."""
        pending, _ = self._read("pendingDefaultAdmin")
        if admin.lower() in (by.lower(), str(pending).lower(), str(self._read("defaultAdmin")[0]).lower()):
            return []
        return [self._call("beginDefaultAdminTransfer", admin)]

    def _has(self, role: str, who: str) -> bool:
        return bool(self._read("hasRole", self._role(role), who)[0])

    def _role(self, role: str) -> bytes:
        return keccak(text=role)

    def _read(self, function: str, *arguments: object) -> tuple[object, ...]:
        return self._chain.read(contract=self._address, function=function, arguments=arguments)

    def _call(self, function: str, *arguments: object) -> Call:
        return Call(to=self._address, data=abi.encode_call(function, *arguments))


def _register(plan: TokenPlan, contracts: dict[str, str], *, minter: str) -> Token:
    """Write the deployment's record, then the row that makes it the asset's token."""
    chain, creations = get_chain(), _creations(plan.symbol)
    record = recording.describe(plan=plan, contracts=contracts, creations=creations, minter=minter, chain=chain)
    recording.write(chain_id=settings.CHAIN_ID, symbol=plan.symbol, record=record)
    code_hash = chain.code_hash(contracts[TOKEN])
    assert code_hash is not None
    return register_token(
        symbol=plan.symbol,
        chain_id=settings.CHAIN_ID,
        address=contracts[TOKEN],
        code_hash=code_hash,
        minter=minter,
        deployed_block=record["token"]["block"],
        reserve_feed=contracts.get(ORACLE, ""),
    )
