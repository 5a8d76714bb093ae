"""Reads about tokens and mints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.utils.translation import gettext

from accounts.selectors import wallets_of
from agora.lib.db import snapshot
from agora.lib.errors import Unavailable, VendorError
from agora.lib.money import plain, shares_from_wei, tokens_from_wei
from custody.trails import CustodyTrail, custody_trails
from minting.chains import abi, get_chain
from minting.models import Block, ForeignMint, MintTx, Token, TokenSwitch
from minting.receipts import build_receipt
from minting.states import IN_FLIGHT, ON_CHAIN, SWITCH_OPEN, Stoppable, Turn
from minting.states import MintStatus as S
from minting.trails import MintTrail, mint_trails
from orders.selectors import FAILED, OURS, OUTSIDE, StuckRow, cause_of, holds_of_orders, recipients_of
from orders.trails import OrderTrail, order_trails

if TYPE_CHECKING:
    from accounts.models import Customer


@dataclass(frozen=True, slots=True, kw_only=True)
class MintProof:
    """What a customer may see of the mint of their order."""

    sequence: int
    mint_key: str
    quantity: Decimal
    status: str
    tx_hash: str  # "" until it is in a block
    block_number: int | None
    explorer_url: str


def mints_of(*, order_id: UUID) -> list[MintProof]:
    rows = MintTx.objects.filter(order_id=order_id).select_related("custody_record")
    return [
        MintProof(
            sequence=mint.custody_record.sequence,
            mint_key=mint.mint_key,
            quantity=shares_from_wei(int(mint.amount_wei)),
            status=mint.status,
            tx_hash=mint.tx_hash,
            block_number=mint.block_number,
            explorer_url=explorer_url(tx_hash=mint.tx_hash),
        )
        for mint in rows.order_by("custody_record__sequence")
    ]


def explorer_url(*, tx_hash: str) -> str:
    """ "" where there is no explorer (the local chain) or no transaction."""
    return f"{settings.CHAIN_EXPLORER_URL}/tx/{tx_hash}" if settings.CHAIN_EXPLORER_URL and tx_hash else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switching:
    """A stop or a start of a token that is under way."""

    symbol: str
    turn: str
    what: str
    status: str
    tx_hash: str
    problem: str
    since: datetime
    ceremony: tuple[str, ...]  # of a start


def switches() -> list[Switching]:
    rows = TokenSwitch.objects.filter(status__in=SWITCH_OPEN).select_related("token__asset").order_by("created_at")
    return [
        Switching(
            symbol=row.token.asset.symbol,
            turn=row.turn,
            what=row.what,
            status=row.status,
            tx_hash=row.tx_hash,
            problem=row.problem,
            since=row.created_at,
            ceremony=tuple(ceremony_of(row)),
        )
        for row in rows
    ]


def ceremony_of(switch: TokenSwitch) -> list[str]:
    """What the token's admin has to sign, elsewhere, to start it again: exactly this and nothing else."""
    if switch.turn != Turn.START:
        return []
    function = {Stoppable.MINTING: "unpauseMinting", Stoppable.TRANSFERS: "unpauseTransfers"}[Stoppable(switch.what)]
    return [
        f"chain  {switch.chain_id}",
        f"to     {switch.token.address}",
        "value  0",
        f"data   {abi.encode_call(function)}    # {function}()",
    ]


@snapshot
def receipt_of(*, order_id: UUID) -> dict[str, Any]:
    """The order's receipt, as far as it is, at one moment of the database. Whose it is is the caller's to know."""
    return receipts_of(trails=order_trails(order_ids=[order_id]))[0]


