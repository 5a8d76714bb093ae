"""What the console's page of an order says of signatures, mints and the blocks they stand on."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from agora.lib.dossiers import MOST, Cell, DossierSource, Moment, OrderSubject, Part, Section
from agora.lib.money import plain, shares_from_wei
from custody.selectors import Notification, notifications_about
from minting.models import Block, MintEvent, MintTx, TxAttempt
from minting.selectors import explorer_url, watched_block

GWEI = 10**9


def _mints(*, subject: OrderSubject, now: datetime) -> Part:
    found = MintTx.objects.select_related("token", "custody_record").filter(order_id=subject.order_id)
    mints = list(found.order_by("custody_record__sequence")[:MOST])
    attempts = list(TxAttempt.objects.filter(mint__in=mints).defer("raw").order_by("-allocated_at")[:MOST])
    moves = list(MintEvent.objects.select_related("mint").filter(mint__in=mints).order_by("-at", "-sequence")[:MOST])[
        ::-1
    ]
    received = notifications_about(external_tx_ids=[attempt.request_id for attempt in attempts])
    receipt = reverse("admin:console-receipt", args=[subject.order_id])
    return Part(
        sections=(_list(mints), _attempts(attempts, mints), _blocks(mints), _webhooks(received)),
        moments=(
            *(
                Moment(
                    at=move.at,
                    source="mint",
                    text=f"{move.mint.mint_key}: {move.to_status}",
                    by=move.actor,
                    detail=move.reason or ", ".join(f"{name} {value}" for name, value in move.data.items()),
                    url=_url(move.mint_id),
                )
                for move in moves
            ),
            *(moment for attempt in attempts for moment in _steps(attempt)),
            *(
                Moment(
                    at=one.received_at,
                    source="webhook",
                    text=one.event_type,
                    by="custodian",
                    detail=one.external_tx_id,
                    url=one.url,
                )
                for one in received
            ),
        ),
        links=(("Receipt (JSON)", receipt),),
        acted_on=tuple(mints),
    )


def _list(mints: list[MintTx]) -> Section:
    return Section(
        title="Mints",
        head=("Mint key", "Tokens", "Status", "To", "Contract", "Transaction", "Log", "Last moved", "Why"),
        rows=tuple(
            (
                Cell(mint.mint_key, _url(mint.pk)),
                plain(shares_from_wei(int(mint.amount_wei))),
                mint.status,
                mint.recipient,
                mint.token.address,
                Cell(mint.tx_hash, explorer_url(tx_hash=mint.tx_hash)),
                mint.log_index,
                mint.updated_at,
                mint.reason or ("the reserve gate refuses it" if mint.unbacked_since else ""),
            )
            for mint in mints
        ),
        empty="No mint was asked for.",
        rank=50,
    )


def _attempts(attempts: list[TxAttempt], mints: list[MintTx]) -> Section:
    mined = {mint.tx_hash for mint in mints if mint.tx_hash}
    return Section(
        title="Signatures and transactions",
        head=(
            "Nonce",
            "Bump",
            "Transaction",
            "State",
            "Fee at most (tip), gwei",
            "Gas",
            "Request",
            "Allocated",
            "Signed",
        ),
        rows=tuple(
            (
                attempt.nonce,
                attempt.bump,
                Cell(attempt.tx_hash, explorer_url(tx_hash=attempt.tx_hash)),
                _state(attempt, mined),
                f"{_gwei(attempt.max_fee_per_gas)} ({_gwei(attempt.max_priority_fee_per_gas)})",
                attempt.gas,
                attempt.request_id,
                attempt.allocated_at,
                attempt.signed_at,
            )
            for attempt in attempts
        ),
        empty="Nothing was signed.",
        rank=55,
    )


def _state(attempt: TxAttempt, mined: set[str]) -> str:
    if attempt.reverted_at:
        return "reverted"
    if attempt.superseded_at:
        return "given up: another transaction has its nonce"
    if not attempt.tx_hash:
        return f"to be signed, request {attempt.request}"
    return "in a block" if attempt.tx_hash in mined else "signed"


def _blocks(mints: list[MintTx]) -> Section:
    """A block that is not the one we stored at that height is said so."""
    tip = watched_block()
    numbers = [mint.block_number for mint in mints if mint.block_number is not None]
    stored = {block.number: block for block in Block.objects.filter(chain_id=settings.CHAIN_ID, number__in=numbers)}
    rows: list[tuple[object, ...]] = []
    for mint in mints:
        if mint.block_number is None or not mint.block_hash:
            continue
        block = stored.get(mint.block_number)
        ours = "not kept any more" if block is None else "the same" if block.hash == mint.block_hash else "ANOTHER"
        deep = max(0, tip - mint.block_number + 1) if tip is not None else 0
        rows.append(
            (mint.mint_key, mint.block_number, mint.block_hash, ours, f"{deep} of {settings.CHAIN_SETTLED_BLOCKS}")
        )
    return Section(
        title="Blocks",
        head=("Mint key", "Block", "Its hash", "The stored block there", "Confirmations"),
        rows=tuple(rows),
        empty="Nothing is in a block.",
        rank=60,
    )


def _webhooks(received: list[Notification]) -> Section:
    return Section(
        title="Webhooks of the custodian about signatures",
        head=("Received", "Event", "Custodian's id", "Our request", "Message"),
        rows=tuple(
            (one.received_at, one.event_type, one.provider_id, one.external_tx_id, Cell(f"no. {one.pk}", one.url))
            for one in received
        ),
        empty="None was received.",
        rank=62,
    )


def _steps(attempt: TxAttempt) -> list[Moment]:
    by, what = attempt.signer, f"nonce {attempt.nonce}, bump {attempt.bump}"
    found = [Moment(at=attempt.allocated_at, source="chain", text=f"{what} allocated", by=by)]
    url = explorer_url(tx_hash=attempt.tx_hash)
    if attempt.signed_at:
        found.append(
            Moment(at=attempt.signed_at, source="chain", text=f"{what} signed", by=by, detail=attempt.tx_hash, url=url)
        )
    if attempt.reverted_at:
        found.append(
            Moment(at=attempt.reverted_at, source="chain", text=f"{what} reverted", detail=attempt.tx_hash, url=url)
        )
    return found


def _gwei(wei: object) -> str:
    return f"{int(str(wei)) / GWEI:.4g}"


def _url(mint_id: UUID) -> str:
    return reverse("admin:minting_minttx_change", args=[mint_id])


def _names(*, order_id: UUID) -> list[str]:
    return [f"mint:{pk}" for pk in MintTx.objects.filter(order_id=order_id).values_list("pk", flat=True)[:MOST]]


MINTS = DossierSource(permission="minting.view_minttx", build=_mints, names=_names)
