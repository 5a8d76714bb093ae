"""Shortfalls, made at the custodian behind our back."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

from custody.custodians import get_custodian
from custody.custodians.base import TransferPhase
from custody.models import VaultAccount


def empty_vault() -> Decimal:
    """Take all shares out of the vault at the custodian, behind our back; how many."""
    vault, custodian, thief = VaultAccount.objects.get(), get_custodian(), f"theft-{uuid4()}"
    balance = custodian.balance(vault_id=vault.vendor_id, asset_id=vault.vendor_asset_id)
    custodian.transfer(
        external_tx_id=thief,
        asset_id=vault.vendor_asset_id,
        quantity=balance,
        source_id=vault.vendor_id,
        destination_id=vault.inbox_vendor_id,
        note="",
    )
    while True:
        found = custodian.find_by_external_tx_id(thief)
        if found and found.phase == TransferPhase.COMPLETED:
            return balance
