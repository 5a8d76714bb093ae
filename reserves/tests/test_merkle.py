"""The sum tree: what is in it can be shown, what is not cannot, and no total hides a part of itself."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from reserves import merkle
from reserves.merkle import BadProof, BadTree, Proof, SumTree, build_plain_tree, build_sum_tree, root_of_leaves
from reserves.merkle import verify_proof as verify
from reserves.tests.trees import SECRET, SUBJECT, a_proof, a_tree, some_holders

LIMIT = 1 << 256
Change = Any


# --- What holds -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 100])
def test_every_holder_of_a_tree_of_any_size_has_a_proof(count: int) -> None:
    tree = a_tree(count)
    assert tree.total == sum(amount for _, amount in some_holders(count))
    for index in range(count):
        verify(a_proof(tree, index), root=tree.root)


def test_the_bytes_are_those_that_the_docs_say() -> None:
    """Written out by hand from docs/proof-of-reserves.md, with another keccak than the code's."""
    (one, two, three) = sorted(
        keccak(b"\x00" + address + amount.to_bytes(32, "big") + merkle.salt_of(secret=SECRET, address=address))
        + amount.to_bytes(32, "big")
        for address, amount in some_holders(3)
    )

    def node(left: bytes, right: bytes) -> bytes:
        total = int.from_bytes(left[32:], "big") + int.from_bytes(right[32:], "big")
        return keccak(b"\x01" + left + right) + total.to_bytes(32, "big")

    top = node(node(one, two), node(three, keccak(b"\x02\x00") + bytes(32)))
    root = keccak(
        b"\x03"
        + top[:32]
        + top[32:]
        + (3).to_bytes(32, "big")
        + (84532).to_bytes(32, "big")
        + bytes(range(20))
        + keccak(b"AAPL")
        + (12_345_678).to_bytes(32, "big")
        + bytes(range(32))
    )
    assert a_tree(3).root == root


def test_the_order_of_holders_does_not_matter_and_the_leaves_order_says_nothing_of_them() -> None:
    holders = some_holders(50)
    assert a_tree(holders=holders[::-1]).root == a_tree(holders=holders).root
    places = [address for address, _ in a_tree(holders=holders).holders]
    assert places != sorted(places)
    assert places != [address for address, _ in a_tree(holders=holders, secret=os.urandom(32)).holders]


def test_another_secret_makes_other_leaves_so_that_nobody_is_found_by_guessing() -> None:
    mine, other = a_tree(), a_tree(secret=os.urandom(32))
    assert mine.total == other.total
    assert not {mine.levels[0][i : i + 32] for i in range(0, 448, 64)} & {
        other.levels[0][i : i + 32] for i in range(0, 448, 64)
    }


def test_the_published_leaves_make_the_root_and_the_total() -> None:
    tree = a_tree(5)
    assert root_of_leaves(subject=SUBJECT, leaves=_leaves(tree)) == (tree.root, tree.total)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.binary(min_size=20, max_size=20), st.integers(1, 2**200), min_size=1, max_size=40))
def test_any_holders_make_a_tree_that_proves_each_of_them_and_their_sum(holders: dict[bytes, int]) -> None:
    tree = build_sum_tree(subject=SUBJECT, holders=holders.items(), secret=SECRET)
    assert tree.total == sum(holders.values())
    for index, (address, amount) in enumerate(tree.holders):
        proof = a_proof(tree, index)
        assert (proof.address, proof.amount) == (address, amount) == (address, holders[address])
        verify(proof, root=tree.root)


