#!/usr/bin/env python3
"""Check a reserve package, believing nobody. Needs Python 3.9 or newer and nothing else; asks no network.

    python3 verify.py [FOLDER] [--attestor 0x…] [--proof FILE …] [--quick]

FOLDER (this file's own by default) is por/<asset>/<date>/. Checked: the report's form and hash, that it follows the
report before it, the attestor's signature, the sum of all holders' balances and both trees' roots, that reserves cover
the tokens, and each holder's proof. `--attestor` is whom you expect to have signed: take the address from somewhere
else than this package. `--quick` leaves the trees' hashes out (proofs are still checked against the signed root).
Exit 0: everything holds.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
import time
from decimal import ROUND_DOWN, Context, Decimal, InvalidOperation
from pathlib import Path

ZERO = "0x" + "00" * 32
LIMIT = 1 << 256
EXACT = Context(prec=120)


class Wrong(Exception):
    """What is not as it should be."""


def need(holds, otherwise):
    if not holds:
        raise Wrong(otherwise)


# --- keccak-256: FIPS 202's permutation, Keccak's own padding ---------------------------------------------------------
# Python's integers are as wide as you like: a lane here is the same lane of many messages side by side, 64 bits each,
# so that one pass hashes them all. That is fifty times as fast as one after the other, and needs no library.
RATE = 136
BATCH = 2048


def _round_constants():
    """By the shift register of FIPS 202, section 3.2.5."""
    found, state = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (state & 1) << ((1 << j) - 1)
            state = (state << 1) ^ (0x171 if state & 0x80 else 0)
        found.append(constant)
    return found


def _lane_moves():
    """Steps rho and pi as (from, to, rotation); lane x, y is number x + 5y."""
    found, x, y = [], 1, 0
    for t in range(24):
        source, (x, y) = x + 5 * y, (y, (2 * x + 3 * y) % 5)
        found.append((source, x + 5 * y, (t + 1) * (t + 2) // 2 % 64))
    return found


ROUNDS = _round_constants()
MOVES = _lane_moves()
CHI = [(y + x, y + (x + 1) % 5, y + (x + 2) % 5) for y in range(0, 25, 5) for x in range(5)]


class Sponge:
    """The permutation of so many messages side by side."""

    def __init__(self, count):
        ones = int.from_bytes(b"\x01".ljust(8, b"\x00") * count, "little")  # bit 0 of each message's lane
        self.rounds = [constant * ones for constant in ROUNDS]
        self.moves = [(source, target, *self._turn(ones, left)) for source, target, left in MOVES]
        self.one = self._turn(ones, 1)

    @staticmethod
    def _turn(ones, left):
        """A rotation: how far, and which bits stay their own message's when all are shifted."""
        low = (1 << left) - 1
        return left, 64 - left, (low ^ (1 << 64) - 1) * ones, low * ones

    def permute(self, a):
        left1, right1, high1, low1 = self.one
        for constant in self.rounds:
            c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
            turned = [lane << left1 & high1 | lane >> right1 & low1 for lane in c]
            d = [c[(x + 4) % 5] ^ turned[(x + 1) % 5] for x in range(5)]
            a = [lane ^ effect for lane, effect in zip(a, d * 5)]
            b = a[:]
            for source, target, left, right, high, low in self.moves:
                lane = a[source]
                b[target] = lane << left & high | lane >> right & low
            a = [b[i] ^ b[k] ^ (b[j] & b[k]) for i, j, k in CHI]  # not b[j], and b[k]
            a[0] ^= constant
        return a


SPONGES = {}


def keccak_many(messages):
    """The digests of messages that are all as long as the first."""
    digests = []
    for start in range(0, len(messages), BATCH):
        digests += _keccak_batch(messages[start : start + BATCH])
    return digests


def _keccak_batch(messages):
    count, size = len(messages), len(messages[0])
    fill = bytearray(RATE - size % RATE)
    fill[0] ^= 0x01
    fill[-1] ^= 0x80
    padded = [message + bytes(fill) for message in messages]
    if count not in SPONGES:
        SPONGES[count] = Sponge(count)
    state = [0] * 25
    for start in range(0, size + len(fill), RATE):
        for lane in range(RATE // 8):
            at = start + 8 * lane
            state[lane] ^= int.from_bytes(b"".join([message[at : at + 8] for message in padded]), "little")
        state = SPONGES[count].permute(state)
    lanes = [lane.to_bytes(8 * count, "little") for lane in state[:4]]
    return [b"".join([lane[at : at + 8] for lane in lanes]) for at in range(0, 8 * count, 8)]


def keccak(data):
    return keccak_many([data])[0]


# --- secp256k1: who signed ------------------------------------------------------------------------------------------
P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def _add(one, other):
    """Points of the curve as (x, y), None for the point at infinity."""
    if one is None or other is None:
        return other if one is None else one
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = 3 * x1 * x1 * pow(2 * y1, P - 2, P) if one == other else (y2 - y1) * pow(x2 - x1, P - 2, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def _times(factor, point):
    found = None
    while factor:
        if factor & 1:
            found = _add(found, point)
        point, factor = _add(point, point), factor >> 1
    return found


def recover(digest, signature):
    """The address whose key made this signature (r, s, v: 65 bytes) of a 32-byte digest (SEC 1, 4.1.6)."""
    need(len(signature) == 65 and signature[64] in (27, 28), "the signature is not r, s and v of 65 bytes")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    need(0 < r < N and 0 < s <= N // 2, "the signature's r or s is out of range")
    y = pow(r**3 + 7, (P + 1) // 4, P)
    need(y * y % P == (r**3 + 7) % P, "the signature's r is no point of the curve")
    if y % 2 != signature[64] - 27:
        y = P - y
    inverse, z = pow(r, N - 2, N), int.from_bytes(digest, "big")
    point = _add(_times(s * inverse % N, (r, y)), _times(-z * inverse % N, G))
    need(point is not None, "the signature recovers to no key")
    return "0x" + keccak(point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big"))[12:].hex()


# --- Reading --------------------------------------------------------------------------------------------------------
def read(path):
    try:
        return path.read_bytes()
    except OSError as problem:
        raise Wrong("%s cannot be read: %s" % (path.name, problem)) from problem


def read_json(path):
    def unique(pairs):
        need(len({key for key, _ in pairs}) == len(pairs), "%s has a key twice" % path.name)
        return dict(pairs)

    try:
        return json.loads(read(path).decode("utf-8"), object_pairs_hook=unique)
    except ValueError as problem:
        raise Wrong("%s is no JSON: %s" % (path.name, problem)) from problem


def bytes_of(text, size):
    try:
        value = bytes.fromhex(text[2:] if text[:2] == "0x" else "?")
    except (TypeError, ValueError):
        value = b""
    need(len(value) == size, "%r is not 0x and %d bytes" % (text, size))
    return value


def amount_of(text):
    """Wei below 2**256; no sign, no point, no white space."""
    need(isinstance(text, str) and text.isascii() and text.isdigit(), "%r is no amount of wei" % (text,))
    need(len(text) <= 78 and int(text) < LIMIT, "%s is beyond 256 bits" % text)
    return int(text)


def word(number):
    need(isinstance(number, int) and 0 <= number < LIMIT, "%r is no unsigned integer of 256 bits" % (number,))
    return number.to_bytes(32, "big")


# --- The report -----------------------------------------------------------------------------------------------------
def check_form(folder):
    raw = read(folder / "report.json")
    report = read_json(folder / "report.json")
    again = json.dumps(report, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    need(again.encode("utf-8") == raw, "report.json is not in canonical form")
    need(report.get("format") == "agora-por-report-v1", "report.json is of another format")
    return report, "0x" + hashlib.sha256(raw).hexdigest()


def check_chain(folder, report):
    path = folder / "previous.json"
    if report["sequence"] == 1:
        need(report["previous_hash"] == ZERO, "the first report names a report before it")
        return "this is the asset's first report"
    before = read(path)
    need("0x" + hashlib.sha256(before).hexdigest() == report["previous_hash"], "previous.json has another hash")
    previous = read_json(path)
    need(previous["sequence"] + 1 == report["sequence"], "previous.json is not the report before this one")
    for name in ("asset", "chain_id", "contract"):
        need(previous[name] == report[name], "previous.json is about another " + name)
    need(previous["block_number"] <= report["block_number"], "previous.json is of a later block")
    return "report %d follows %s" % (report["sequence"], report["previous_hash"])


FIELDS = (
    "string asset,uint256 sequence,bytes32 contentHash,bytes32 previousHash,uint256 blockNumber,bytes32 blockHash,"
    "uint256 minted,uint256 inCustody,uint256 custodianBalance,uint256 owed,uint256 holders,bytes32 liabilitiesRoot,"
    "bytes32 plainRoot"
)
DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


def signed_digest(report, report_hash):
    """EIP-712's digest of what the attestor signed."""
    owed = report["liabilities"]
    domain = keccak(
        keccak(DOMAIN.encode())
        + keccak(b"Agora Reserve Report")
        + keccak(b"1")
        + word(report["chain_id"])
        + bytes(12)
        + bytes_of(report["contract"], 20)
    )
    message = keccak(
        keccak(("ReserveReport(%s)" % FIELDS).encode())
        + keccak(report["asset"].encode("utf-8"))
        + word(report["sequence"])
        + bytes_of(report_hash, 32)
        + bytes_of(report["previous_hash"], 32)
        + word(report["block_number"])
        + bytes_of(report["block_hash"], 32)
        + word(wei(report, "minted_on_chain"))
        + word(wei(report, "in_custody"))
        + word(wei(report, "custodian_balance"))
        + word(amount_of(owed["total_wei"]))
        + word(owed["holders"])
        + bytes_of(owed["root"], 32)
        + bytes_of(owed["plain_root"], 32)
    )
    return keccak(b"\x19\x01" + domain + message)


def check_signature(folder, report, report_hash, expected):
    said = read_json(folder / "signature.json")
    need(said["report_hash"] == report_hash, "signature.json is of another report")
    signer = recover(signed_digest(report, report_hash), bytes_of(said["signature"], 65))
    need(signer == said["attestor"].lower(), "signed by %s, not by %s" % (signer, said["attestor"]))
    if expected:
        need(signer == expected.lower(), "signed by %s, not by the attestor you named" % signer)
        return "signed by %s, whom you named" % signer
    return "signed by %s: is that the attestor? (--attestor)" % signer


def shares(report, name):
    found = [figure["quantity"] for figure in report["figures"] if figure["name"] == name]
    need(len(found) == 1, "there is no single figure %s" % name)
    try:
        quantity = Decimal(found[0])
    except InvalidOperation as problem:
        raise Wrong("%s is no number" % found[0]) from problem
    need(quantity.is_finite() and len(found[0]) < 80, "%s is no quantity" % found[0])
    return quantity


def wei(report, name):
    exact = shares(report, name).scaleb(18, EXACT)
    need(exact == int(exact) and exact >= 0, "%s has more than 18 decimals, or is negative" % name)
    return int(exact)


def check_figures(report):
    minted, owed = wei(report, "minted_on_chain"), amount_of(report["liabilities"]["total_wei"])
    need(minted == owed == wei(report, "owed_to_holders"), "what holders have is not the contract's total supply")
    held = min(shares(report, "in_custody"), shares(report, "custodian_balance"))
    supply = shares(report, "minted_on_chain")
    ratio = Context(prec=60).divide(held, supply).quantize(Decimal("0.0001"), rounding=ROUND_DOWN)
    need(Decimal(report["ratio"]) == ratio, "the ratio is %s, not %s" % (ratio, report["ratio"]))
    need(held >= supply, "RESERVES DO NOT COVER THE TOKENS: %s shares for %s tokens" % (held, supply))
    return "%s shares for %s tokens, ratio %s" % (held, supply, report["ratio"])


def check_csv(folder, report, report_hash):
    rows = list(csv.DictReader(read(folder / "report.csv").decode("utf-8").splitlines()))
    said = [(f["name"], f["quantity"], f["source"], f["as_of"]) for f in report["figures"]]
    need([(r["figure"], r["quantity"], r["source"], r["as_of"]) for r in rows] == said, "report.csv says otherwise")
    need({row["report_hash"] for row in rows} == {report_hash}, "report.csv names another report")
    return "%d figures, as in report.json" % len(rows)


# --- The sum tree: docs/proof-of-reserves.md has the bytes -----------------------------------------------------------
def padding(height):
    return keccak(b"\x02" + bytes([height])), 0


def root_of(said, top, total, count):
    """`said` is a report or a proof: both name the asset, the contract and the block."""
    return keccak(
        b"\x03"
        + top
        + word(total)
        + word(count)
        + word(said["chain_id"])
        + bytes_of(said["contract"], 20)
        + keccak(said["asset"].encode("utf-8"))
        + word(said["block_number"])
        + bytes_of(said["block_hash"], 32)
    )


def read_leaves(folder):
    rows = csv.DictReader(read(folder / "liabilities.csv").decode("utf-8").splitlines())
    return [(bytes_of(row["leaf_hash"], 32), amount_of(row["amount_wei"])) for row in rows]


def check_liabilities(folder, report, quick):
    owed, leaves = report["liabilities"], read_leaves(folder)
    need(leaves, "liabilities.csv is empty")
    need(all(one[0] < next_[0] for one, next_ in zip(leaves, leaves[1:])), "a leaf is there twice, or out of its place")
    need(all(amount > 0 for _, amount in leaves), "a leaf is zero")
    need(len(leaves) == owed["holders"], "%d leaves for %d holders" % (len(leaves), owed["holders"]))
    total = sum(amount for _, amount in leaves)
    need(total == amount_of(owed["total_wei"]), "the leaves' sum is %d, not %s" % (total, owed["total_wei"]))
    if quick:
        return "%d holders, sum %d (hashes not checked)" % (len(leaves), total)
    level, height = leaves, 0
    while len(level) > 1:
        if len(level) % 2:
            level.append(padding(height))
        pairs = list(zip(level[::2], level[1::2]))
        hashes = keccak_many([b"\x01" + l[0] + word(l[1]) + r[0] + word(r[1]) for l, r in pairs])  # noqa: E741
        level, height = [(h, l[1] + r[1]) for h, (l, r) in zip(hashes, pairs)], height + 1  # noqa: E741
    root = root_of(report, level[0][0], total, owed["holders"])
    need(root == bytes_of(owed["root"], 32), "the leaves make another root than the report's")
    return "%d holders, sum %d, root %s" % (owed["holders"], total, owed["root"])


def check_proof(path, report):
    proof, owed = read_json(path), report["liabilities"]
    for name in ("chain_id", "contract", "block_number", "block_hash"):
        same = str(proof[name]).lower() == str(report[name]).lower()  # an address's letter case is a checksum only
        need(same, "%s is about another %s" % (path.name, name))
    need(proof["asset"] == report["asset"], "%s is about another asset" % path.name)
    for name in ("root", "total_wei", "holders"):
        need(proof[name] == owed[name], "%s has another %s than the report" % (path.name, name))
    address, salt = bytes_of(proof["address"], 20), bytes_of(proof["salt"], 32)
    amount, index, count = amount_of(proof["amount_wei"]), proof["index"], proof["holders"]
    need(amount > 0 and 0 <= index < count, "%s: amount or index out of range" % path.name)
    need(len(proof["path"]) == (count - 1).bit_length(), "%s: the path's length does not fit" % path.name)
    node, total = keccak(b"\x00" + address + word(amount) + salt), amount
    for height, step in enumerate(proof["path"]):
        sibling = bytes_of(step["hash"], 32), amount_of(step["sum_wei"])
        if (index >> height ^ 1) > count - 1 >> height:
            need(sibling == padding(height), "%s: something lies beyond the last holder" % path.name)
        left, right = (sibling, (node, total)) if index >> height & 1 else ((node, total), sibling)
        node = keccak(b"\x01" + left[0] + word(left[1]) + right[0] + word(right[1]))
        total += sibling[1]
        need(total < LIMIT, "%s: the sum is beyond 256 bits" % path.name)
    need(total == amount_of(owed["total_wei"]), "%s: the sums make %d, not the total" % (path.name, total))
    need(root_of(proof, node, total, count) == bytes_of(owed["root"], 32), "%s leads to another root" % path.name)


def check_proofs(paths, report):
    for path in paths:
        check_proof(path, report)
    return "%d" % len(paths)


# --- The plain tree: OpenZeppelin's StandardMerkleTree over (address, uint256) ---------------------------------------
def check_plain(folder, report, quick):
    owed, tree = report["liabilities"], read_json(folder / "plain.json")
    need(tree["format"] == "standard-v1" and tree["leafEncoding"] == ["address", "uint256"], "plain.json: other format")
    holders = [(bytes_of(v["value"][0], 20), amount_of(v["value"][1]), v["treeIndex"]) for v in tree["values"]]
    need(len({address for address, _, _ in holders}) == len(holders), "an address is in plain.json twice")
    amounts = sorted(amount for _, amount, _ in holders)
    need(amounts == sorted(amount for _, amount in read_leaves(folder)), "plain.json has other balances")
    if quick:
        return "the same balances (hashes not checked)"
    count = len(holders)
    inner = keccak_many([bytes(12) + address + word(amount) for address, amount, _ in holders])
    nodes = [b""] * (2 * count - 1)
    for (_, _, place), leaf in zip(holders, keccak_many(inner)):
        need(isinstance(place, int) and count - 1 <= place < 2 * count - 1, "plain.json: a leaf is out of its place")
        need(nodes[place] == b"", "plain.json: two leaves in one place")
        nodes[place] = leaf
    first = count - 1
    while first > 0:  # level by level, from the bottom: the children of i are 2i+1 and 2i+2
        start = max(0, (first - 1) // 2)
        ready = [i for i in range(start, first) if nodes[2 * i + 1] and nodes[2 * i + 2]]
        hashes = keccak_many([b"".join(sorted((nodes[2 * i + 1], nodes[2 * i + 2]))) for i in ready])
        for i, node in zip(ready, hashes):
            nodes[i] = node
        first = ready[0]
    need(nodes[0] == bytes_of(owed["plain_root"], 32), "plain.json makes another root than the report's")
    return "%d holders, root %s" % (count, owed["plain_root"])


# --- All of it ------------------------------------------------------------------------------------------------------
def verify(folder, attestor="", proofs=(), quick=False, say=print):
    """True when everything holds. `say` takes a line for each check."""
    fine = True

    def step(name, check):
        nonlocal fine
        started = time.monotonic()
        try:
            found = check()
        except Wrong as problem:
            fine = False
            return say("FAIL %-12s %s" % (name, problem))
        except (KeyError, TypeError, AttributeError, ArithmeticError) as problem:
            fine = False
            return say("FAIL %-12s cannot be read: %r" % (name, problem))
        return say("ok   %-12s %s (%.1f s)" % (name, found, time.monotonic() - started))

    try:
        report, report_hash = check_form(folder)
    except Wrong as problem:
        say("FAIL report       %s" % problem)
        return False
    asset, at = report.get("asset"), report.get("as_of")
    say("     report       %s, %s, sha256 %s" % (asset, at, report_hash))
    paths = [Path(path) for path in proofs] or sorted((folder / "proofs").glob("*.json"))
    step("order", lambda: check_chain(folder, report))
    step("signature", lambda: check_signature(folder, report, report_hash, attestor))
    step("figures", lambda: check_figures(report))
    step("table", lambda: check_csv(folder, report, report_hash))
    step("liabilities", lambda: check_liabilities(folder, report, quick))
    step("plain tree", lambda: check_plain(folder, report, quick))
    step("proofs", lambda: check_proofs(paths, report))
    return fine


def main():
    parser = argparse.ArgumentParser(description="Check a reserve package, believing nobody.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--attestor", default="", help="the address that you expect to have signed")
    parser.add_argument("--proof", nargs="+", default=(), help="proofs of holders; default: those in proofs/")
    parser.add_argument("--quick", action="store_true", help="leave the trees' hashes out")
    options = parser.parse_args()
    fine = verify(options.folder, options.attestor, options.proof, options.quick)
    print("everything holds" if fine else "SOMETHING IS WRONG")  # noqa: T201
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
