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

    return EvmChain(settings.CHAIN_RPC_URLS, chain_id=settings.CHAIN_ID)
