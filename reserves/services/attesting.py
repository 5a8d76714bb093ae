"""Reports of reserves: built, signed by k attestors, kept, brought to the oracle, looked after (ADR 0007).

Kept before it is broadcast: whoever finds it later sends the same bytes. On-chain a sequence is accepted once, so a
report whose fate is unknown is looked up there (`latestReport`, receipts), never guessed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.conf import settings
from django.db.models import Max
from eth_utils import keccak

from agora.lib import crashpoints, locks, log, rows
from agora.lib.db import serializable
from agora.lib.errors import Rejected, VendorError
from agora.lib.keyfiles import KeyFileRefused
from agora.lib.money import plain, wei_from_shares
from custody.custodians import get_custodian
from custody.selectors import completed_total, vault_of
from minting.chains.base import Fees
from minting.selectors import GatedToken, gated_tokens
from minting.services import explain_wait, release_backed
from reserves.attestors import get_attestors
from reserves.attestors.base import Report
from reserves.models import Break, ReserveAttestation
from reserves.publishers import get_publisher
from reserves.publishers.onchain import OnchainPublisher, Standing
from reserves.services.observing import last_report, observe

logger = log.get(__name__)
RENEW_AT = 3  # a report is renewed when less than this part of its validity is left: 1/3


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReport:
    report: Report
    signatures: tuple[tuple[str, bytes], ...]  # attestor and signature, attestors ascending


class NotAttestable(Exception):
    """No report can be made now; the message is for whoever waits for it."""


def keep_attested(*, now: datetime) -> None:
    """A report for every token whose reserves changed, run out, or are waited for; none keeps the others waiting.

    Raises VendorError, when all had their turn.
    """

    def attend(token: GatedToken) -> None:
        if is_quiet(token=token, now=now):
            return
        with locks.exclusive("attest", token.token_id, wait=0) as mine:
            if mine:
                _attend(token, now)

    rows.each(gated_tokens(), attend, name="attest", hold=partial(_say_why, now=now), each_asks=True)


def _say_why(token: GatedToken, trouble: rows.Trouble, *, now: datetime) -> None:
    explain_wait(symbol=token.symbol, reason=trouble.reason, now=now)


def is_quiet(*, token: GatedToken, now: datetime) -> bool:
    """Whether our own rows say that nothing needs a report: then the chain is not even asked."""
    if token.unbacked:
        return False
    held_wei = wei_from_shares(completed_total(symbol=token.symbol))
    rows = ReserveAttestation.objects.filter(token_id=token.token_id).order_by("-sequence")
    accepted = rows.filter(outcomes__accepted=True).first()
    if accepted is None or rows.filter(outcomes=None).exists():
        return held_wei == 0 and not rows.exists()
    return accepted.reserves_wei == held_wei and now < _renew_from(accepted)


def _attend(token: GatedToken, now: datetime) -> None:
    try:
        publisher = get_publisher()
        standing = publisher.standing(token.reserve_feed)
        in_flight = observe(token=token, publisher=publisher, standing=standing, now=now)
        signed = prepare(token=token, publisher=publisher, standing=standing, in_flight=in_flight, now=now)
        gas = _check(token, publisher, signed) if signed else 0
    except (NotAttestable, KeyFileRefused) as problem:
        explain_wait(symbol=token.symbol, reason=str(problem), now=now)
        return
    if signed is None:  # what there is covers all: whoever was refused a moment before may try again
        release_backed(symbol=token.symbol, due_only=True, now=now)
        return
    crashpoints.here("attestation.before_save")
    row = save(token=token, publisher=publisher, signed=signed, gas=gas, now=now)
    crashpoints.here("attestation.before_broadcast")
    broadcast(token=token, publisher=publisher, row=row, now=now)


def prepare(
    *,
    token: GatedToken,
    publisher: OnchainPublisher,
    standing: Standing,
    in_flight: ReserveAttestation | None,
    now: datetime,
) -> SignedReport | None:
    """A signed report, if one is due now. Raises NotAttestable."""
    time = publisher.chain_time()
    attested_wei = int(in_flight.reserves_wei) if in_flight else standing.reserves_wei
    valid_until = int(in_flight.valid_until.timestamp()) if in_flight else standing.valid_until
    lapsing = valid_until - time < settings.RESERVE_VALIDITY / RENEW_AT
    books_wei = wei_from_shares(completed_total(symbol=token.symbol))
    if (books_wei == attested_wei and not lapsing) or not (books_wei or standing.sequence):
        return None
    reserves_wei = _attestable(token, books_wei)
    if reserves_wei == attested_wei and not lapsing:
        raise NotAttestable("the custodian's balance is below our records, and no more can be attested")
    last = last_report(token)
    if last and not lapsing and last.prepared_at > now - timedelta(seconds=settings.RESERVE_REPORT_GAP):
        return None  # the next one covers what comes until then
    return _sign(
        Report(
            chain_id=token.chain_id,
            consumer=token.address,
            asset_hash=keccak(text=token.symbol),
            reserves_wei=reserves_wei,
            as_of=time,
            valid_until=time + settings.RESERVE_VALIDITY,
            sequence=max(standing.sequence, last.sequence if last else 0) + 1,
        ),
        oracle=token.reserve_feed,
    )


def _attestable(token: GatedToken, books_wei: int) -> int:
    """Shares by our books, and never more than the custodian's own balance. Raises NotAttestable."""
    breaks = [row.get_kind_display() for row in Break.objects.filter(asset__symbol=token.symbol, closed_at=None)]
    if breaks:
        raise NotAttestable(f"no reserves are attested while the books differ: {', '.join(breaks)}")
    vault = vault_of(symbol=token.symbol)
    balance = get_custodian().balance(vault_id=vault.vendor_id, asset_id=vault.vendor_asset_id)
    return min(books_wei, int(balance.scaleb(18)))


