"""The custodian port: whoever keeps the shares in named vault accounts and confirms each movement.

Quantities are shares (Decimal). Every method makes one HTTP call a page, with time-outs and no retry of its own, and
raises `Rejected`, `Unavailable` or `Uncertain` (agora.lib.errors).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol


class TransferPhase(enum.StrEnum):
    """What a custodian's status and sub-status together mean to us."""

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"  # completed, and no sub-status says that a third party failed or refused it
    FAILED = "FAILED"  # final without effect: cancelled, rejected, blocked, failed, timed out
    UNKNOWN = "UNKNOWN"  # a status that was not in the custodian's documents when this was written


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    provider_id: str
    external_tx_id: str  # ours, burned for good once used
    status: str  # the custodian's word
    sub_status: str
    phase: TransferPhase
    asset_id: str
    quantity: Decimal
    source_id: str
    destination_id: str
    raw: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """A verified notification. It only says *what to look up*: the object is read again from the custodian."""

    event_id: str
    event_type: str  # "transaction.status.updated", …
    provider_id: str
    external_tx_id: str
    phase: TransferPhase  # by the notification's own word: good enough to skip a look-up, never to believe
    raw: dict[str, Any] = field(repr=False)


class WebhookInvalid(Exception):
    """The signature does not cover these bytes, or the body is not an event. Nothing in it may be believed."""


class Custodian(Protocol):
    name: str  # "fireblocks"

    def ensure_vault_account(self, *, name: str, asset_id: str) -> str:
        """The id of the vault account of that name holding that asset, created if there is none."""

    def vault_address(self, *, vault_id: str, asset_id: str) -> str:
        """The checksummed EVM address of a vault account's asset."""

    def transfer(
        self, *, external_tx_id: str, asset_id: str, quantity: Decimal, source_id: str, destination_id: str, note: str
    ) -> Transfer:
        """Move shares between vault accounts. An `external_tx_id` used before raises Uncertain: look it up."""

    def find_by_external_tx_id(self, external_tx_id: str) -> Transfer | None:
        """The transaction of that id of ours, or None."""

    def balance(self, *, vault_id: str, asset_id: str) -> Decimal: ...

    def verify_webhook(self, *, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Verify the signature over the raw bytes; raise WebhookInvalid, or Unavailable when the keys can't be had."""