# --- What makes no tree ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("holders", "why"),
    [
        ([], "nobody"),
        ([(b"a" * 20, 0)], "positive"),
        ([(b"a" * 20, -1)], "positive"),
        ([(b"a" * 20, 5), (b"b" * 20, -5)], "positive"),
        ([(b"a" * 19, 1)], "20 bytes"),
        ([(b"a" * 20, 1), (b"a" * 20, 1)], "twice"),
        ([(b"a" * 20, 1), (b"a" * 20, 2)], "twice"),
        ([(b"a" * 20, LIMIT)], "256 bits"),
        ([(b"a" * 20, LIMIT - 1), (b"b" * 20, 1)], "256 bits"),
    ],
)
@pytest.mark.parametrize("build", [lambda holders: a_tree(holders=holders), build_plain_tree])
def test_holders_that_cannot_be_are_refused(holders: list[Any], why: str, build: Any) -> None:
    with pytest.raises(BadTree, match=why):
        build(holders)


def test_the_largest_sum_is_still_one() -> None:
    tree = a_tree(holders=[(b"a" * 20, LIMIT - 2), (b"b" * 20, 1)])
    assert tree.total == LIMIT - 1
    verify(a_proof(tree, 1), root=tree.root)


def test_a_secret_is_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        a_tree(secret=b"short")


# --- What is changed is found ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        {"amount": 1},
        {"amount": 0},
        {"amount": -1},
        {"amount": LIMIT},
        {"address": b"x" * 20},
        {"address": b"x" * 21},
        {"salt": bytes(32)},
        {"salt": b""},
        {"index": 3},
        {"index": 7},
        {"index": -1},
        {"count": 6},
        {"count": 8},
        {"count": 14},
        {"total": 1},
        {"total": LIMIT},
        {"path": []},
        {"subject": replace(SUBJECT, asset="MSFT")},
        {"subject": replace(SUBJECT, chain_id=1)},
        {"subject": replace(SUBJECT, contract=bytes(20))},
        {"subject": replace(SUBJECT, block_number=1)},
        {"subject": replace(SUBJECT, block_hash=bytes(32))},
    ],
    ids=str,
)
def test_a_changed_field_leads_nowhere(change: Change) -> None:
    tree = a_tree(7)
    with pytest.raises(BadProof):
        verify(a_proof(tree, 2, **change), root=tree.root)


@pytest.mark.parametrize("byte", [0, 31, 32, 63])
@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_changed_sibling_leads_nowhere(step: int, byte: int) -> None:
    tree = a_tree(7)
    path = [bytearray(entry) for entry in a_proof(tree, 2).path]
    path[step][byte] ^= 1
    with pytest.raises(BadProof):
        verify(a_proof(tree, 2, path=[bytes(entry) for entry in path]), root=tree.root)


def test_sums_moved_between_siblings_are_found_though_they_make_the_same_total() -> None:
    tree = a_tree(8)
    proof = a_proof(tree, 0)
    path = list(proof.path)
    path[0], path[1] = _plus(path[0], -5), _plus(path[1], 5)
    with pytest.raises(BadProof, match="another root"):
        verify(replace(proof, path=path), root=tree.root)


def test_sums_that_wrap_around_are_refused() -> None:
    tree = a_tree(2)
    proof = a_proof(tree, 0)
    huge = proof.path[0][:32] + (LIMIT - proof.amount).to_bytes(32, "big")
    with pytest.raises(BadProof, match="256 bits"):
        verify(replace(proof, path=[huge]), root=tree.root)


def test_nothing_can_stand_beyond_the_last_holder() -> None:
    """A fourth leaf where padding belongs, committed to in the root: the holder next to it finds it."""
    tree = a_tree(4)
    hidden_top = tree.levels[-1]
    lie = merkle.root_hash(subject=SUBJECT, top=hidden_top[:32], total=tree.total, count=3)
    with pytest.raises(BadProof, match="beyond the last holder"):
        verify(a_proof(tree, 2, count=3), root=lie)


def test_an_omitted_leaf_is_found_by_its_holder_and_by_the_count() -> None:
    holders = some_holders(6)
    whole, less = a_tree(holders=holders), a_tree(holders=holders[1:])
    index = next(i for i, (address, _) in enumerate(whole.holders) if address == holders[0][0])
    with pytest.raises(BadProof):
        verify(a_proof(whole, index), root=less.root)
    root, total = root_of_leaves(subject=SUBJECT, leaves=_leaves(whole)[1:])
    assert (root, total) != (whole.root, whole.total)


