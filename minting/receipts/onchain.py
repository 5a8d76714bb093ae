"""What a node says of a receipt's mints. The node is the reader's own choice: that is the point of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minting.receipts.checks import ON_CHAIN, Check

if TYPE_CHECKING:
    from minting.chains.base import Chain


def check_on_chain(receipt: dict[str, Any], chain: Chain) -> list[Check]:
    """Three checks for each mint in a block, by its place in the receipt. Raises VendorError: the node did not answer.

    Only mints of the chain that `chain` is of may be asked for; the caller sees to it.
    """
    found: list[Check] = []
    for index, mint in enumerate(receipt["mints"]["content"]["mints"]):
        if mint["status"] in ON_CHAIN and mint["log_index"] is not None:
            found += [Check(f"chain.{name}[{index}]", holds) for name, holds in _ask(mint, chain).items()]
    return found


def _ask(mint: dict[str, Any], chain: Chain) -> dict[str, bool]:
    number, block_hash, tx_hash = mint["block_number"], mint["block_hash"], mint["tx_hash"]
    header = chain.header(number)
    block_is_canonical = header is not None and header.hash == block_hash
    receipt = chain.receipts([tx_hash]).get(tx_hash)
    logs = chain.minted_logs(contracts=[mint["contract"]], first=number, last=number) if header else []
    log = next((entry for entry in logs if entry.log_index == mint["log_index"]), None)
    return {
        "block": block_is_canonical,
        "transaction": receipt is not None and receipt.succeeded and receipt.block_hash == block_hash,
        "minted": log is not None
        and (log.tx_hash, log.block_hash, log.mint_key, log.amount_wei)
        == (tx_hash, block_hash, mint["mint_key"], int(mint["amount_wei"]))
        and (log.contract.lower(), log.to.lower()) == (mint["contract"].lower(), mint["recipient"].lower()),
    }
