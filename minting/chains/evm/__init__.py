"""The adapter to EVM nodes, the only room that imports web3."""

from minting.chains.evm.chain import EvmChain

__all__ = ["EvmChain"]
