"""Following the chain: blocks linked by hash, mints confirmed by their own log, reorgs undone in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, Min, OuterRef, Q, Sum

from accounts.services import place_hold
from agora.lib import crashpoints, log, transitions
from agora.lib.db import serializable, serializable_long
from agora.lib.money import shares_from_wei
from minting.chains import get_chain
from minting.chains.base import Chain, Header, MintedLog
from minting.models import Block, FinalBlock, ForeignMint, MintTx, Reorg, Token, TxAttempt
from minting.states import DEEP, IN_FLIGHT, ON_CHAIN
from minting.states import MintStatus as S
from orders.services import report_minted

logger = log.get(__name__)
ACTOR = "watcher"
OWNER = "chain-watcher"
CHUNK = 90  # blocks a round: with their logs and what is final they go into one batch
_LADDER = (S.PENDING, S.SIMULATED, S.SIGNED, S.SENT)
PORTION = 8  # mints a transaction: a long one loses every race against the workers' short ones, and starves
WALK = 32  # blocks that are compared at a time in search of the common ancestor
KEEP = 4096  # blocks of history: more than two hours of two-second blocks


def watch_chain_once(*, now: datetime) -> int:
    """One look at the chain: undo what left it, take in what came. Returns the number of new blocks (0: up to date).

    Raises Unavailable: the nodes do not answer, or no quorum of them agrees; then nothing is concluded.
    """
    chain, chain_id = get_chain(), settings.CHAIN_ID
    tip = Block.objects.filter(chain_id=chain_id).order_by("-number").first()
    first = tip.number + 1 if tip else _first_block(chain_id)
    if first is None:
        return 0  # no token yet: nothing to watch
    seen = chain.survey(tip.number if tip else None)
    if seen.known and _left_chain(seen.known, chain_id):
        ancestor = _common_ancestor(chain, chain_id)
        crashpoints.here("watch.before_rewind")
        _rewind(chain_id=chain_id, ancestor=ancestor, now=now)
        crashpoints.here("watch.after_rewind")
        return 1
    last = min(seen.head, first + CHUNK - 1)  # a head below the tip, on the same chain: the nodes lag
    if first <= last:
        found = chain.stretch(first=first, last=last, contracts=_contracts(chain_id))
        if not _linked(found.headers, tip) or len(found.headers) != last - first + 1:
            return 1  # the chain moved while we read it: look again
        if any(entry.block_hash != found.headers[entry.block_number - first].hash for entry in found.logs):
            return 1
        for headers, logs in _portions(found.headers, found.logs):
            crashpoints.here("watch.before_extend")
            _extend(chain_id=chain_id, headers=headers, logs=logs, now=now)
            crashpoints.here("watch.after_extend")
        if found.finalized is not None:
            _note_final(chain_id=chain_id, number=min(found.finalized, last), now=now)
    while _settle(chain_id=chain_id, now=now) == PORTION:
        pass
    crashpoints.here("watch.after_settle")
    _mark_final(chain_id=chain_id, now=now)
    return max(0, last - first + 1)


def _first_block(chain_id: int) -> int | None:
    first: int | None = Token.objects.filter(chain_id=chain_id).aggregate(first=Min("deployed_block"))["first"]
    return first


def _contracts(chain_id: int) -> list[str]:
    return list(Token.objects.filter(chain_id=chain_id).values_list("address", flat=True))


def _left_chain(known: Header, chain_id: int) -> bool:
    """Whether another block stands where we stored one."""
    ours = Block.objects.filter(chain_id=chain_id, number=known.number).exclude(hash=known.hash)
    return ours.exists()


def _linked(headers: list[Header], tip: Block | None) -> bool:
    parent = tip.hash if tip else None
    for header in headers:
        if parent is not None and header.parent_hash != parent:
            return False
        parent = header.hash
    return True


def _portions(headers: list[Header], logs: list[MintedLog]) -> Iterator[tuple[list[Header], list[MintedLog]]]:
    """Whole blocks in their order, with their logs: as many at a time as have PORTION logs, or one that has more."""
    of_block: dict[int, list[MintedLog]] = {header.number: [] for header in headers}
    for entry in logs:
        of_block[entry.block_number].append(entry)
    blocks: list[Header] = []
    mints: list[MintedLog] = []
    for header in headers:
        if blocks and len(mints) + len(of_block[header.number]) > PORTION:
            yield blocks, mints
            blocks, mints = [], []
        blocks.append(header)
        mints += of_block[header.number]
    yield blocks, mints


def _common_ancestor(chain: Chain, chain_id: int) -> int:
    """The highest stored block that is still canonical; the one before the oldest stored if none is."""
    rows = Block.objects.filter(chain_id=chain_id).order_by("-number").values_list("number", "hash")
    below: int | None = None
    while stored := dict(rows.filter(number__lt=below)[:WALK] if below is not None else rows[:WALK]):
        below = min(stored)
        for header in reversed(chain.headers(below, max(stored))):
            if stored.get(header.number) == header.hash:
                return header.number
    return -1 if below is None else below - 1


@serializable_long
def _rewind(*, chain_id: int, ancestor: int, now: datetime) -> None:
    """Blocks above the ancestor never were: their mints go back to SENT, and their bytes are broadcast again."""
    dropped = Block.objects.filter(chain_id=chain_id, number__gt=ancestor).order_by("number")
    mints = MintTx.objects.select_for_update().filter(
        token__chain_id=chain_id, status__in=ON_CHAIN, block_number__gt=ancestor
    )
    rows = list(mints.order_by("pk"))
    _halt_below_final(chain_id=chain_id, ancestor=ancestor, now=now)
    for mint in rows:
        if mint.status == S.FINALIZED:
            continue  # what the chain took back although it was final: two people decide
        where = {"block": mint.block_number, "hash": mint.block_hash, "tx_hash": mint.tx_hash}
        mint.tx_hash = mint.block_hash = ""
        mint.block_number = mint.log_index = None
        mint.next_attempt_at = now
        fields = ("tx_hash", "block_hash", "block_number", "log_index")
        transitions.apply(mint, to=S.SENT, actor=ACTOR, reason="reorg", data=where, now=now, fields=fields)
    crashpoints.here("watch.in_rewind")
    _report({mint.order_id for mint in rows}, reason="reorg", now=now)
    gone = list(dropped.values_list("number", "hash"))
    Reorg.objects.create(
        chain_id=chain_id, ancestor=ancestor, depth=len(gone), mints=len(rows), dropped=gone, seen_at=now
    )
    dropped.delete()
    logger.warning("reorg", ancestor=ancestor, depth=len(gone), mints=len(rows))


def _halt_below_final(*, chain_id: int, ancestor: int, now: datetime) -> None:
    """What was final left the chain: no rule of ours holds any more. Everything waits for two people."""
    final = FinalBlock.objects.select_for_update().filter(chain_id=chain_id, number__gt=ancestor).first()
    if final is None:
        return
    logger.error("reorg below final", ancestor=ancestor, final=final.number, final_hash=final.hash)
    place_hold(subject="everything", owner=OWNER, reason=f"reorg below final block {final.number}", now=now)
    final.delete()


@serializable_long
def _extend(*, chain_id: int, headers: list[Header], logs: list[MintedLog], now: datetime) -> None:
    Block.objects.bulk_create(
        Block(chain_id=chain_id, number=h.number, hash=h.hash, parent_hash=h.parent_hash, timestamp=h.timestamp)
        for h in headers
    )
    touched = {order_id for entry in logs if (order_id := _confirm(chain_id, entry, now)) is not None}
    crashpoints.here("watch.in_extend")
    _report(touched, reason="", now=now)
    Block.objects.filter(chain_id=chain_id, number__lt=headers[-1].number - KEEP).delete()


def _confirm(chain_id: int, entry: MintedLog, now: datetime) -> UUID | None:
    """The order whose mint this log is. A log that no promise of ours explains is kept, and stops the asset."""
    mint = (
        MintTx.objects.select_for_update(of=("self",))
        .filter(token__chain_id=chain_id, token__address=entry.contract, mint_key=entry.mint_key)
        .first()
    )
    said = (entry.to, entry.amount_wei)
    ours = mint and TxAttempt.objects.filter(mint=mint, tx_hash=entry.tx_hash).exists()
    if not mint or not ours or said != (mint.recipient, int(mint.amount_wei)) or mint.status not in IN_FLIGHT:
        _foreign(chain_id, entry, now)
        return None
    # Before SIGNED, too: its transaction had reverted, a reorg took that back, and this time it minted.
    for step in _LADDER[_LADDER.index(S(mint.status)) + 1 :]:
        transitions.apply(mint, to=step, actor=ACTOR, reason="seen on-chain", now=now)
    mint.tx_hash, mint.log_index = entry.tx_hash, entry.log_index
    mint.block_number, mint.block_hash = entry.block_number, entry.block_hash
    mint.next_attempt_at = None
    transitions.apply(
        mint,
        to=S.CONFIRMED,
        actor=ACTOR,
        data={"block": entry.block_number, "tx_hash": entry.tx_hash},
        now=now,
        fields=("tx_hash", "log_index", "block_number", "block_hash"),
    )
    return mint.order_id


def _foreign(chain_id: int, entry: MintedLog, now: datetime) -> None:
    token = Token.objects.select_related("asset").get(chain_id=chain_id, address=entry.contract)
    ForeignMint.objects.create(
        chain_id=chain_id,
        contract=entry.contract,
        mint_key=entry.mint_key,
        recipient=entry.to,
        amount_wei=entry.amount_wei,
        tx_hash=entry.tx_hash,
        log_index=entry.log_index,
        block_number=entry.block_number,
        block_hash=entry.block_hash,
        seen_at=now,
    )
    problem = f"a mint that nobody promised: {entry.mint_key} in {entry.tx_hash}"
    place_hold(subject=f"asset:{token.asset.symbol}", owner=OWNER, reason=problem, now=now)


@serializable_long
def _settle(*, chain_id: int, now: datetime) -> int:
    """CONFIRMED → SETTLED under enough linked blocks, its own still being the one we stored. How many, of PORTION."""
    tip = Block.objects.filter(chain_id=chain_id).order_by("-number").first()
    if tip is None:
        return 0
    deep = tip.number - settings.CHAIN_SETTLED_BLOCKS + 1
    its_own = Block.objects.filter(chain_id=chain_id, number=OuterRef("block_number"), hash=OuterRef("block_hash"))
    rows = (
        MintTx.objects.select_for_update(of=("self",))
        .filter(Exists(its_own), token__chain_id=chain_id, status=S.CONFIRMED, block_number__lte=deep)
        .order_by("pk")
    )
    settled = list(rows[:PORTION])
    for mint in settled:
        transitions.apply(mint, to=S.SETTLED, actor=ACTOR, data={"tip": tip.number}, now=now)
    _report({mint.order_id for mint in settled}, reason="", now=now)
    return len(settled)


@serializable
def _note_final(*, chain_id: int, number: int, now: datetime) -> None:
    """The chain's own word that a block is final; it never takes that back, so a lower one is old news."""
    known = FinalBlock.objects.select_for_update().filter(chain_id=chain_id).first()
    header = Block.objects.filter(chain_id=chain_id, number=number).first()
    if header is None or (known and known.number >= number):
        return
    FinalBlock.objects.update_or_create(
        chain_id=chain_id, defaults={"number": number, "hash": header.hash, "seen_at": now}
    )


