"""Drafting a reserve report: every figure with its source and its time, and both trees over all holders.

The chain is read first, at a final block, and the earlier books after it: what is under way can only make custody
larger, never smaller, than the tokens it stands for.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import connection, transaction

from accounts.services import record_audit
from agora.lib import crashpoints, log
from agora.lib.db import serializable
from agora.lib.money import tokens_from_wei
from custody.custodians import get_custodian
from custody.selectors import completed_total, vault_of
from minting.selectors import minted_by_records
from minting.services import HolderCount, count_holders
from orders.brokers import get_broker
from orders.selectors import asset_by_symbol, fill_book
from reserves.merkle import PlainTree, Subject, SumTree, build_plain_tree, build_sum_tree
from reserves.models import (
    ReportPublication,
    ReportRequest,
    ReserveLine,
    ReserveReport,
)
from reserves.report import NO_HASH, SOURCES, Figure, Liabilities, Statement, canonical, content, content_hash
from reserves.states import FigureName as F
from reserves.states import Source

if TYPE_CHECKING:
    from accounts.models import User

logger = log.get(__name__)
AT_ONCE = 5000  # leaves a piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    statement: Statement
    tree: SumTree
    secret: bytes


@transaction.atomic
def propose_report(*, symbol: str, proposer: User, now: datetime, reason: str = "") -> ReportRequest:
    """Ask for a report. It is drafted where the vendors' keys are, within seconds."""
    request = ReportRequest.objects.create(asset=asset_by_symbol(symbol=symbol), proposer=proposer, requested_at=now)
    subject = f"report-request:{request.pk}"
    actor = f"staff:{proposer.pk}"
    record_audit(actor=actor, action="report.propose", subject=subject, after={"asset": symbol}, reason=reason, now=now)
    return request


def draft_report(*, request_id: UUID, now: datetime) -> ReserveReport:
    """The request's report; the same one however often. Raises NothingFinal, HoldersDisagree, BadTree, and what vendors
    raise."""
    request = ReportRequest.objects.select_related("asset").get(pk=request_id)
    drafted = ReserveReport.objects.filter(request=request).first()
    if drafted is not None:
        return drafted
    draft = _read_books(symbol=request.asset.symbol, now=now)
    crashpoints.here("report.before_save")
    return _keep(request=request, draft=draft, now=now)


def _read_books(*, symbol: str, now: datetime) -> Draft:
    count = count_holders(symbol=symbol)
    holders = [(bytes.fromhex(address[2:]), wei) for address, wei in count.balances]
    subject = Subject(
        asset=symbol,
        chain_id=count.chain_id,
        contract=bytes.fromhex(count.contract[2:]),
        block_number=count.block_number,
        block_hash=bytes.fromhex(count.block_hash[2:]),
    )
    secret = secrets.token_bytes(32)
    tree = build_sum_tree(subject=subject, holders=holders, secret=secret)
    figures = _figures(symbol=symbol, count=count, owed_wei=tree.total, now=now)
    return Draft(statement=_statement(count, tree, build_plain_tree(holders), figures, now), tree=tree, secret=secret)


def _figures(*, symbol: str, count: HolderCount, owed_wei: int, now: datetime) -> list[Figure]:
    vault = vault_of(symbol=symbol)
    by_records = minted_by_records(symbol=symbol, block_number=count.block_number)
    in_custody = completed_total(symbol=symbol)
    balance = get_custodian().balance(vault_id=vault.vendor_id, asset_id=vault.vendor_asset_id)
    filled = fill_book(symbol=symbol).filled
    quantities: dict[F, Decimal] = {
        F.MINTED_ON_CHAIN: tokens_from_wei(count.supply_wei),
        F.MINTED_BY_RECORDS: by_records,
        F.OWED_TO_HOLDERS: tokens_from_wei(owed_wei),
        F.IN_CUSTODY: in_custody,
        F.CUSTODIAN_BALANCE: balance,
        F.BROKER_POSITION: get_broker().positions().get(symbol, Decimal(0)),
        F.FILLED: filled,
        F.PENDING_CUSTODY: filled - in_custody,
        F.PENDING_MINT: in_custody - by_records,
    }
    at_block = (F.MINTED_BY_RECORDS,)
    return [
        Figure(
            name=name,
            quantity=quantity,
            source=SOURCES[name],
            as_of=count.block_at if SOURCES[name] == Source.CHAIN or name in at_block else now,
        )
        for name, quantity in quantities.items()
    ]


def _statement(
    count: HolderCount, tree: SumTree, plain_tree: PlainTree, figures: Sequence[Figure], now: datetime
) -> Statement:
    last = ReportPublication.objects.filter(asset__symbol=count.symbol).order_by("-sequence").first()
    return Statement(
        asset=count.symbol,
        token=count.token_symbol,
        chain_id=count.chain_id,
        contract=count.contract,
        sequence=last.sequence + 1 if last else 1,
        previous_hash=last.content_hash if last else NO_HASH,
        block_number=count.block_number,
        block_hash=count.block_hash,
        block_at=count.block_at,
        as_of=now,
        figures=figures,
        liabilities=Liabilities(
            root="0x" + tree.root.hex(),
            plain_root="0x" + plain_tree.root.hex(),
            total_wei=tree.total,
            holders=tree.count,
        ),
    )


@serializable
def _keep(*, request: ReportRequest, draft: Draft, now: datetime) -> ReserveReport:
    drafted = ReserveReport.objects.filter(request=request).first()
    if drafted is not None:
        return drafted
    statement = draft.statement
    text = canonical(content(statement))
    report = ReserveReport.objects.create(
        request=request,
        asset=request.asset,
        sequence=statement.sequence,
        previous_hash=statement.previous_hash,
        block_number=statement.block_number,
        content=text,
        content_hash=content_hash(text),
        liabilities_root=statement.liabilities.root,
        total_wei=Decimal(statement.liabilities.total_wei),
        holders=statement.liabilities.holders,
        secret=draft.secret,
        drafted_at=now,
    )
    ReserveLine.objects.bulk_create(
        ReserveLine(report=report, name=f.name, quantity=f.quantity, source=f.source, as_of=f.as_of)
        for f in statement.figures
    )
    _copy_tree(report, draft.tree)
    logger.info("report drafted", asset=statement.asset, sequence=report.sequence, hash=report.content_hash)
    return report


def _copy_tree(report: ReserveReport, tree: SumTree) -> None:
    """By COPY, in large pieces: a million holders are seconds, not minutes."""
    with connection.cursor() as cursor:
        levels = "COPY reserves_liabilitylevel (report_id, height, nodes) FROM STDIN (FORMAT BINARY)"
        with cursor.copy(levels) as copy:
            copy.set_types(["uuid", "int2", "bytea"])
            for height, nodes in enumerate(tree.levels):
                copy.write_row((report.pk, height, nodes))
        with cursor.copy("COPY reserves_liabilityleaf (report_id, index, address, amount_wei) FROM STDIN") as copy:
            for start in range(0, tree.count, AT_ONCE):
                some = enumerate(tree.holders[start : start + AT_ONCE], start=start)  # hex and digits need no escape
                copy.write("".join(f"{report.pk}\t{i}\t0x{address.hex()}\t{wei}\n" for i, (address, wei) in some))
