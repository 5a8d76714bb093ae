"""Reads about reserve reports: who has to do what with them, what is public, and a holder's proof."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from reserves.errors import ProofUnknown, ReportUnknown
from reserves.merkle import ENTRY, Proof, Subject, build_plain_tree, salt_of
from reserves.models import LiabilityLeaf, LiabilityLevel, ReportPublication, ReserveReport
from reserves.packaging import Package, liability_lines, plain_json, small_files
from reserves.proofs import as_json

MEDIA = {
    "report.json": "application/json",
    "report.csv": "text/csv; charset=utf-8",
    "report.pdf": "application/pdf",
    "signature.json": "application/json",
    "previous.json": "application/json",
    "liabilities.csv": "text/csv; charset=utf-8",
    "plain.json": "application/json",
    "verify.py": "text/x-python; charset=utf-8",
    "README.txt": "text/plain; charset=utf-8",
    "package.zip": "application/zip",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFacts:
    """A report and how far it has come."""

    report_id: UUID
    symbol: str
    sequence: int
    status: str  # draft | approved | signed | published | superseded (another took its place in the chain)
    report_hash: str
    previous_hash: str
    said: dict[str, Any]  # its content
    proposer: str
    drafted_at: datetime
    signer: str  # the second person; "" before
    approved_at: datetime | None
    attestor: str  # address; "" before
    signature: str
    published_at: datetime | None


def reports(*, symbol: str = "", published_only: bool = False) -> list[ReportFacts]:
    """The newest 200, of one asset or all."""
    rows = _rows().filter(Q(asset__symbol=symbol) if symbol else Q())
    if published_only:
        rows = rows.filter(publication__isnull=False)
    return [_facts(row) for row in rows.order_by("-drafted_at")[:200]]


def report(*, report_id: UUID) -> ReportFacts:
    """Raises ReportUnknown."""
    row = _rows().filter(pk=report_id).first()
    if row is None:
        raise ReportUnknown
    return _facts(row)


def published_report(*, symbol: str, sequence: int | None = None) -> ReportFacts | None:
    """An asset's published report of that number, or its last one."""
    rows = _rows().filter(asset__symbol=symbol, publication__isnull=False)
    if sequence is not None:
        rows = rows.filter(sequence=sequence)
    row = rows.order_by("-sequence").first()
    return None if row is None else _facts(row)


def public_report(*, symbol: str, sequence: int) -> ReportFacts:
    """The same, or ReportUnknown."""
    facts = published_report(symbol=symbol, sequence=sequence)
    if facts is None:
        raise ReportUnknown
    return facts


def package_of(*, symbol: str, sequence: int | None = None) -> Package:
    """All that goes into a published report's package. Raises ReportUnknown."""
    facts = published_report(symbol=symbol, sequence=sequence)
    if facts is None:
        raise ReportUnknown
    before = ReserveReport.objects.filter(content_hash=facts.previous_hash).first()
    holders = LiabilityLeaf.objects.filter(report_id=facts.report_id).values_list("address", "amount_wei")
    lowest = LiabilityLevel.objects.get(report_id=facts.report_id, height=0)
    return Package(
        content=ReserveReport.objects.values_list("content", flat=True).get(pk=facts.report_id),
        report_hash=facts.report_hash,
        attestor=facts.attestor,
        signature=facts.signature,
        previous=before.content if before else "",
        leaves=bytes(lowest.nodes)[: facts.said["liabilities"]["holders"] * ENTRY],
        plain=build_plain_tree((bytes.fromhex(a[2:]), int(wei)) for a, wei in holders.iterator(chunk_size=20_000)),
    )


def report_file(*, symbol: str, sequence: int, name: str) -> tuple[bytes, str]:
    """One file of a published report's package, or `package.zip` with all but the proofs, and its media type.

    Raises ReportUnknown.
    """
    if name not in MEDIA:
        raise ReportUnknown
    package = package_of(symbol=symbol, sequence=sequence)
    if name == "package.zip":
        return _zipped(package), MEDIA[name]
    files = small_files(package)
    if name == "liabilities.csv":
        return "".join(liability_lines(package.leaves)).encode(), MEDIA[name]
    if name == "plain.json":
        return plain_json(package.plain).encode(), MEDIA[name]
    if name not in files:
        raise ReportUnknown
    return files[name], MEDIA[name]


