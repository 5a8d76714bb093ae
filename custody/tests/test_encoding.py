"""Encoding a mint and assembling its signature, against eth-account's own signing as the independent oracle."""

from __future__ import annotations

import dataclasses

import pytest
from eth_abi import decode
from eth_account import Account
from eth_keys import keys
from eth_utils import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.signers.base import MintIntent
from custody.signers.encoding import CURVE_ORDER, SignatureRefused, assemble, mint_calldata, unsigned_transaction

KEY = keys.PrivateKey(b"\x11" * 32)
ADDRESS = KEY.public_key.to_checksum_address()
INTENT = MintIntent(
    chain_id=84532,
    contract=to_checksum_address("0x" + "c0" * 20),
    to=to_checksum_address("0x" + "7e" * 20),
    amount_wei=250_000_000_000_000_000,
    mint_key="alpaca-20250102-0001",
    nonce=7,
    gas=120_000,
    max_fee_per_gas=2_000_000_000,
    max_priority_fee_per_gas=1_000_000,
)

addresses = st.binary(min_size=20, max_size=20).map(to_checksum_address)
intents = st.builds(
    MintIntent,
    chain_id=st.integers(1, 2**53),
    contract=addresses,
    to=addresses,
    amount_wei=st.integers(1, 2**256 - 1),
    mint_key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    nonce=st.integers(0, 2**63),
    gas=st.integers(21_000, 2**40),
    max_fee_per_gas=st.integers(0, 2**80),
    max_priority_fee_per_gas=st.integers(0, 2**80),
)


def sign(intent, key=KEY):
    signature = key.sign_msg_hash(unsigned_transaction(intent).digest)
    return {"r": signature.r, "s": signature.s}


def signed_by_eth_account(intent, key=KEY):
    return Account.sign_transaction(
        {
            "type": 2,
            "chainId": intent.chain_id,
            "nonce": intent.nonce,
            "maxPriorityFeePerGas": intent.max_priority_fee_per_gas,
            "maxFeePerGas": intent.max_fee_per_gas,
            "gas": intent.gas,
            "to": intent.contract,
            "value": 0,
            "data": mint_calldata(to=intent.to, amount_wei=intent.amount_wei, mint_key=intent.mint_key),
            "accessList": [],
        },
        key.to_bytes(),
    )


@settings(max_examples=200, deadline=None)
@given(intents)
def test_assembled_transaction_is_byte_for_byte_what_eth_account_signs(intent):
    expected = signed_by_eth_account(intent)

    signed = assemble(intent, **sign(intent), expected_address=ADDRESS)

    assert signed.raw == bytes(expected.raw_transaction)
    assert signed.tx_hash == "0x" + bytes(expected.hash).hex()
    assert Account.recover_transaction(signed.raw) == ADDRESS


@settings(max_examples=100, deadline=None)
@given(intents)
def test_calldata_decodes_to_the_intent_and_begins_with_the_selector(intent):
    calldata = unsigned_transaction(intent).calldata

    assert calldata[:4].hex() == "d3fc9864"  # cast sig "mint(address,uint256,string)"
    to, amount, mint_key = decode(["address", "uint256", "string"], calldata[4:])
    assert (to_checksum_address(to), amount, mint_key) == (intent.to, intent.amount_wei, intent.mint_key)


@settings(max_examples=50, deadline=None)
@given(intents)
def test_high_s_is_brought_down_to_the_same_transaction(intent):
    signature = sign(intent)
    assert signature["s"] <= CURVE_ORDER // 2

    high = assemble(intent, r=signature["r"], s=CURVE_ORDER - signature["s"], expected_address=ADDRESS)

    assert high == assemble(intent, **signature, expected_address=ADDRESS)


def test_signature_of_another_key_is_refused():
    other = keys.PrivateKey(b"\x22" * 32)

    with pytest.raises(SignatureRefused):
        assemble(INTENT, **sign(INTENT, other), expected_address=ADDRESS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chain_id", 1),
        ("contract", to_checksum_address("0x" + "c1" * 20)),
        ("to", to_checksum_address("0x" + "7f" * 20)),
        ("amount_wei", INTENT.amount_wei + 1),
        ("mint_key", "alpaca-20250102-0002"),
        ("nonce", 8),
        ("gas", 120_001),
        ("max_fee_per_gas", 2_000_000_001),
        ("max_priority_fee_per_gas", 1_000_001),
    ],
)
def test_signature_over_any_other_intent_is_refused(field, value):
    signature = sign(INTENT)

    with pytest.raises(SignatureRefused):
        assemble(dataclasses.replace(INTENT, **{field: value}), **signature, expected_address=ADDRESS)


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (CURVE_ORDER, 1), (CURVE_ORDER + 5, 1), (5, 1), (2**256, 1)])
def test_numbers_that_are_no_signature_are_refused(r, s):
    with pytest.raises(SignatureRefused):
        assemble(INTENT, r=r, s=s, expected_address=ADDRESS)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": INTENT.to.lower()},
        {"contract": "0x00"},
        {"amount_wei": 0},
        {"amount_wei": -1},
        {"mint_key": ""},
        {"nonce": -1},
        {"max_fee_per_gas": -1},
    ],
)
def test_intent_that_is_no_transaction_is_refused_before_anything_is_signed(changes):
    with pytest.raises(ValueError):
        unsigned_transaction(dataclasses.replace(INTENT, **changes))


def test_amount_beyond_uint256_is_refused():
    with pytest.raises(ValueError):
        unsigned_transaction(dataclasses.replace(INTENT, amount_wei=2**256))
