"""What the console's page of an order says of custody."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from agora.lib.dossiers import MOST, Cell, DossierSource, Moment, OrderSubject, Part, Section, vendor_url
from agora.lib.money import plain
from custody.models import CustodyEvent, CustodyRecord
from custody.selectors import notifications_about


def _custody(*, subject: OrderSubject, now: datetime) -> Part:
    found = CustodyRecord.objects.select_related("vault_account").filter(order_id=subject.order_id)
    records = list(found.order_by("sequence")[:MOST])
    moves = list(
        CustodyEvent.objects.select_related("record").filter(record__in=records).order_by("-at", "-sequence")[:MOST]
    )[::-1]
    burned = [str(move.data["burned"]) for move in moves if "burned" in move.data]
    received = notifications_about(external_tx_ids=[*(record.external_tx_id for record in records), *burned])
    return Part(
        sections=(
            Section(
                title="Custody",
                head=("No.", "Shares", "Status", "Vault", "Custodian's id", "Its words", "Our id", "Try", "Last moved"),
                rows=tuple(_row(record) for record in records),
                empty="No transfer was begun.",
                rank=40,
            ),
            Section(
                title="Webhooks of the custodian about transfers",
                head=("Received", "Event", "Custodian's id", "Our id", "Message"),
                rows=tuple(
                    (
                        one.received_at,
                        one.event_type,
                        one.provider_id,
                        one.external_tx_id,
                        Cell(f"no. {one.pk}", one.url),
                    )
                    for one in received
                ),
                empty="None was received.",
                rank=45,
            ),
        ),
        moments=(
            *(
                Moment(
                    at=move.at,
                    source="custody",
                    text=f"transfer {move.record.sequence}: {move.to_status}",
                    by=move.actor,
                    detail=move.reason or ", ".join(f"{name} {value}" for name, value in move.data.items()),
                    url=_url(move.record),
                )
                for move in moves
            ),
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
        acted_on=tuple(records),
    )


def _row(record: CustodyRecord) -> tuple[object, ...]:
    return (
        Cell(record.sequence, _url(record)),
        plain(record.quantity),
        record.status,
        f"{record.vault_account.custodian} {record.vault_account.vendor_id}",
        Cell(record.provider_id, vendor_url(settings.CUSTODIAN_TX_URL, record.provider_id)),
        f"{record.provider_status} {record.provider_sub_status} {record.reason}".strip(),
        record.external_tx_id,
        record.attempt,
        record.updated_at,
    )


def _url(record: CustodyRecord) -> str:
    return reverse("admin:custody_custodyrecord_change", args=[record.pk])


def _names(*, order_id: UUID) -> list[str]:
    pks = CustodyRecord.objects.filter(order_id=order_id).values_list("pk", flat=True)
    return [f"custody:{pk}" for pk in pks[:MOST]]


CUSTODY = DossierSource(permission="custody.view_custodyrecord", build=_custody, names=_names)