def receipts_of(*, trails: Sequence[OrderTrail]) -> list[dict[str, Any]]:
    """The receipts of these orders, in their order; the caller's transaction is the moment."""
    order_ids = [trail.order_id for trail in trails]
    moved: defaultdict[UUID, list[CustodyTrail]] = defaultdict(list)
    for move in custody_trails(order_ids=order_ids):
        moved[move.order_id].append(move)
    minted: defaultdict[UUID, list[MintTrail]] = defaultdict(list)
    for mint in mint_trails(order_ids=order_ids):
        minted[mint.order_id].append(mint)
    return [
        build_receipt(order=trail, movements=moved[trail.order_id], mints=minted[trail.order_id]) for trail in trails
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFacts:
    symbol: str
    token_symbol: str
    chain_id: int
    address: str
    minter: str


def tokens() -> list[TokenFacts]:
    rows = Token.objects.select_related("asset").filter(chain_id=settings.CHAIN_ID).order_by("asset__symbol")
    return [
        TokenFacts(
            symbol=row.asset.symbol,
            token_symbol=row.asset.token_symbol,
            chain_id=row.chain_id,
            address=row.address,
            minter=row.minter,
        )
        for row in rows
    ]


def token_of(*, symbol: str) -> TokenFacts | None:
    return next((token for token in tokens() if token.symbol == symbol), None)


def balance_of(*, symbol: str, holder: str) -> Decimal:
    """Tokens of an asset at an address, read from the chain. Raises Unavailable; Token.DoesNotExist."""
    token = Token.objects.get(asset__symbol=symbol, chain_id=settings.CHAIN_ID)
    return tokens_from_wei(get_chain().balance_of(contract=token.address, holder=holder))


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Tokens of one asset at one wallet."""

    symbol: str
    token_symbol: str
    token_address: str
    chain_id: int
    wallet: str
    balance: Decimal  # tokens


def balances_at(*, holders: Sequence[str]) -> list[Balance]:
    """Each token at each wallet, read from the chain. Raises Unavailable."""
    chain = get_chain()
    return [
        Balance(
            symbol=token.symbol,
            token_symbol=token.token_symbol,
            token_address=token.address,
            chain_id=token.chain_id,
            wallet=holder,
            balance=tokens_from_wei(chain.balance_of(contract=token.address, holder=holder)),
        )
        for token in tokens()
        for holder in holders
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Tokens of an asset in a customer's wallets together, by the chain."""

    symbol: str
    token_symbol: str
    address: str  # the token's contract
    quantity: Decimal | None  # None: the chain did not answer


def holdings(*, addresses: Sequence[str]) -> list[Holding]:
    """What these wallets hold of each token, those of which they hold nothing included."""
    return [
        Holding(
            symbol=token.symbol,
            token_symbol=token.token_symbol,
            address=token.address,
            quantity=_held(token, addresses),
        )
        for token in tokens()
    ]


def _held(token: TokenFacts, addresses: Sequence[str]) -> Decimal | None:
    try:
        amounts = [get_chain().balance_of(contract=token.address, holder=address) for address in addresses]
    except VendorError:
        return None
    return tokens_from_wei(sum(amounts))


def closing_blockers(*, customer: Customer, now: datetime) -> list[str]:
    """Why a customer's account cannot be closed yet (agora/pipeline.py): tokens, by the chain. Raises Unavailable."""
    addresses = {*recipients_of(customer=customer), *(wallet.address for wallet in wallets_of(customer=customer))}
    held = holdings(addresses=sorted(addresses))
    if any(holding.quantity is None for holding in held):
        raise Unavailable("the chain does not say what the wallets hold")
    sentence = gettext("The wallets hold %(amount)s %(token)s.")
    return [sentence % {"amount": plain(h.quantity), "token": h.token_symbol} for h in held if h.quantity]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Tokens of an asset at one block: by the chain, and by our own rows."""

    block_number: int
    block_hash: str
    on_chain: Decimal
    by_rows: Decimal


def supply(*, symbol: str) -> Supply | None:
    """At the newest settled block; None before there is one. Raises Unavailable.

    None, too, when that block left the chain while we read: ask again.
    """
    token = Token.objects.get(asset__symbol=symbol, chain_id=settings.CHAIN_ID)
    block = settled_block()
    if block is None or block.number < token.deployed_block:
        return None
    by_rows = minted_by_records(symbol=symbol, block_number=block.number)
    chain = get_chain()
    on_chain = chain.total_supply(contract=token.address, block=block.number)
    header = chain.header(block.number)
    stored = Block.objects.filter(chain_id=settings.CHAIN_ID, number=block.number, hash=block.hash)
    if header is None or header.hash != block.hash or not stored.exists():
        return None
    return Supply(block_number=block.number, block_hash=block.hash, on_chain=tokens_from_wei(on_chain), by_rows=by_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledBlock:
    number: int
    hash: str


def settled_block() -> SettledBlock | None:
    """The newest block under enough hash-linked ones, by the watcher's rows."""
    blocks = Block.objects.filter(chain_id=settings.CHAIN_ID).order_by("-number")
    tip = blocks.values_list("number", flat=True).first()
    if tip is None:
        return None
    row = blocks.filter(number=tip - settings.CHAIN_SETTLED_BLOCKS + 1).first()
    return None if row is None else SettledBlock(number=row.number, hash=row.hash)


def minted_by_records(*, symbol: str, block_number: int) -> Decimal:
    """Tokens that our own mints brought into blocks up to that one."""
    rows = MintTx.objects.filter(
        token__asset__symbol=symbol,
        token__chain_id=settings.CHAIN_ID,
        status__in=ON_CHAIN,
        block_number__lte=block_number,
    )
    return tokens_from_wei(int(rows.aggregate(total=Sum("amount_wei"))["total"] or 0))


def watched_block() -> int | None:
    """The number of the newest block that the watcher has taken in."""
    numbers = Block.objects.filter(chain_id=settings.CHAIN_ID).order_by("-number")
    return numbers.values_list("number", flat=True).first()


def mints_under_way() -> bool:
    """Whether a mint was promised and is not in a block yet."""
    return MintTx.objects.filter(status__in=IN_FLIGHT).exists()


def foreign_mints() -> int:
    return ForeignMint.objects.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedToken:
    """A token whose supply is bounded by a feed, and what waits for it."""

    token_id: int
    symbol: str
    chain_id: int
    address: str
    reserve_feed: str
    unbacked: int  # mints that the gate refuses


def gated_tokens() -> list[GatedToken]:
    waiting = Count("mints", filter=Q(mints__status=S.PENDING, mints__unbacked_since__isnull=False))
    rows = Token.objects.filter(chain_id=settings.CHAIN_ID).exclude(reserve_feed="").select_related("asset")
    return [
        GatedToken(
            token_id=row.pk,
            symbol=row.asset.symbol,
            chain_id=row.chain_id,
            address=row.address,
            reserve_feed=row.reserve_feed,
            unbacked=row.unbacked,
        )
        for row in rows.annotate(unbacked=waiting).order_by("asset__symbol")
    ]


def stuck_mints(*, before: datetime, now: datetime) -> list[StuckRow]:
    """Mints not yet in a block that have not moved since `before`, oldest first."""
    found = MintTx.objects.filter(status__in=[*IN_FLIGHT, S.FAILED], updated_at__lt=before)
    settled_outside = Q(status=S.FAILED, order__closing__isnull=False)
    rows = list(found.exclude(settled_outside).order_by("updated_at")[:500])
    holds = holds_of_orders(order_ids=[mint.order_id for mint in rows], now=now)
    return [
        StuckRow(
            kind="mint",
            row_id=str(mint.pk),
            order_id=str(mint.order_id),
            status=mint.status,
            since=mint.updated_at,
            waits_for="a reserve report that covers it" if mint.unbacked_since else _WAITS_FOR[S(mint.status)],
            cause=cause_of(holds=holds[mint.order_id], otherwise=_CAUSES[S(mint.status)]),
            holds=holds[mint.order_id],
        )
        for mint in rows
    ]


_CAUSES = {S.PENDING: OURS, S.SIMULATED: OUTSIDE, S.SIGNED: OURS, S.SENT: OUTSIDE, S.FAILED: FAILED}
_WAITS_FOR = {
    S.PENDING: "a worker to simulate it",
    S.SIMULATED: "the custodian to sign it",
    S.SIGNED: "a worker to broadcast it",
    S.SENT: "a block with it",
    S.FAILED: "staff: its mint key is used on-chain",
}
