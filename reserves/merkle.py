"""Two trees over who holds how much of one asset at one block. Pure; docs/proof-of-reserves.md has the exact bytes.

The *sum tree* commits to the total: each node carries the sum of what is below it, and its hash covers both children's
hashes **and** both their sums. (A node that covers only the two hashes and the one sum can be shown with other
summands to each holder: that flaw hides liabilities.) Leaves are salted, so a proof names nobody but its holder.

    leaf     keccak256(00 ‖ address 20 ‖ amount 32 ‖ salt 32)                    its sum is the amount
    node     keccak256(01 ‖ left hash 32 ‖ left sum 32 ‖ right hash 32 ‖ right sum 32)
    padding  keccak256(02 ‖ height 1), sum 0                                     right of a level's odd last entry
    root     keccak256(03 ‖ top hash 32 ‖ total 32 ‖ count 32 ‖ chain id 32 ‖ contract 20
                       ‖ keccak256(asset) 32 ‖ block number 32 ‖ block hash 32)
    salt     HMAC-SHA256(the snapshot's secret, "agora-por-salt-v1" ‖ address 20)

The *plain tree* is OpenZeppelin's StandardMerkleTree over (address, uint256): same root, same dump, same proofs.
Amounts are wei. All integers are unsigned, big-endian.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sha3 import keccak_256

LEAF, NODE, PADDING, ROOT = b"\x00", b"\x01", b"\x02", b"\x03"
SALT_LABEL = b"agora-por-salt-v1"
ENTRY = 64  # bytes: a hash and a sum
LIMIT = 1 << 256

Holder = tuple[bytes, int]  # 20 bytes of address, wei


class BadTree(ValueError):
    """These holders make no tree: none, one twice, an amount that is not positive, a sum beyond 256 bits."""


class BadProof(ValueError):
    """The proof does not lead to the root. The message says where it fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the tree is about."""

    asset: str  # the ticker
    chain_id: int
    contract: bytes  # 20
    block_number: int
    block_hash: bytes  # 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SumTree:
    subject: Subject
    holders: Sequence[Holder]  # in the leaves' order: by leaf hash, which says nothing of the address
    levels: Sequence[bytes]  # entries of 64 bytes, leaves first, padded to even but for the top
    total: int
    root: bytes

    @property
    def count(self) -> int:
        return len(self.holders)

    def path(self, index: int) -> list[bytes]:
        """The siblings of a leaf, bottom up."""
        return [entry_at(level, sibling_index(index, height)) for height, level in enumerate(self.levels[:-1])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    subject: Subject
    total: int
    count: int
    address: bytes
    amount: int
    salt: bytes
    index: int
    path: Sequence[bytes]  # siblings' entries, bottom up


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTree:
    holders: Sequence[Holder]  # ascending by address
    places: Sequence[int]  # of each holder's leaf in `nodes`
    nodes: Sequence[bytes]  # nodes[0] is the root, the children of i are 2i+1 and 2i+2

    @property
    def root(self) -> bytes:
        return self.nodes[0]

    def proof(self, place: int) -> list[bytes]:
        path = []
        while place > 0:
            path.append(self.nodes[place - 1 if place % 2 == 0 else place + 1])
            place = (place - 1) // 2
        return path


def keccak(data: bytes) -> bytes:
    digest: bytes = keccak_256(data).digest()
    return digest


# --- The sum tree ---------------------------------------------------------------------------------------------------
def build_sum_tree(*, subject: Subject, holders: Iterable[Holder], secret: bytes) -> SumTree:
    """Raises BadTree."""
    checked = check_holders(holders)
    leaves = _leaves(checked, secret)
    amounts = dict(checked)
    levels, (top,) = _levels([leaf[:ENTRY] for leaf in leaves])
    total = sum(amounts.values())
    return SumTree(
        subject=subject,
        holders=[(leaf[ENTRY:], amounts[leaf[ENTRY:]]) for leaf in leaves],
        levels=levels,
        total=total,
        root=root_hash(subject=subject, top=top[:32], total=total, count=len(leaves)),
    )


def check_holders(holders: Iterable[Holder]) -> list[Holder]:
    """The holders as they are. Raises BadTree."""
    checked = list(holders)
    if not checked:
        raise BadTree("nobody holds anything")
    for address, amount in checked:
        if len(address) != 20:
            raise BadTree(f"0x{address.hex()} is not 20 bytes")
        if amount <= 0:
            raise BadTree(f"0x{address.hex()} holds {amount}: a leaf is positive")
    if len({address for address, _ in checked}) != len(checked):
        raise BadTree("an address stands there twice")
    if sum(amount for _, amount in checked) >= LIMIT:
        raise BadTree("the sum is beyond 256 bits")
    return checked


def salt_of(*, secret: bytes, address: bytes) -> bytes:
    if len(secret) != 32:
        raise ValueError("a snapshot's secret is 32 bytes")
    return hmac.digest(secret, SALT_LABEL + address, "sha256")


def leaf_hash(*, address: bytes, amount: int, salt: bytes) -> bytes:
    return keccak(LEAF + address + amount.to_bytes(32, "big") + salt)


def padding(height: int) -> bytes:
    """The entry that stands right of a level's last one when their number is odd."""
    return keccak(PADDING + bytes([height])) + bytes(32)


def root_hash(*, subject: Subject, top: bytes, total: int, count: int) -> bytes:
    return keccak(
        ROOT
        + top
        + total.to_bytes(32, "big")
        + count.to_bytes(32, "big")
        + subject.chain_id.to_bytes(32, "big")
        + _sized(subject.contract, 20)
        + keccak(subject.asset.encode())
        + subject.block_number.to_bytes(32, "big")
        + _sized(subject.block_hash, 32)
    )


