"""Others who check the same: OpenZeppelin's library, the browser's proof.js, and verify.py's own hash and curve."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from eth_account import Account
from eth_utils import keccak

from reserves.merkle import SumTree, build_plain_tree
from reserves.packaging import VERIFIER, plain_json
from reserves.proofs import as_json, from_json
from reserves.standalone import verify as verifier
from reserves.tests.trees import a_proof, a_tree, some_holders

OPENZEPPELIN = VERIFIER.parent / "openzeppelin"
PROOF_JS = Path(settings.BASE_DIR) / "templates" / "static" / "proof.js"


# --- OpenZeppelin ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 100])
def test_the_plain_root_is_openzeppelins(count: int) -> None:
    holders = some_holders(count)
    values = [["0x" + address.hex(), str(amount)] for address, amount in holders]
    script = (
        'import { StandardMerkleTree as T } from "@openzeppelin/merkle-tree";'
        "const values = JSON.parse(process.argv[1]);"
        'const tree = T.of(values, ["address", "uint256"]);'
        "console.log(JSON.stringify({ dump: tree.dump(), proof: tree.getProof(0) }));"
    )
    said = json.loads(_node("--input-type=module", "-e", script, json.dumps(values), cwd=OPENZEPPELIN))

    ours = build_plain_tree(holders)
    mine = json.loads(plain_json(ours))
    assert mine["tree"] == said["dump"]["tree"]
    theirs = {value["value"][0].lower(): value["treeIndex"] for value in said["dump"]["values"]}
    assert {value["value"][0].lower(): value["treeIndex"] for value in mine["values"]} == theirs
    place = ours.places[ours.holders.index(holders[0])]
    assert ["0x" + node.hex() for node in ours.proof(place)] == said["proof"]


# --- The browser -----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What proof.js says of (proof, published) pairs."""
    folder = tmp_path_factory.mktemp("browser")
    shutil.copy(PROOF_JS, folder / "proof.mjs")
    script = (
        'import { readFileSync } from "node:fs"; import { verifyProof } from "./proof.mjs";'
        'const cases = JSON.parse(readFileSync("cases.json"));'
        "console.log(JSON.stringify(cases.map(([proof, published]) => verifyProof(proof, published))));"
    )

    def run(cases: list[Any]) -> list[dict[str, Any]]:
        (folder / "cases.json").write_text(json.dumps(cases))
        answers: list[dict[str, Any]] = json.loads(_node("--input-type=module", "-e", script, cwd=folder))
        return answers

    return run


