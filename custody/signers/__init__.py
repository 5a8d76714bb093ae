"""Which signers this installation uses. Django is imported in the functions: the signer's own process has none."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custody.signers.base import Signer, StopSigner

MINTING_VAULT_ACCOUNT = "agora-minting"
MINTER, PAUSER = "minter", "pauser"  # the names of the keys in the signer's configuration


@functools.cache
def get_signer() -> Signer:
    """Who signs mints: the signer's process at SIGNER_SOCKET, or else Fireblocks from this very process.

    The second is for the tests of the adapter and for a first look: agora.E050 refuses it outside the sandbox.
    """
    from django.conf import settings

    if settings.SIGNER_SOCKET:
        from custody.signers.remote import RemoteSigner

        return RemoteSigner(Path(settings.SIGNER_SOCKET), key=MINTER)
    from custody.custodians import get_custodian
    from custody.signers.fireblocks import FireblocksSigner

    vault_id, address = minting_vault()
    asset_id = settings.FIREBLOCKS_GAS_ASSET
    return FireblocksSigner(get_custodian().client, vault_id=vault_id, asset_id=asset_id, address=address)


@functools.cache
def get_stop_signer() -> StopSigner | None:
    """Who signs stops; None: nobody, as no SIGNER_SOCKET is set."""
    from django.conf import settings

    from custody.signers.remote import RemoteSigner

    return RemoteSigner(Path(settings.SIGNER_SOCKET), key=PAUSER) if settings.SIGNER_SOCKET else None


def minting_vault() -> tuple[str, str]:
    """Id and address of the minting vault account at Fireblocks: two or three calls; it is made if there is none."""
    from django.conf import settings

    from custody.custodians import get_custodian

    custodian, asset_id = get_custodian(), settings.FIREBLOCKS_GAS_ASSET
    vault_id = custodian.ensure_vault_account(name=MINTING_VAULT_ACCOUNT, asset_id=asset_id)
    return vault_id, custodian.vault_address(vault_id=vault_id, asset_id=asset_id)