def root_of_leaves(*, subject: Subject, leaves: Sequence[bytes]) -> tuple[bytes, int]:
    """Root and total of leaves (entries of 64 bytes) as they are published. Raises BadTree."""
    if not leaves or any(len(leaf) != ENTRY for leaf in leaves):
        raise BadTree("there is no leaf, or one is not 64 bytes")
    if any(before[:32] >= after[:32] for before, after in pairwise(leaves)):
        raise BadTree("the leaves' hashes do not ascend: one is there twice, or out of its place")
    amounts = [int.from_bytes(leaf[32:], "big") for leaf in leaves]
    if 0 in amounts or sum(amounts) >= LIMIT:
        raise BadTree("a leaf is zero, or the sum is beyond 256 bits")
    _, (top,) = _levels(list(leaves))
    return root_hash(subject=subject, top=top[:32], total=sum(amounts), count=len(leaves)), sum(amounts)


def depth_of(count: int) -> int:
    """Siblings on the way from a leaf to the top."""
    return (count - 1).bit_length()


def sibling_index(index: int, height: int) -> int:
    return (index >> height) ^ 1


def entry_at(level: bytes, index: int) -> bytes:
    return level[index * ENTRY : (index + 1) * ENTRY]


def verify_proof(proof: Proof, *, root: bytes) -> None:
    """Raises BadProof unless that address holds that amount within that total under that root."""
    if not 0 <= proof.index < proof.count or len(proof.path) != depth_of(proof.count):
        raise BadProof("the index or the path's length does not fit the number of holders")
    if not 0 < proof.amount < LIMIT or not 0 < proof.total < LIMIT or len(proof.address) != 20 or len(proof.salt) != 32:
        raise BadProof("a field is out of its range")
    node = leaf_hash(address=proof.address, amount=proof.amount, salt=proof.salt)
    running = proof.amount
    for height, sibling in enumerate(proof.path):
        _check_sibling(proof, height, sibling)
        own = node + running.to_bytes(32, "big")
        pair = sibling + own if proof.index >> height & 1 else own + sibling
        node = keccak(NODE + pair)
        running += int.from_bytes(sibling[32:], "big")
        if running >= LIMIT:
            raise BadProof(f"the sum at height {height + 1} is beyond 256 bits")
    if running != proof.total:
        raise BadProof(f"the sums on the way make {running}, not the total of {proof.total}")
    if root_hash(subject=proof.subject, top=node, total=proof.total, count=proof.count) != root:
        raise BadProof("the way leads to another root")


def _check_sibling(proof: Proof, height: int, sibling: bytes) -> None:
    if len(sibling) != ENTRY:
        raise BadProof(f"the sibling at height {height} is not 64 bytes")
    on_this_level = (proof.count - 1 >> height) + 1
    if sibling_index(proof.index, height) >= on_this_level and sibling != padding(height):
        raise BadProof(f"there is something beyond the last holder at height {height}")


def _leaves(holders: list[Holder], secret: bytes) -> list[bytes]:
    """Leaf entries with their addresses behind them, ascending. Written for speed: a million of them is normal."""
    digest, mac = keccak_256, hmac.digest
    if len(secret) != 32:
        raise ValueError("a snapshot's secret is 32 bytes")
    leaves = []
    for address, amount in holders:
        coded = amount.to_bytes(32, "big")
        salt = mac(secret, SALT_LABEL + address, "sha256")
        leaves.append(digest(LEAF + address + coded + salt).digest() + coded + address)
    leaves.sort()
    return leaves


def _levels(entries: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """All levels, leaves first, and the top's one entry. No partial sum overflows where the total does not."""
    digest, number = keccak_256, int.from_bytes  # names of their own: a call less for each of a million
    levels: list[bytes] = []
    while len(entries) > 1:
        if len(entries) % 2:
            entries.append(padding(len(levels)))
        levels.append(b"".join(entries))
        entries = [
            digest(NODE + left + right).digest()
            + (number(left[32:], "big") + number(right[32:], "big")).to_bytes(32, "big")
            for left, right in zip(entries[::2], entries[1::2], strict=True)
        ]
    levels.append(entries[0])
    return levels, entries


def _sized(value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise ValueError(f"0x{value.hex()} is not {size} bytes")
    return value


# --- The plain tree -------------------------------------------------------------------------------------------------
def build_plain_tree(holders: Iterable[Holder]) -> PlainTree:
    """Raises BadTree."""
    ordered = sorted(check_holders(holders))
    digest, head = keccak_256, bytes(12)
    hashes = [
        digest(digest(head + address + amount.to_bytes(32, "big")).digest()).digest() for address, amount in ordered
    ]
    by_hash = sorted(range(len(hashes)), key=hashes.__getitem__)
    last = 2 * len(hashes) - 2
    nodes = [b""] * (last + 1)
    places = [0] * len(hashes)
    for position, holder in enumerate(by_hash):
        nodes[last - position] = hashes[holder]
        places[holder] = last - position
    for i in range(len(hashes) - 2, -1, -1):
        left, right = nodes[2 * i + 1], nodes[2 * i + 2]
        nodes[i] = digest(left + right if left < right else right + left).digest()
    return PlainTree(holders=ordered, places=places, nodes=nodes)


def plain_leaf_hash(*, address: bytes, amount: int) -> bytes:
    return keccak(keccak(bytes(12) + address + amount.to_bytes(32, "big")))