@pytest.mark.parametrize("spoil", [lambda x: x[::-1], lambda x: [x[0], x[0]], lambda x: [x[0][:-1]], lambda x: []])
def test_leaves_that_are_twice_out_of_place_cut_or_missing_are_refused(spoil: Any) -> None:
    with pytest.raises(BadTree):
        root_of_leaves(subject=SUBJECT, leaves=spoil(_leaves(a_tree(5))))


def test_a_zero_leaf_among_the_published_ones_is_refused() -> None:
    with pytest.raises(BadTree, match="zero"):
        root_of_leaves(subject=SUBJECT, leaves=[_leaves(a_tree(5))[0][:32] + bytes(32)])


# --- The flaw of the first Merkle-sum trees -------------------------------------------------------------------------
def test_the_classic_way_to_hide_liabilities_works_on_the_broken_rule_and_not_on_ours() -> None:
    """The broken rule hashes both hashes and the one sum: each holder can be shown another sibling's sum.

    (Hu, Zhang and Guo, "Breaking the binding: attacks on the Merkle approach to prove liabilities", 2018.)
    """
    alice, bob = (b"a" * 20, 10), (b"b" * 20, 20)
    leaf = {who: merkle.leaf_hash(address=who[0], amount=who[1], salt=bytes(32)) for who in (alice, bob)}

    def broken(left: bytes, right: bytes, total: int) -> bytes:
        return keccak(left + right + total.to_bytes(32, "big"))

    claimed = max(alice[1], bob[1])  # 20 instead of the 30 that are owed
    root = broken(leaf[alice], leaf[bob], claimed)
    for own, shown in ((alice, claimed - alice[1]), (bob, claimed - bob[1])):
        assert broken(leaf[alice], leaf[bob], own[1] + shown) == root  # each is satisfied, and 10 are hidden

    def ours(left: tuple[bytes, int], right: tuple[bytes, int]) -> bytes:
        parts = (left[0], left[1].to_bytes(32, "big"), right[0], right[1].to_bytes(32, "big"))
        top = keccak(b"\x01" + b"".join(parts))
        return merkle.root_hash(subject=SUBJECT, top=top, total=left[1] + right[1], count=2)

    to_alice = ours((leaf[alice], 10), (leaf[bob], claimed - 10))
    to_bob = ours((leaf[alice], claimed - 20), (leaf[bob], 20))
    assert to_alice != to_bob  # there is no one root for both stories
    for who, index, other, shown in ((alice, 0, bob, 10), (bob, 1, alice, 0)):
        proof = Proof(
            subject=SUBJECT,
            total=claimed,
            count=2,
            address=who[0],
            amount=who[1],
            salt=bytes(32),
            index=index,
            path=[leaf[other] + shown.to_bytes(32, "big")],
        )
        verify(proof, root=to_alice if who == alice else to_bob)
        with pytest.raises(BadProof):
            verify(proof, root=to_bob if who == alice else to_alice)


# --- Speed ----------------------------------------------------------------------------------------------------------
def test_a_hundred_thousand_holders_are_a_matter_of_seconds() -> None:
    """The target is 1.3 s of an idle core (`make por` measures); here only a change of order of magnitude is caught."""
    holders = some_holders(100_000)
    started = time.process_time()
    a_tree(holders=holders)
    assert time.process_time() - started < 6


def _leaves(tree: SumTree) -> list[bytes]:
    return [tree.levels[0][i * 64 : (i + 1) * 64] for i in range(tree.count)]


def _plus(entry: bytes, change: int) -> bytes:
    return entry[:32] + (int.from_bytes(entry[32:], "big") + change).to_bytes(32, "big")
