"""The files of a reserve package: `por/<asset>/<date>/`. What a stranger needs, and no name.

report.json, report.csv, report.pdf, signature.json, previous.json (the report before it), liabilities.csv (the sum
tree's leaves), plain.json (a dump that `@openzeppelin/merkle-tree` loads), proofs/, README.txt and verify.py.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reserves.merkle import ENTRY, PlainTree
from reserves.report import as_csv

VERIFIER = Path(__file__).parent / "standalone" / "verify.py"
README = Path(__file__).parent / "standalone" / "README.txt"
SIGNATURE_FORMAT = "agora-por-signature-v1"


class PackageExists(Exception):
    """Another report lies there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    content: str  # the report's canonical JSON
    report_hash: str
    attestor: str
    signature: str
    previous: str  # the content of the report before it; "" for the first
    leaves: bytes = field(repr=False)  # the sum tree's lowest level, without padding
    plain: PlainTree = field(repr=False)

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content)
        return found


def small_files(package: Package) -> dict[str, bytes]:
    """Every file but the trees', by its name."""
    from reserves.pdf import as_pdf  # here: reportlab is 13 MiB that nobody else needs

    said = package.said
    files = {
        "report.json": package.content.encode(),
        "report.csv": as_csv(said, report_hash=package.report_hash).encode(),
        "report.pdf": as_pdf(said, report_hash=package.report_hash, attestor=package.attestor),
        "signature.json": signature_json(package).encode(),
        "README.txt": README.read_bytes(),
        "verify.py": VERIFIER.read_bytes(),
    }
    return files | ({"previous.json": package.previous.encode()} if package.previous else {})


def signature_json(package: Package) -> str:
    said = {
        "format": SIGNATURE_FORMAT,
        "scheme": "EIP-712",
        "report_hash": package.report_hash,
        "attestor": package.attestor,
        "signature": package.signature,
    }
    return json.dumps(said, indent=2) + "\n"


def liability_lines(leaves: bytes) -> Iterator[str]:
    """The sum tree's leaves as CSV: salted hashes, which name nobody, and amounts."""
    yield "index,leaf_hash,amount_wei\n"
    for index in range(len(leaves) // ENTRY):
        entry = leaves[index * ENTRY : (index + 1) * ENTRY]
        yield f"{index},0x{entry[:32].hex()},{int.from_bytes(entry[32:], 'big')}\n"


def plain_json(tree: PlainTree) -> str:
    """StandardMerkleTree's dump, format standard-v1."""
    values = (
        {"value": ["0x" + address.hex(), str(amount)], "treeIndex": place}
        for (address, amount), place in zip(tree.holders, tree.places, strict=True)
    )
    said = {
        "format": "standard-v1",
        "leafEncoding": ["address", "uint256"],
        "tree": ["0x" + node.hex() for node in tree.nodes],
        "values": list(values),
    }
    return json.dumps(said, separators=(",", ":"))


def write_package(*, out: Path, package: Package, proofs: Iterable[Mapping[str, Any]]) -> Path:
    """Write `out/<asset>/<date>/` whole or not at all, and return it. Raises PackageExists.

    A second report of the same day lies beside it, with its sequence behind the date.
    """
    said = package.said
    target = _target(out / str(said["asset"]), said, package)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "proofs").mkdir(parents=True)
    for name, content in small_files(package).items():
        (draft / name).write_bytes(content)
    with (draft / "liabilities.csv").open("w", encoding="ascii", newline="") as file:
        file.writelines(liability_lines(package.leaves))
    (draft / "plain.json").write_text(plain_json(package.plain), encoding="ascii")
    for proof in proofs:
        path = draft / "proofs" / f"{proof['address']}.json"
        path.write_text(json.dumps(proof, indent=1), encoding="ascii")
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
    return target


def _target(folder: Path, said: Mapping[str, Any], package: Package) -> Path:
    """Where it goes; a package of the same report is written anew."""
    day = str(said["as_of"])[:10]
    for name in (day, f"{day}.{said['sequence']}"):
        there = folder / name / "report.json"
        if not there.exists() or there.read_text(encoding="utf-8") == package.content:
            return folder / name
    raise PackageExists(f"{folder / name} holds another report of the same day and sequence.")