def test_the_browser_takes_what_python_made(browser: Any) -> None:
    cases = []
    for count in (1, 2, 3, 7, 8, 100):
        tree = a_tree(count)
        cases += [_case(tree, index) for index in {0, count // 2, count - 1}]
    big = a_tree(holders=[(b"a" * 20, (1 << 256) - 2), (b"b" * 20, 1)])
    cases += [_case(big, 0), _case(big, 1)]

    assert browser(cases) == [{"ok": True, "problem": ""}] * len(cases)


def test_the_browser_refuses_what_is_changed(browser: Any) -> None:
    tree = a_tree(7)
    whole, published = _case(tree, 2)
    changes: list[dict[str, Any]] = [
        {"amount_wei": "1"},
        {"amount_wei": "0"},
        {"amount_wei": "-1"},
        {"amount_wei": str(1 << 256)},
        {"amount_wei": 5},
        {"address": "0x" + "11" * 20},
        {"address": "0x" + "11" * 19},
        {"salt": "0x" + "00" * 32},
        {"index": 3},
        {"index": 7},
        {"index": 1.5},
        {"holders": 8},
        {"total_wei": "1"},
        {"root": "0x" + "00" * 32},
        {"asset": "MSFT"},
        {"chain_id": 1},
        {"contract": "0x" + "00" * 20},
        {"block_number": 1},
        {"block_hash": "0x" + "00" * 32},
        {"format": "other"},
        {"path": whole["path"][:2]},
        {"path": [*whole["path"][:2], {**whole["path"][2], "sum_wei": "1"}]},
        {"path": [{**whole["path"][0], "hash": "0x" + "00" * 32}, *whole["path"][1:]]},
        {"path": None},
    ]
    answers = browser([[{**whole, **change}, published] for change in changes])
    assert [change for change, answer in zip(changes, answers, strict=True) if answer["ok"]] == []
    assert all(answer["problem"] for answer in answers)
    padded = a_tree(4)
    hidden = {**_case(padded, 2)[0], "holders": 3}
    (answer,) = browser([[hidden, {**_case(padded, 2)[1], "holders": 3}]])
    assert answer == {"ok": False, "problem": "something lies beyond the last holder"}


def test_the_browsers_keccak_is_keccak(browser: Any, tmp_path: Path) -> None:
    shutil.copy(PROOF_JS, tmp_path / "proof.mjs")
    script = (
        'import { keccak256 } from "./proof.mjs";'
        "const hex = (data) => Buffer.from(keccak256(Uint8Array.from(Buffer.from(data, 'hex')))).toString('hex');"
        "console.log(JSON.stringify(JSON.parse(process.argv[1]).map(hex)));"
    )
    inputs = [os.urandom(size) for size in (0, 1, 129, 135, 136, 137, 272, 500)]
    said = json.loads(
        _node("--input-type=module", "-e", script, json.dumps([data.hex() for data in inputs]), cwd=tmp_path)
    )
    assert said == [keccak(data).hex() for data in inputs]


def test_proof_js_needs_nothing_that_a_strict_policy_forbids() -> None:
    text = PROOF_JS.read_text()
    assert not [word for word in ("eval", "new Function", "innerHTML", "fetch(", "import ") if word in _code(text)]


# --- verify.py -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "digest"),
    [  # the Keccak team's and Ethereum's well-known ones
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (b"Transfer(address,address,uint256)", "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"),
    ],
)
def test_the_verifiers_keccak_gives_the_known_digests(data: bytes, digest: str) -> None:
    assert verifier.keccak(data).hex() == digest


@pytest.mark.parametrize("size", [1, 63, 64, 135, 136, 137, 271, 272, 1000])
def test_the_verifiers_keccak_is_the_librarys(size: int) -> None:
    data = os.urandom(size)
    assert verifier.keccak(data) == keccak(data)


def test_many_messages_hashed_side_by_side_do_not_touch_each_other() -> None:
    messages = [os.urandom(129) for _ in range(verifier.BATCH + 3)]
    assert verifier.keccak_many(messages) == [keccak(message) for message in messages]


def test_the_verifier_recovers_who_signed() -> None:
    for _ in range(8):
        account, digest = Account.create(), os.urandom(32)
        signed = account.unsafe_sign_hash(digest)
        assert verifier.recover(digest, bytes(signed.signature)) == account.address.lower()


@pytest.mark.parametrize("spoil", [lambda s: s[:64], lambda s: s[:64] + b"\x00", lambda s: bytes(32) + s[32:]])
def test_the_verifier_refuses_what_is_no_signature(spoil: Any) -> None:
    signed = Account.create().unsafe_sign_hash(bytes(range(32)))
    with pytest.raises(verifier.Wrong):
        verifier.recover(bytes(range(32)), spoil(bytes(signed.signature)))


def test_the_verifier_refuses_the_other_s_of_a_signature() -> None:
    signed = Account.create().unsafe_sign_hash(bytes(range(32)))
    other = verifier.N - signed.s
    twin = bytes(signed.signature)[:32] + other.to_bytes(32, "big") + bytes([55 - bytes(signed.signature)[64]])
    with pytest.raises(verifier.Wrong, match="out of range"):
        verifier.recover(bytes(range(32)), twin)


def test_the_verifier_is_one_file_of_python_3_9_that_imports_the_standard_library_alone() -> None:
    tree = ast.parse(VERIFIER.read_text(encoding="utf-8"), feature_version=(3, 9))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names == {*("__future__", "argparse", "csv", "decimal", "hashlib", "json", "pathlib", "sys", "time")}


def test_the_verifier_knows_the_padding_and_the_root_as_the_tree_does() -> None:
    tree = a_tree(5)
    said = _case(tree, 0)[0]
    top = tree.levels[-1][:32]
    assert verifier.root_of(said, top, tree.total, 5) == tree.root


def test_a_proof_survives_json() -> None:
    tree = a_tree(7)
    proof, root = from_json(json.loads(json.dumps(_case(tree, 3)[0])))
    assert (proof, root) == (a_proof(tree, 3), tree.root)


def _case(tree: SumTree, index: int) -> list[dict[str, Any]]:
    proof = as_json(a_proof(tree, index), root=tree.root)
    return [proof, {name: proof[name] for name in ("root", "total_wei", "holders")}]


def _code(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))


def _node(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(["node", *arguments], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout
