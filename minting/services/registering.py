"""Which contract is an asset's token, and that it still is."""

from __future__ import annotations

from django.conf import settings
from eth_utils import to_checksum_address

from minting.chains import get_chain
from minting.errors import WrongChain
from minting.models import Token
from orders.selectors import asset_by_symbol

NO_FEED = "0x" + "00" * 20


def register_token(
    *,
    symbol: str,
    chain_id: int,
    address: str,
    code_hash: str,
    minter: str,
    deployed_block: int,
    reserve_feed: str = "",
) -> Token:
    """The token of an asset on a chain; raises WrongChain when another contract is registered there.

    `reserve_feed`: the feed that the token's reserve gate must be set to, "" if it must have none.
    """
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
    if reserve_feed and token.reserve_feed != reserve_feed:
        feed_code_hash = get_chain().code_hash(reserve_feed)
        if feed_code_hash is None:
            raise WrongChain(f"There is no contract at the reserve feed {reserve_feed}.")
        token.reserve_feed, token.reserve_feed_code_hash = reserve_feed, feed_code_hash
        token.save(update_fields=["reserve_feed", "reserve_feed_code_hash"])
    return token


def verify_chain() -> None:
    """Raise WrongChain unless the node's chain id, each token's code and its reserve feed are what we registered.

    DESIGN §4: what moves money may not start otherwise.
    """
    chain = get_chain()
    chain_id = chain.chain_id()
    if chain_id != settings.CHAIN_ID:
        raise WrongChain(f"The node is on chain {chain_id}; CHAIN_ID says {settings.CHAIN_ID}.")
    for token in Token.objects.filter(chain_id=chain_id):
        code_hash = chain.code_hash(token.address)
        if code_hash != token.code_hash:
            raise WrongChain(f"The code at {token.address} is {code_hash}; {token.code_hash} was deployed there.")
        _verify_feed(token)


def _verify_feed(token: Token) -> None:
    chain = get_chain()
    feed = to_checksum_address(chain.read(contract=token.address, function="reserveFeed")[0])
    if feed != (token.reserve_feed or to_checksum_address(NO_FEED)):
        raise WrongChain(
            f"The reserve feed of {token.address} is {feed}; {token.reserve_feed or 'none'} is registered."
        )
    if token.reserve_feed and chain.code_hash(feed) != token.reserve_feed_code_hash:
        raise WrongChain(f"The code at the reserve feed {feed} is not the one that was registered.")