def _sign(report: Report, *, oracle: str) -> SignedReport:
    """As many signatures as the threshold asks for. Raises NotAttestable when there are fewer."""
    signatures: list[tuple[str, bytes]] = []
    refusals: list[str] = []
    for attestor in get_attestors():
        if len(signatures) == settings.ATTESTOR_THRESHOLD:
            break
        try:
            signatures.append((attestor.address, attestor.attest(report, oracle=oracle)))
        except VendorError as trouble:
            refusals.append(f"{attestor.address}: {trouble.detail}")
    if len(signatures) < settings.ATTESTOR_THRESHOLD:
        words = f"{len(signatures)} of {settings.ATTESTOR_THRESHOLD} attestors signed the reserves"
        raise NotAttestable("; ".join([words, *refusals]))
    return SignedReport(report=report, signatures=tuple(signatures))


def _check(token: GatedToken, publisher: OnchainPublisher, signed: SignedReport) -> int:
    try:
        return publisher.check(token.reserve_feed, signed.report, _bytes(signed))
    except Rejected as refusal:
        logger.error("report refused", asset=token.symbol, sequence=signed.report.sequence, detail=refusal.detail)
        raise NotAttestable(f"the oracle refuses the report: {refusal.detail}") from refusal


def save(
    *, token: GatedToken, publisher: OnchainPublisher, signed: SignedReport, gas: int, now: datetime
) -> ReserveAttestation:
    """Keep the report and its transaction."""
    return _save(
        token=token,
        publisher=publisher,
        signed=signed,
        gas=gas,
        fees=publisher.fees(),
        chain_nonce=publisher.next_nonce(),
        now=now,
    )


@serializable
def _save(
    *,
    token: GatedToken,
    publisher: OnchainPublisher,
    signed: SignedReport,
    gas: int,
    fees: Fees,
    chain_nonce: int,
    now: datetime,
) -> ReserveAttestation:
    """The publisher's next nonce, in the transaction that keeps what is signed under it."""
    report, oracle = signed.report, token.reserve_feed
    locks.lock_in_transaction("signer", f"{token.chain_id}:{publisher.address}")
    sent = ReserveAttestation.objects.filter(chain_id=token.chain_id, publisher=publisher.address)
    last = sent.aggregate(last=Max("nonce"))["last"]
    nonce = chain_nonce if last is None else max(last + 1, chain_nonce)
    raw, tx_hash = publisher.sign(oracle, report, _bytes(signed), nonce=nonce, gas=gas, fees=fees)
    return ReserveAttestation.objects.create(
        token_id=token.token_id,
        chain_id=token.chain_id,
        oracle=oracle,
        sequence=report.sequence,
        reserves_wei=report.reserves_wei,
        as_of=_moment(report.as_of),
        valid_until=_moment(report.valid_until),
        threshold=settings.ATTESTOR_THRESHOLD,
        signatures=[{"attestor": who, "signature": "0x" + what.hex()} for who, what in signed.signatures],
        publisher=publisher.address,
        nonce=nonce,
        raw=raw,
        tx_hash=tx_hash,
        prepared_at=now,
    )


def broadcast(*, token: GatedToken, publisher: OnchainPublisher, row: ReserveAttestation, now: datetime) -> None:
    """Send it. Mints that waited go on at once: they are simulated behind what waits in the pool."""
    publisher.broadcast(bytes(row.raw))
    crashpoints.here("attestation.after_broadcast")
    reserves = plain(Decimal(row.reserves_wei).scaleb(-18))
    logger.info("report sent", asset=token.symbol, sequence=row.sequence, reserves=reserves, tx_hash=row.tx_hash)
    release_backed(symbol=token.symbol, now=now)


def _renew_from(row: ReserveAttestation) -> datetime:
    return row.valid_until - (row.valid_until - row.as_of) / RENEW_AT


def _bytes(signed: SignedReport) -> Sequence[bytes]:
    return [signature for _, signature in signed.signatures]


def _moment(seconds: int) -> datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
