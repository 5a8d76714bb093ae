"""Which contract is an asset's token, and that it still is."""

from __future__ import annotations

from django.conf import settings
from eth_account import Account

from custody.signers import get_signer
from minting.chains import get_chain
from minting.errors import WrongChain
from minting.models import Token
from orders.selectors import asset_by_symbol

LOCAL_CHAIN_IDS = (31337,)


def register_token(
    *, symbol: str, chain_id: int, address: str, code_hash: str, minter: str, deployed_block: int
) -> Token:
    """The token of an asset on a chain; raises WrongChain when another contract is registered there."""
    asset = asset_by_symbol(symbol=symbol)
    token, _ = Token.objects.get_or_create(
        asset=asset,
        chain_id=chain_id,
        defaults={
            "address": address,
            "code_hash": code_hash,
            "minter": minter,
            "deployed_block": deployed_block,
        },
    )
    if token.address != address:
        raise WrongChain(f"{symbol} is {token.address} on chain {chain_id}, not {address}")
    return token


def deploy_token(*, symbol: str, deployer_key: str) -> Token:
    """Deploy the contract on a local chain, give the custodian's key the minter role and gas, and register it.

    A token that is registered and whose code is there is left alone. Raises WrongChain on any public chain: the
    contract is not audited (MVP-010).
    """
    chain, asset = get_chain(), asset_by_symbol(symbol=symbol)
    chain_id = chain.chain_id()
    if chain_id not in LOCAL_CHAIN_IDS:
        raise WrongChain(f"Chain {chain_id} is public: the contract must be audited before it is deployed there.")
    known = Token.objects.filter(asset=asset, chain_id=chain_id).first()
    if known:
        verify_chain()
        return known
    minter = get_signer().address()
    deployment = chain.deploy(
        private_key=deployer_key,
        constructor_args=(
            f"{asset.name} RealAssetToken",
            asset.token_symbol,
            symbol,
            str(Account.from_key(deployer_key).address),
            minter,
        ),
    )
    chain.send_native(private_key=deployer_key, to=minter, amount_wei=10 * 10**18)
    return register_token(
        symbol=symbol,
        chain_id=chain_id,
        address=deployment.address,
        code_hash=deployment.code_hash,
        minter=minter,
        deployed_block=deployment.block_number,
    )


def verify_chain() -> None:
    """Raise WrongChain unless the node's chain id and each token's code are what we registered (DESIGN §4)."""
    chain = get_chain()
    chain_id = chain.chain_id()
    if chain_id != settings.CHAIN_ID:
        raise WrongChain(f"The node is on chain {chain_id}; CHAIN_ID says {settings.CHAIN_ID}.")
    for token in Token.objects.filter(chain_id=chain_id):
        code_hash = chain.code_hash(token.address)
        if code_hash != token.code_hash:
            raise WrongChain(f"The code at {token.address} is {code_hash}; {token.code_hash} was deployed there.")