def inclusion_proof(*, symbol: str, address: str, sequence: int | None = None) -> dict[str, Any]:
    """The proof (JSON) that an address's balance is in a published report, by default the last.

    Raises ReportUnknown, ProofUnknown.
    """
    rows = ReportPublication.objects.select_related("report__asset").filter(asset__symbol=symbol)
    published = rows.filter(**({} if sequence is None else {"sequence": sequence})).order_by("-sequence").first()
    if published is None:
        raise ReportUnknown
    leaf = LiabilityLeaf.objects.filter(report=published.report, address=address.lower()).first()
    if leaf is None:
        raise ProofUnknown("This address held no token at the report's block.")
    return _proof(published.report, leaf)


def inclusion_proofs(*, symbol: str, sequence: int | None = None, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """The proofs of a published report's holders, the first `limit` of them by their leaves' order."""
    facts = published_report(symbol=symbol, sequence=sequence)
    if facts is None:
        raise ReportUnknown
    row = ReserveReport.objects.get(pk=facts.report_id)
    for leaf in LiabilityLeaf.objects.filter(report=row).order_by("index")[:limit]:
        yield _proof(row, leaf)


def _proof(row: ReserveReport, leaf: LiabilityLeaf) -> dict[str, Any]:
    said, address = json.loads(row.content), bytes.fromhex(leaf.address[2:])
    proof = Proof(
        subject=Subject(
            asset=said["asset"],
            chain_id=said["chain_id"],
            contract=bytes.fromhex(said["contract"][2:]),
            block_number=said["block_number"],
            block_hash=bytes.fromhex(said["block_hash"][2:]),
        ),
        total=int(row.total_wei),
        count=row.holders,
        address=address,
        amount=int(leaf.amount_wei),
        salt=salt_of(secret=bytes(row.secret), address=address),
        index=leaf.index,
        path=_path(row, leaf.index),
    )
    return as_json(proof, root=bytes.fromhex(row.liabilities_root[2:])) | {"report_hash": row.content_hash}


def _path(row: ReserveReport, index: int) -> list[bytes]:
    """A leaf's siblings, bottom up: 64 bytes of each level but the top."""
    depth = (row.holders - 1).bit_length()
    statement = """
        SELECT substring(nodes FROM (((%s >> height) # 1) * 64 + 1) FOR 64) FROM reserves_liabilitylevel
        WHERE report_id = %s AND height < %s ORDER BY height
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [index, row.pk, depth])
        return [bytes(entry) for (entry,) in cursor.fetchall()]


def _zipped(package: Package) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in small_files(package).items():
            archive.writestr(name, content)
        archive.writestr("liabilities.csv", "".join(liability_lines(package.leaves)))
        archive.writestr("plain.json", plain_json(package.plain))
    return out.getvalue()


def _rows() -> Any:
    steps = ("approval__signer", "approval__signature", "publication")
    return ReserveReport.objects.select_related("asset", "request__proposer", *steps).defer("secret")


def _facts(row: ReserveReport) -> ReportFacts:
    approval = getattr(row, "approval", None)
    signature = getattr(approval, "signature", None)
    published = getattr(row, "publication", None)
    return ReportFacts(
        report_id=row.pk,
        symbol=row.asset.symbol,
        sequence=row.sequence,
        status=_status(row, approval, signature, published),
        report_hash=row.content_hash,
        previous_hash=row.previous_hash,
        said=json.loads(row.content),
        proposer=row.request.proposer.get_username(),
        drafted_at=row.drafted_at,
        signer=approval.signer.get_username() if approval else "",
        approved_at=approval.approved_at if approval else None,
        attestor=signature.attestor if signature else "",
        signature=signature.signature if signature else "",
        published_at=published.published_at if published else None,
    )


def _status(row: ReserveReport, approval: Any, signature: Any, published: Any) -> str:
    if published:
        return "published"
    if ReportPublication.objects.filter(asset_id=row.asset_id, sequence=row.sequence).exists():
        return "superseded"
    return "signed" if signature else "approved" if approval else "draft"
