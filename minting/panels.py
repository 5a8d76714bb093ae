"""What the console's home page says about the chain: the RPCs, the minting keys, and what waits in the pool."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from agora.lib.panels import BAD, LOOK, OK, Fact, Panel, PanelSource
from minting.models import Block, FinalBlock, MintTx, RpcNode, SignerBudget
from minting.states import MintStatus as S

SILENT = timedelta(seconds=60)  # without word from the watcher
LATE = timedelta(minutes=5)  # for a transaction to be in a block
FEW = 200  # mints; as the alert in deploy/observability/prometheus/alerts.yml
LEVELS = {"ok": OK, "lagging": LOOK, "probation": LOOK}


def _chain(*, now: datetime) -> Panel:
    nodes = list(RpcNode.objects.filter(chain_id=settings.CHAIN_ID).order_by("name"))
    facts = [_quorum(nodes, now), *(_node(node, now) for node in nodes), _tip(now)]
    facts += [_gas(row) for row in SignerBudget.objects.filter(chain_id=settings.CHAIN_ID).order_by("pk")]
    facts.append(_pool(now))
    return Panel(title="The chain", facts=tuple(facts))


def _quorum(nodes: list[RpcNode], now: datetime) -> Fact:
    needed = settings.CHAIN_QUORUM or min(2, len(settings.CHAIN_RPC_URLS))
    counted = sum(node.counts and now - node.seen_at < SILENT for node in nodes)
    level = BAD if counted < needed else LOOK if counted < len(settings.CHAIN_RPC_URLS) else OK
    return Fact(label="RPCs that count", value=f"{counted} of {len(nodes)}; {needed} must agree", level=level)


def _node(node: RpcNode, now: datetime) -> Fact:
    is_silent = now - node.seen_at >= SILENT
    behind = f", {node.lag} behind" if node.lag else ""
    at = f", block {node.head}{behind}" if node.head is not None else ""
    reason = f": {node.reason[:160]}" if node.reason else ""
    return Fact(
        label=f"RPC {node.name}",
        value="not heard of: does the watcher run?" if is_silent else f"{node.state}{at}{reason}",
        level=BAD if is_silent else LEVELS.get(node.state, BAD),
        since=node.seen_at if is_silent else node.changed_at if node.state != "ok" else None,
        url=reverse("admin:minting_rpcnode_changelist"),
    )


def _tip(now: datetime) -> Fact:
    tip = Block.objects.filter(chain_id=settings.CHAIN_ID).order_by("-number").first()
    final = FinalBlock.objects.filter(chain_id=settings.CHAIN_ID).first()
    value = f"{tip.number if tip else 'none'}; final: {final.number if final else 'none'}"
    return Fact(label="The newest block taken in", value=value, url=reverse("admin:minting_block_changelist"))


def _gas(row: SignerBudget) -> Fact:
    left = row.mints_left
    level = BAD if left == 0 else LOOK if left < FEW else OK
    return Fact(label=f"Gas of the {row.role} {row.address[:10]}…", value=f"lasts for {left} mints", level=level)


def _pool(now: datetime) -> Fact:
    sent = MintTx.objects.filter(status=S.SENT).order_by("updated_at")
    oldest = sent.first()
    is_late = oldest is not None and now - oldest.updated_at > LATE
    return Fact(
        label="Mints that wait for a block",
        value=str(sent.count()),
        since=oldest.updated_at if oldest and is_late else None,
        level=BAD if is_late else OK,
        url=reverse("admin:minting_minttx_changelist") + "?status__exact=SENT",
    )


CHAIN = PanelSource(permission="minting.view_minttx", build=_chain)
