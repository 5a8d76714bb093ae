"""What PostgreSQL itself refuses of mints, whoever asks: illegal moves, changed promises and bytes, impossible rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from agora.tests.rows import (
    HASH,
    NOON,
    move_by_sql,
    new_asset,
    new_mint,
    new_order,
    new_record,
    new_token,
    new_vault,
    status_pairs,
    walk_to,
)
from agora.tests.world import WALLETS
from minting.models import Block, ForeignMint, MintEvent, MintTx, Reorg, Token, TxAttempt
from minting.states import MOVES

ALLOWED = {
    ("PENDING", "SIMULATED"),
    ("PENDING", "FAILED"),
    ("SIMULATED", "SIGNED"),
    ("SIGNED", "SENT"),
    ("SENT", "CONFIRMED"),
    ("SENT", "PENDING"),
    ("CONFIRMED", "SETTLED"),
    ("CONFIRMED", "SENT"),
    ("SETTLED", "FINALIZED"),
    ("SETTLED", "SENT"),
}
PAIRS = status_pairs(MOVES)
OTHER_HASH = "0x" + "cd" * 32


def test_the_table_of_moves_is_the_one_tested_here() -> None:
    assert {(str(before), str(after)) for before, afters in MOVES.items() for after in afters} == ALLOWED
    assert len(PAIRS) == 8**2


# --- Moves -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_database_lets_exactly_the_allowed_moves_pass(before: str, after: str) -> None:
    mint = walk_to(new_mint(), before)

    if (before, after) in ALLOWED:
        move_by_sql(mint, after)
        expected = after
    elif before == after:  # staying is no move
        with connection.cursor() as cursor:
            cursor.execute("UPDATE minting_minttx SET status = status WHERE id = %s", [mint.pk])
        expected = before
    else:
        with pytest.raises(DatabaseError, match="Invalid transition"), transaction.atomic():
            move_by_sql(mint, after)
        expected = before

    mint.refresh_from_db()
    assert mint.status == expected


@pytest.mark.django_db(transaction=True)
def test_an_allowed_move_without_its_event_is_refused_at_commit() -> None:
    mint = new_mint()

    with pytest.raises(DatabaseError, match="is not its last event's"), transaction.atomic():
        move_by_sql(mint, "SIMULATED", with_event=False, check_now=False)

    mint.refresh_from_db()
    assert (mint.status, mint.version) == ("PENDING", 1)


@pytest.mark.django_db(transaction=True)
def test_an_allowed_move_with_its_event_commits() -> None:
    mint = new_mint()

    with transaction.atomic():
        move_by_sql(mint, "SIMULATED", check_now=False)

    mint.refresh_from_db()
    assert (mint.status, mint.version, mint.events.count()) == ("SIMULATED", 2, 2)


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted({str(status) for status in MOVES} - {"PENDING"}))
def test_a_mint_begins_pending(status: str) -> None:
    record = new_record()

    with pytest.raises(DatabaseError, match="Cannot insert rows"), transaction.atomic():
        new_mint(custody_record=record, status=status)

    assert not MintTx.objects.exists()


# --- Facts, promises, signed bytes -----------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("table", ["minting_mintevent", "minting_reorg", "minting_foreignmint"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_a_fact_is_neither_changed_nor_deleted(table: str, statement: str) -> None:
    new_mint()
    Reorg.objects.create(chain_id=1, ancestor=1, depth=1, mints=0, dropped=[], seen_at=NOON)
    new_foreign_mint()

    _refuses(statement.format(table), match="Cannot update or delete rows")

    assert (MintEvent.objects.count(), Reorg.objects.count(), ForeignMint.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("status", [str(status) for status in MOVES])
def test_a_mint_is_never_deleted(status: str) -> None:
    walk_to(new_mint(), status)

    _refuses("DELETE FROM minting_minttx", match="Cannot delete rows")


@pytest.mark.django_db
def test_an_attempt_is_never_deleted() -> None:
    new_attempt()

    _refuses("DELETE FROM minting_txattempt", match="Cannot delete rows")


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["token_id", "custody_record_id", "order_id", "mint_key", "recipient", "amount_wei"])
def test_a_promise_is_fixed(column: str) -> None:
    mint = new_mint()
    order = new_order()
    other = {
        "token_id": new_token(new_asset("MSFT"), address=WALLETS[0]).pk,
        "custody_record_id": new_record(order=order).pk,
        "order_id": order.pk,
        "mint_key": "alpaca:other:1",
        "recipient": WALLETS[1],
        "amount_wei": 10**18 + 1,
    }
    before = MintTx.objects.values().get()

    _refuses(f"UPDATE minting_minttx SET {column} = %s", other[column], match="Cannot update rows")

    assert MintTx.objects.values().get(pk=mint.pk) == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "column",
    ["mint_id", "chain_id", "signer", "nonce", "bump", "gas", "max_fee_per_gas", "max_priority_fee_per_gas"],
)
def test_a_transaction_is_fixed_from_the_allocation_of_its_nonce(column: str) -> None:
    attempt = new_attempt()
    other = {"mint_id": new_mint(custody_record=new_record(order=new_order())).pk, "signer": WALLETS[1]}

    _refuses(f"UPDATE minting_txattempt SET {column} = %s", other.get(column, 1), match="Cannot update rows")

    assert TxAttempt.objects.values().get() == attempt_values(attempt)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        "raw = '\\x02'::bytea",
        f"tx_hash = '{OTHER_HASH}'",
        "raw = NULL, tx_hash = '', signed_at = NULL",
    ],
)
def test_signed_bytes_are_fixed(change: str) -> None:
    attempt = new_attempt(raw=b"\x01", tx_hash=HASH, signed_at=NOON)

    _refuses(f"UPDATE minting_txattempt SET {change}", match="Cannot update rows")

    attempt.refresh_from_db()
    assert (bytes(attempt.raw), attempt.tx_hash) == (b"\x01", HASH)


@pytest.mark.django_db
def test_an_attempt_is_signed_once_and_may_then_be_marked_reverted() -> None:
    attempt = new_attempt()

    TxAttempt.objects.update(raw=b"\x01", tx_hash=HASH, signed_at=NOON)
    TxAttempt.objects.update(reverted_at=NOON)

    attempt.refresh_from_db()
    assert (bytes(attempt.raw), attempt.tx_hash, attempt.reverted_at) == (b"\x01", HASH, NOON)


# --- Constraints: each is violated once ------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("amount_wei", [Decimal(0), Decimal(-1)])
def test_a_mint_of_nothing_is_refused(amount_wei: Decimal) -> None:
    with pytest.raises(IntegrityError, match="mint_amount_positive"):
        new_mint(amount_wei=amount_wei)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["CONFIRMED", "SETTLED", "FINALIZED"])
@pytest.mark.parametrize("gone", ["tx_hash = ''", "block_hash = ''", "block_number = NULL"])
def test_a_mint_on_chain_names_its_transaction_and_its_block(status: str, gone: str) -> None:
    walk_to(new_mint(), status)

    _refuses(f"UPDATE minting_minttx SET {gone}", match="mint_on_chain_names_its_block")


@pytest.mark.django_db
def test_a_mint_is_once_for_its_key() -> None:
    new_mint(mint_key="alpaca:1:1")

    with pytest.raises(IntegrityError, match="mint_once_a_key"):
        new_mint(mint_key="alpaca:1:1", custody_record=new_record(order=new_order()))


@pytest.mark.django_db
def test_a_mint_is_once_for_its_custody_record() -> None:
    record = new_mint().custody_record

    with pytest.raises(IntegrityError, match="minting_minttx_custody_record_id"):
        new_mint(mint_key="another", custody_record=record)


@pytest.mark.django_db
def test_an_event_has_its_sequence_once() -> None:
    mint = new_mint()

    with pytest.raises(IntegrityError, match="mint_event_sequence"):
        mint.events.create(sequence=1, from_status="", to_status="PENDING", actor="test", at=NOON)


SIGNED = {"raw": b"\x01", "tx_hash": HASH, "signed_at": NOON}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("attempt_nonce_once", {"nonce": 0}),
        ("minting_txattempt_request_id", {"request_id": "agora-sign-1"}),
        ("attempt_hash_once", SIGNED),
        ("attempt_signed_whole", {"raw": b"\x02"}),
        ("attempt_signed_whole", {"tx_hash": OTHER_HASH}),
        ("attempt_signed_whole", {"signed_at": NOON}),
        ("attempt_signed_whole", {"raw": b"\x02", "tx_hash": OTHER_HASH}),
        ("attempt_fee_covers_tip", {"max_fee_per_gas": 1, "max_priority_fee_per_gas": 2}),
    ],
)
def test_an_impossible_attempt_is_refused(constraint: str, fields: dict[str, Any]) -> None:
    mint = new_attempt(request_id="agora-sign-1", **SIGNED).mint

    with pytest.raises(IntegrityError, match=constraint):
        new_attempt(**{"mint": mint, "nonce": 1, "request_id": "agora-sign-2", **fields})


@pytest.mark.django_db
def test_a_fee_bump_has_the_nonce_of_the_attempt_it_replaces() -> None:
    first = new_attempt()

    higher = {"max_fee_per_gas": 4, "max_priority_fee_per_gas": 3}
    second = new_attempt(mint=first.mint, bump=1, request_id="agora-sign-2", **higher)

    assert (second.nonce, second.bump) == (first.nonce, 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("token_once_a_chain", {"address": WALLETS[0]}),
        ("token_address_once", {"asset": "MSFT"}),
        ("token_committed_not_negative", {"asset": "MSFT", "address": WALLETS[0], "committed_wei": -1}),
    ],
)
def test_an_impossible_token_is_refused(constraint: str, fields: dict[str, Any]) -> None:
    token = new_token(new_asset("AAPL"))
    new_vault(token.asset)

    with pytest.raises(IntegrityError, match=constraint):
        Token.objects.create(
            asset=new_asset(fields.get("asset", "AAPL")),
            chain_id=token.chain_id,
            address=fields.get("address", token.address),
            code_hash=HASH,
            minter=WALLETS[0],
            deployed_block=1,
            committed_wei=fields.get("committed_wei", 0),
        )


@pytest.mark.django_db
def test_a_height_has_one_block() -> None:
    Block.objects.create(chain_id=1, number=7, hash=HASH, parent_hash=HASH, timestamp=1)

    with pytest.raises(IntegrityError, match="block_once_a_height"):
        Block.objects.create(chain_id=1, number=7, hash=OTHER_HASH, parent_hash=HASH, timestamp=1)


@pytest.mark.django_db
def test_a_foreign_mint_is_kept_once() -> None:
    new_foreign_mint()

    with pytest.raises(IntegrityError, match="foreign_mint_once_a_log"):
        new_foreign_mint()


def new_attempt(**fields: Any) -> TxAttempt:
    ours = {"chain_id": 31337, "signer": WALLETS[0], "nonce": 0, "gas": 100_000, "request_id": "agora-sign-1"}
    fees = {"max_fee_per_gas": 3, "max_priority_fee_per_gas": 2, "allocated_at": NOON}
    mint = fields.get("mint") or new_mint()
    return TxAttempt.objects.create(**{"mint": mint, **ours, **fees, **fields})


def attempt_values(attempt: TxAttempt) -> dict[str, Any]:
    return {field.attname: getattr(attempt, field.attname) for field in TxAttempt._meta.fields}


def new_foreign_mint() -> ForeignMint:
    where = {"chain_id": 1, "contract": WALLETS[0], "block_number": 7, "block_hash": HASH}
    what = {"mint_key": "theirs", "recipient": WALLETS[1], "amount_wei": 1, "tx_hash": HASH, "log_index": 0}
    return ForeignMint.objects.create(**where, **what, seen_at=NOON)


def _refuses(statement: str, *values: Any, match: str) -> None:
    with pytest.raises(DatabaseError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
