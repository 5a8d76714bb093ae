"""How mints, the chain as we follow it, and the addresses that pay for our transactions stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min

from agora.lib.metrics import Gauge, Reading, Source, seconds_since
from minting.models import Block, ForeignMint, MintTx, Reorg, RpcNode, SignerBudget
from minting.states import IN_FLIGHT
from minting.states import MintStatus as S

STANDING = Gauge(name="agora_mints", help="Mints that are not settled, by status.", labels=("status",))
OLDEST = Gauge(
    name="agora_mints_oldest_seconds", help="How long the mint that moved longest ago stands.", labels=("status",)
)
UNBACKED = Gauge(name="agora_mints_unbacked", help="Mints that wait for a reserve report which covers them.")

HEAD = Gauge(name="agora_chain_head", help="The last block that the watcher has taken in.")
HEAD_AGE = Gauge(name="agora_chain_head_age_seconds", help="How old that block is by its own time.")
REORGS = Gauge(name="agora_reorgs_hour", help="Reorgs in the last hour that took a mint of ours out of its block.")
REORG_DEPTH = Gauge(name="agora_reorg_depth_hour", help="Blocks that the deepest reorg of the last hour removed.")
FOREIGN = Gauge(name="agora_foreign_mints", help="Mints on-chain that no row of ours promised, ever.")

NODE = Gauge(name="agora_rpc_node", help="1 for the state that the follower has a node in.", labels=("server", "state"))
LAG = Gauge(name="agora_rpc_lag_blocks", help="Blocks that a node is behind a quorum.", labels=("server",))
COUNTING = Gauge(name="agora_rpc_counting", help="Nodes whose word counts: neither down, quarantined nor on probation.")
QUORUM = Gauge(name="agora_rpc_quorum", help="How many nodes must agree in what money depends on.")

GAS_LEFT = Gauge(
    name="agora_signer_mints_left",
    help="Mints of MINT_GAS that an address can pay for at the fee of a transaction sent now.",
    labels=("role",),
)
BALANCE = Gauge(name="agora_signer_balance_ether", help="What the address has, in ether.", labels=("role",))
ALLOWANCE = Gauge(name="agora_signer_allowance_tokens", help="Tokens that the contract still lets the minter mint.")
BUDGET_AGE = Gauge(name="agora_signer_budget_age_seconds", help="When the node was last asked.", labels=("role",))

WEI = 10**18


def _mints(*, now: datetime) -> Iterator[Reading]:
    rows = MintTx.objects.filter(status__in=[*IN_FLIGHT, S.CONFIRMED])
    for row in rows.values("status").annotate(number=Count("pk"), since=Min("updated_at")).order_by("status"):
        yield STANDING.is_at(row["number"], status=row["status"])
        yield OLDEST.is_at(seconds_since(row["since"], now), status=row["status"])
    yield UNBACKED.is_at(MintTx.objects.filter(unbacked_since__isnull=False).count())


def _chain(*, now: datetime) -> Iterator[Reading]:
    tip = Block.objects.filter(chain_id=settings.CHAIN_ID).order_by("-number").first()
    if tip:
        yield HEAD.is_at(tip.number)
        yield HEAD_AGE.is_at(max(0.0, now.timestamp() - tip.timestamp))
    lately = list(Reorg.objects.filter(seen_at__gt=now - timedelta(hours=1)).values_list("depth", "mints"))
    yield REORGS.is_at(sum(mints > 0 for _, mints in lately))
    yield REORG_DEPTH.is_at(max((depth for depth, _ in lately), default=0))
    yield FOREIGN.is_at(ForeignMint.objects.count())


def _nodes(*, now: datetime) -> Iterator[Reading]:
    rows = list(RpcNode.objects.filter(chain_id=settings.CHAIN_ID).order_by("name"))
    for row in rows:
        yield NODE.is_at(1, server=row.name, state=row.state)
        yield LAG.is_at(row.lag, server=row.name)
    if rows:
        yield COUNTING.is_at(sum(row.counts for row in rows))
        yield QUORUM.is_at(settings.CHAIN_QUORUM)


def _signers(*, now: datetime) -> Iterator[Reading]:
    for one in SignerBudget.objects.filter(chain_id=settings.CHAIN_ID).order_by("pk"):
        yield GAS_LEFT.is_at(one.mints_left, role=one.role)
        yield BALANCE.is_at(float(one.balance_wei / WEI), role=one.role)
        yield BUDGET_AGE.is_at(seconds_since(one.checked_at, now), role=one.role)
        if one.allowance_wei is not None:
            yield ALLOWANCE.is_at(float(one.allowance_wei / WEI))


MINTS = Source(name="mints", gauges=(STANDING, OLDEST, UNBACKED), read=_mints)
CHAIN = Source(name="chain", gauges=(HEAD, HEAD_AGE, REORGS, REORG_DEPTH, FOREIGN), read=_chain)
NODES = Source(name="nodes", gauges=(NODE, LAG, COUNTING, QUORUM), read=_nodes)
SIGNERS = Source(name="signers", gauges=(GAS_LEFT, BALANCE, ALLOWANCE, BUDGET_AGE), read=_signers)
