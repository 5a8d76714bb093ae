"""The chain that the settings name."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from minting.chains.evm import EvmChain


@functools.cache
def get_chain() -> EvmChain:
    """The chain of CHAIN_RPC_URLS and CHAIN_ID, one a process (its connections are kept)."""
    from minting.chains.evm import EvmChain  # web3 is 30 MiB that the web process does not need at its start

    return EvmChain(
        settings.CHAIN_RPC_URLS,
        chain_id=settings.CHAIN_ID,
        quorum=settings.CHAIN_QUORUM or min(2, len(settings.CHAIN_RPC_URLS)),
        depth=settings.CHAIN_SETTLED_BLOCKS,
        max_lag=settings.CHAIN_MAX_LAG,
        codes=_registered_codes,
    )


def _registered_codes() -> dict[str, str]:
    """What every node must have where our tokens are: asked of each when it is (again) spoken to."""
    from minting.models import Token  # the ports are imported before the apps are ready

    return dict(Token.objects.filter(chain_id=settings.CHAIN_ID).values_list("address", "code_hash"))
