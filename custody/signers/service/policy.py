"""What may be signed: pure rules over the configuration, an intent, and what the record says was signed before.

What a taken worker can do is what these let through: mints on the contracts in scope, each of at most `max_mint`, at
most `max_day` in any 24 hours, no mint key under two nonces but by an unbroken chain of replacements that all count
against that day, and no nonce twice but with the same call and higher fees. ADR 0011 says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from custody.signers.base import Intent, MintIntent
from custody.signers.service.config import KeyConfig, Scope
from custody.signers.service.refusals import Refused

DAY = 24 * 3600  # seconds
NOT_A_REPLACEMENT = -1  # in the record, where an intent says None
MAX_ID_LENGTH = 128  # bytes of a mint key: the contract's own bound


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBefore:
    """The newest authorised transaction under some nonce."""

    nonce: int
    bump: int
    call_hash: str  # of contract and calldata
    gas: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the record says, as far as it matters to one intent."""

    highest_nonce: int | None  # of this key on this chain
    at_nonce: SignedBefore | None
    of_mint_key: tuple[SignedBefore, ...]  # one for each nonce, in the order in which they were authorised
    minted_wei: int  # on this contract, in the last 24 hours
    transactions: int  # of this key, in the last 24 hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    bump: int
    counted_wei: int  # against the day


def method_of(intent: Intent) -> str:
    return "mint" if isinstance(intent, MintIntent) else intent.method.value


def check_scope(key: KeyConfig, intent: Intent) -> Scope:
    """Raises Refused unless the configuration allows this intent, whatever was signed before."""
    if intent.chain_id != key.chain_id:
        raise Refused("WRONG_CHAIN", f"{key.name} signs for chain {key.chain_id}, not {intent.chain_id}")
    scope = key.scopes.get(intent.contract)
    if scope is None:
        raise Refused("CONTRACT_NOT_ALLOWED", f"{intent.contract} is not in the scopes of {key.name}")
    method = method_of(intent)
    if method not in scope.methods:
        raise Refused("METHOD_NOT_ALLOWED", f"{key.name} may not call {method} on {intent.contract}")
    if isinstance(intent, MintIntent):
        if intent.amount_wei > scope.max_mint_wei:
            raise Refused("OVER_MINT_CAP", f"{intent.amount_wei} wei; a mint may be of {scope.max_mint_wei}")
        if not 0 < len(intent.mint_key.encode()) <= MAX_ID_LENGTH:
            raise Refused("MALFORMED", f"a mint key has 1 to {MAX_ID_LENGTH} bytes")
    if intent.gas > key.max_gas:
        raise Refused("OVER_GAS_CAP", f"{intent.gas}; {key.max_gas} is allowed")
    fees = (intent.max_fee_per_gas, intent.max_priority_fee_per_gas)
    caps = (key.max_fee_per_gas, key.max_priority_fee_per_gas)
    if any(fee > cap for fee, cap in zip(fees, caps, strict=True)):
        raise Refused("OVER_FEE_CAP", f"{fees} wei a gas; {caps} are allowed")
    return scope


def decide(key: KeyConfig, scope: Scope, intent: Intent, *, call_hash: str, past: Past) -> Verdict:
    """For an intent that was not authorised before. Raises Refused."""
    if past.transactions >= key.transactions_a_day:
        raise Refused("TOO_MANY_TRANSACTIONS", f"{past.transactions} in 24 hours; so many are allowed")
    if past.at_nonce is not None:
        return _decide_bump(intent, call_hash, past.at_nonce)
    _check_nonce(key, intent.nonce, past.highest_nonce)
    if not isinstance(intent, MintIntent):
        return Verdict(bump=0, counted_wei=0)
    _check_mint_key(key, intent, call_hash, past.of_mint_key)
    if past.minted_wei + intent.amount_wei > scope.max_day_wei:
        left = max(0, scope.max_day_wei - past.minted_wei)
        raise Refused("OVER_DAY_CAP", f"{intent.amount_wei} wei; {left} are left of {scope.max_day_wei} in 24 hours")
    return Verdict(bump=0, counted_wei=intent.amount_wei)


def is_fee_bump(before: SignedBefore, *, max_fee_per_gas: int, max_priority_fee_per_gas: int) -> bool:
    """Both fees higher, by an eighth at least: less is refused by nodes as a replacement."""
    pairs = (
        (before.max_fee_per_gas, max_fee_per_gas),
        (before.max_priority_fee_per_gas, max_priority_fee_per_gas),
    )
    return all(new > old and 8 * new >= 9 * old for old, new in pairs)


def _decide_bump(intent: Intent, call_hash: str, before: SignedBefore) -> Verdict:
    """Of one nonce at most one transaction lands, so a bump counts nothing against the day."""
    if call_hash != before.call_hash or intent.gas != before.gas:
        raise Refused("NONCE_TAKEN", f"another call was signed under nonce {intent.nonce}")
    fees = {
        "max_fee_per_gas": intent.max_fee_per_gas,
        "max_priority_fee_per_gas": intent.max_priority_fee_per_gas,
    }
    if not is_fee_bump(before, **fees):
        raise Refused("NOT_A_FEE_BUMP", f"under nonce {intent.nonce} both fees must rise by 12.5 %, not to {fees}")
    if isinstance(intent, MintIntent) and intent.replaces == intent.nonce:
        raise Refused("NOT_A_REPLACEMENT", "a transaction does not replace itself")
    return Verdict(bump=before.bump + 1, counted_wei=0)


def _check_nonce(key: KeyConfig, nonce: int, highest: int | None) -> None:
    if nonce < key.first_nonce:
        raise Refused("NONCE_TOO_LOW", f"{nonce}; the first is {key.first_nonce}")
    furthest = (key.first_nonce if highest is None else highest) + key.nonces_ahead
    if nonce > furthest:
        raise Refused("NONCE_TOO_HIGH", f"{nonce}; {furthest} is the furthest that is allowed now")


def _check_mint_key(key: KeyConfig, intent: MintIntent, call_hash: str, earlier: tuple[SignedBefore, ...]) -> None:
    """A mint key has one call, under one nonce; under another only by saying which nonce it replaces: its last."""
    if not earlier:
        if intent.replaces is not None:
            raise Refused("NOT_A_REPLACEMENT", f"{intent.mint_key} was never signed, so it replaces nothing")
        return
    last = earlier[-1]
    if intent.replaces != last.nonce or intent.nonce <= last.nonce:
        raise Refused("MINT_KEY_TAKEN", f"{intent.mint_key} was signed under nonce {last.nonce}")
    if call_hash != last.call_hash:
        raise Refused("MINT_KEY_TAKEN", f"{intent.mint_key} was signed with another amount or recipient")
    if len(earlier) > key.replacements:
        raise Refused("TOO_MANY_REPLACEMENTS", f"{intent.mint_key} was signed under {len(earlier)} nonces")
