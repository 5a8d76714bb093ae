"""Counting holders: Transfer logs added up to a block that can no longer change.

What is added up is kept with its block, so that the next count reads only what came since, and a killed one goes on.
The sum of all balances must be the contract's own total supply there; otherwise nothing of it is believed, or kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.conf import settings

from agora.lib import locks, log
from agora.lib.db import serializable
from agora.lib.errors import Unavailable
from minting.chains import get_chain
from minting.chains.base import Chain, Header, TransferLog
from minting.errors import HoldersDisagree, NothingFinal
from minting.models import HolderBalance, HolderScan, Token
from minting.selectors import settled_block

logger = log.get(__name__)
CHUNK = 2000  # blocks a commit
WAIT = 30.0  # seconds for another count of the same token
NOBODY = "0x" + "0" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderCount:
    """Who holds how much of a token at one block."""

    symbol: str
    token_symbol: str
    chain_id: int
    contract: str
    minter: str
    block_number: int
    block_hash: str
    block_at: datetime
    supply_wei: int
    balances: Sequence[tuple[str, int]]  # address, wei; each positive


def count_holders(*, symbol: str) -> HolderCount:
    """At the newest block that is both settled and the chain's own `finalized`. Raises NothingFinal, HoldersDisagree,
    Unavailable."""
    token = Token.objects.select_related("asset").get(asset__symbol=symbol, chain_id=settings.CHAIN_ID)
    chain = get_chain()
    with locks.exclusive("holders", token.pk, wait=WAIT) as mine:
        if not mine:
            raise Unavailable(f"the holders of {symbol} are being counted: ask again")
        block = _last_final(chain, token)
        _follow(chain, token, block)
        supply_wei = chain.total_supply(contract=token.address, block=block.number)
        balances = _believed(token, supply_wei)
    return HolderCount(
        symbol=symbol,
        token_symbol=token.asset.token_symbol,
        chain_id=token.chain_id,
        contract=token.address,
        minter=token.minter,
        block_number=block.number,
        block_hash=block.hash,
        block_at=datetime.fromtimestamp(block.timestamp, UTC),
        supply_wei=supply_wei,
        balances=balances,
    )


def _last_final(chain: Chain, token: Token) -> Header:
    """Not below the last count's block: a balance of then cannot be had from what is added up to now."""
    settled, final = settled_block(), chain.finalized()
    if settled is None or final is None or min(settled.number, final.number) < token.deployed_block:
        raise NothingFinal("No block with this token is final yet. Try again in a few minutes.")
    number = min(settled.number, final.number)
    scan = HolderScan.objects.filter(token=token).first()
    if scan is not None:
        _drop_if_gone(chain, token, scan)
        number = max(number, scan.block_number)
    header = chain.header(number)
    if header is None:
        raise Unavailable(f"the node does not have block {number}: ask again")
    return header


def _drop_if_gone(chain: Chain, token: Token, scan: HolderScan) -> None:
    """A final block that left the chain all the same: the watcher stops everything; here, the count begins anew."""
    header = chain.header(scan.block_number)
    if header is None:
        raise Unavailable(f"the node does not have block {scan.block_number}: ask again")
    if header.hash != scan.block_hash:
        logger.error("a counted block left the chain", asset=token.asset.symbol, block=scan.block_number)
        _forget(token=token)


def _follow(chain: Chain, token: Token, block: Header) -> None:
    scan = HolderScan.objects.filter(token=token).first()
    first = scan.block_number + 1 if scan else token.deployed_block
    while first <= block.number:
        last = min(first + CHUNK - 1, block.number)
        header = block if last == block.number else chain.header(last)
        if header is None:
            raise Unavailable(f"the node does not have block {last}: ask again")
        logs = chain.transfers(contract=token.address, first=first, last=last)
        _add_up(token=token, logs=logs, header=header, first=first)
        first = last + 1


@serializable
def _add_up(*, token: Token, logs: list[TransferLog], header: Header, first: int) -> None:
    scan = HolderScan.objects.filter(token=token).first()
    if (scan.block_number + 1 if scan else token.deployed_block) != first:
        raise Unavailable("another process counts the same holders: ask again")
    changes: defaultdict[str, int] = defaultdict(int)
    for entry in logs:
        changes[entry.sender] -= entry.amount_wei
        changes[entry.to] += entry.amount_wei
    changes.pop(NOBODY, None)
    rows = HolderBalance.objects.filter(token=token, address__in=changes)
    before = {row.address: int(row.balance_wei) for row in rows}
    after = {address: before.get(address, 0) + change for address, change in changes.items()}
    if any(balance < 0 for balance in after.values()):
        raise HoldersDisagree(
            f"A holder would have less than nothing by block {header.number}: the node's logs lack some."
        )
    HolderBalance.objects.bulk_create(
        [
            HolderBalance(token=token, address=a, balance_wei=Decimal(balance))
            for a, balance in after.items()
            if balance
        ],
        update_conflicts=True,
        unique_fields=["token", "address"],
        update_fields=["balance_wei"],
        batch_size=5000,
    )
    rows.filter(address__in=[address for address, balance in after.items() if not balance]).delete()
    HolderScan.objects.update_or_create(
        token=token, defaults={"block_number": header.number, "block_hash": header.hash}
    )


def _believed(token: Token, supply_wei: int) -> list[tuple[str, int]]:
    rows = HolderBalance.objects.filter(token=token).order_by("address").values_list("address", "balance_wei")
    balances = [(address, int(balance)) for address, balance in rows.iterator(chunk_size=20_000)]
    total = sum(balance for _, balance in balances)
    if total != supply_wei:
        _forget(token=token)
        raise HoldersDisagree(
            f"Holders have {total} wei in all, the contract says {supply_wei}: counted anew at the next try."
        )
    return balances


@serializable
def _forget(*, token: Token) -> None:
    HolderBalance.objects.filter(token=token).delete()
    HolderScan.objects.filter(token=token).delete()
