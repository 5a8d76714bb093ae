"""(g): gas of one mint, as the contracts' own suite weighs it, and what that costs on Base at stated prices."""

from __future__ import annotations

import json

from bench.figures import Figure
from bench.servers import ROOT

# Stated, not measured: Base's own fee and its share of Ethereum's for the transaction's bytes.
GAS_PRICE_GWEI = 0.05  # base fee and tip; Base's usual 0.001 to 0.05
L1_FEE_USD = 0.002  # blob space for ~400 bytes
ETH_USD = 4_000.0


def measure() -> list[Figure]:
    """contracts/gas.json is held by `make contracts-check`: a mint that weighs more fails there."""
    weighed = json.loads((ROOT / "contracts" / "gas.json").read_text())["transaction"]
    gas = weighed["gated to newcomer"]
    cost = gas * GAS_PRICE_GWEI * 1e-9 * ETH_USD + L1_FEE_USD
    return [
        Figure(
            part="gas",
            name="a mint to a new holder, the reserve gate on",
            value=gas,
            unit="gas",
            note=f"to a holder {weighed['gated to holder']:,}; the plainest ERC-20's {weighed['plain to newcomer']:,}",
        ),
        Figure(
            part="gas",
            name="cost of it on Base",
            value=cost,
            unit="US$",
            at_most=0.07,
            note=f"at {GAS_PRICE_GWEI} gwei, ETH US$ {ETH_USD:,.0f}, and US$ {L1_FEE_USD} for its bytes on Ethereum",
        ),
    ]