def _mark_final(*, chain_id: int, now: datetime) -> None:
    final = FinalBlock.objects.filter(chain_id=chain_id).first()
    waiting = MintTx.objects.filter(token__chain_id=chain_id, status=S.SETTLED)
    while final is not None and waiting.filter(block_number__lte=final.number).exists():
        _finalize(chain_id=chain_id, number=final.number, now=now)
        crashpoints.here("watch.after_final")


@serializable_long
def _finalize(*, chain_id: int, number: int, now: datetime) -> None:
    rows = MintTx.objects.select_for_update(of=("self",)).filter(
        token__chain_id=chain_id, status=S.SETTLED, block_number__lte=number
    )
    for mint in rows.order_by("pk")[:PORTION]:
        transitions.apply(mint, to=S.FINALIZED, actor=ACTOR, now=now)


def _report(order_ids: set[UUID], *, reason: str, now: datetime) -> None:
    for order_id in sorted(order_ids):
        mints = MintTx.objects.filter(order_id=order_id)
        sums = mints.aggregate(
            minted=Sum("amount_wei", filter=Q(status__in=ON_CHAIN)),
            settled=Sum("amount_wei", filter=Q(status__in=DEEP)),
        )
        latest = mints.filter(status__in=ON_CHAIN).order_by("-block_number", "-log_index").first()
        report_minted(
            order_id=order_id,
            minted=shares_from_wei(int(sums["minted"] or 0)),
            settled=shares_from_wei(int(sums["settled"] or 0)),
            tx_hash=latest.tx_hash if latest else "",
            reason=reason,
            now=now,
        )
