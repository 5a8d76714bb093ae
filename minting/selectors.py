"""Reads about tokens and mints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, Sum

from accounts.selectors import active_holds
from agora.lib.money import shares_from_wei, tokens_from_wei
from minting.chains import get_chain
from minting.models import Block, ForeignMint, MintTx, Token
from minting.states import IN_FLIGHT, ON_CHAIN
from minting.states import MintStatus as S
from orders.selectors import StuckRow, hold_subjects, order_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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
class Supply:
    """Tokens of an asset at one block: by the chain, and by our own rows."""

    block_number: int
    on_chain: Decimal
    by_rows: Decimal


def supply(*, symbol: str) -> Supply | None:
    """At the newest block that the watcher has taken in; None before it has seen one. Raises Unavailable.

    None, too, when that block left the chain while we read: ask again.
    """
    blocks = Block.objects.filter(chain_id=settings.CHAIN_ID).order_by("-number")
    newest = blocks.first()
    if newest is None:
        return None
    tip = newest.number
    token = Token.objects.get(asset__symbol=symbol, chain_id=settings.CHAIN_ID)
    rows = MintTx.objects.filter(token=token, status__in=ON_CHAIN, block_number__lte=tip)
    by_rows = rows.aggregate(total=Sum("amount_wei"))["total"] or 0
    chain = get_chain()
    on_chain = chain.total_supply(contract=token.address, block=tip)
    header = chain.header(tip)
    if header is None or header.hash != newest.hash or not blocks.filter(number=tip, hash=newest.hash).exists():
        return None
    return Supply(block_number=tip, on_chain=tokens_from_wei(on_chain), by_rows=tokens_from_wei(int(by_rows)))


def watched_block() -> int | None:
    """The number of the newest block that the watcher has taken in."""
    numbers = Block.objects.filter(chain_id=settings.CHAIN_ID).order_by("-number")
    return numbers.values_list("number", flat=True).first()


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
    rows: Iterable[MintTx] = MintTx.objects.filter(status__in=[*IN_FLIGHT, S.FAILED], updated_at__lt=before)[:500]
    return [
        StuckRow(
            kind="mint",
            row_id=str(mint.pk),
            order_id=str(mint.order_id),
            status=mint.status,
            since=mint.updated_at,
            waits_for=_WAITS_FOR[S(mint.status)],
            holds=tuple(active_holds(subjects=hold_subjects(facts=order_facts(order_id=mint.order_id)), now=now)),
        )
        for mint in sorted(rows, key=lambda mint: mint.updated_at)
    ]


_WAITS_FOR = {
    S.PENDING: "a worker to simulate it",
    S.SIMULATED: "the custodian to sign it",
    S.SIGNED: "a worker to broadcast it",
    S.SENT: "a block with it",
    S.FAILED: "staff: its mint key is used on-chain",
}
