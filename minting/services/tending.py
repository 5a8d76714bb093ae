"""One turn of the chain's loop: the blocks, then what keeps them coming: the RPCs' health, the minting keys' gas."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from agora.lib import log
from agora.lib.errors import Unavailable
from minting.chains import get_chain
from minting.chains.base import NodeReport
from minting.models import RpcNode, SignerGas, Token
from minting.services.guarding import check_nonces
from minting.services.watching import watch_chain_once

logger = log.get(__name__)
COUNTED = ("ok", "lagging")  # states in which an RPC is one of the quorum
SAY_AGAIN = timedelta(seconds=5)  # an unchanged RPC is still there
LOOK_AGAIN = timedelta(seconds=30)  # at a key's gas and nonce
MINT_GAS = 160_000  # what a mint is given, generously


def follow_chain(*, now: datetime) -> None:
    """Take in all that is new. Raises Unavailable: the RPCs are away, or contradict each other."""
    try:
        while watch_chain_once(now=now):
            pass
    finally:
        record_nodes(now=now)
    tend_signers(now=now)


def record_nodes(*, now: datetime) -> None:
    """Keep what this process knows of each RPC, for the console: when it changes, and now and then."""
    known = {row.name: row for row in RpcNode.objects.filter(chain_id=settings.CHAIN_ID)}
    reports = get_chain().node_reports()
    for report in reports:
        row = known.pop(report.name, None)
        if row is None or row.state != report.state or now - row.seen_at >= SAY_AGAIN:
            _record(report, row, now)
    if known:
        RpcNode.objects.filter(pk__in=[row.pk for row in known.values()]).delete()


def tend_signers(*, now: datetime) -> None:
    """Each minting key's gas and nonces, every half minute."""
    chain_id = settings.CHAIN_ID
    signers = set(Token.objects.filter(chain_id=chain_id).values_list("minter", flat=True))
    fresh = SignerGas.objects.filter(chain_id=chain_id, checked_at__gt=now - LOOK_AGAIN)
    for signer in sorted(signers - set(fresh.values_list("signer", flat=True))):
        _weigh(chain_id=chain_id, signer=signer, now=now)
        try:
            check_nonces(chain_id=chain_id, signer=signer, now=now)
        except Unavailable as trouble:
            if trouble.vendor_code != "ForeignNonce":
                raise
            logger.warning("a signer's nonce is not ours", signer=signer, detail=trouble.detail)


def _weigh(*, chain_id: int, signer: str, now: datetime) -> None:
    chain = get_chain()
    balance, fees = chain.native_balance(signer), chain.fees()
    mints_left = balance // (MINT_GAS * min(fees.max_fee_per_gas, settings.CHAIN_MAX_FEE_WEI) or 1)
    before = SignerGas.objects.filter(chain_id=chain_id, signer=signer).first()
    was_low = before is not None and before.mints_left < settings.CHAIN_GAS_MINTS
    if mints_left < settings.CHAIN_GAS_MINTS and not was_low:
        logger.error("signer's gas runs low", signer=signer, balance_wei=balance, mints_left=mints_left)
    SignerGas.objects.update_or_create(
        chain_id=chain_id,
        signer=signer,
        defaults={"balance_wei": balance, "mints_left": min(mints_left, 2**62), "checked_at": now},
    )


@transaction.atomic
def _record(report: NodeReport, row: RpcNode | None, now: datetime) -> None:
    changed = row is None or row.state != report.state
    RpcNode.objects.update_or_create(
        chain_id=settings.CHAIN_ID,
        name=report.name,
        defaults={
            "state": report.state,
            "head": report.head,
            "lag": report.lag,
            "reason": report.reason,
            "quarantines": report.quarantines,
            "counts": report.state in COUNTED,
            "seen_at": now,
            **({"changed_at": now} if changed else {}),
        },
    )
