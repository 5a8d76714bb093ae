"""Which signer this installation uses."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from django.conf import settings

from custody.custodians import get_custodian

if TYPE_CHECKING:
    from custody.signers.fireblocks import FireblocksSigner

MINTING_VAULT_ACCOUNT = "agora-minting"


@functools.cache
def get_signer() -> FireblocksSigner:
    """Built once a process, with two or three calls to Fireblocks: find (or make) the minting vault account."""
    from custody.signers.fireblocks import FireblocksSigner

    custodian, asset_id = get_custodian(), settings.FIREBLOCKS_GAS_ASSET
    vault_id = custodian.ensure_vault_account(name=MINTING_VAULT_ACCOUNT, asset_id=asset_id)
    address = custodian.vault_address(vault_id=vault_id, asset_id=asset_id)
    return FireblocksSigner(custodian.client, vault_id=vault_id, asset_id=asset_id, address=address)
