"""The local chain's accounts: Foundry's, public knowledge, funded on every anvil, worthless anywhere else.

Accounts 1 and 2 are the customers' wallets of the demo and the tests.
"""

from __future__ import annotations

CHAIN_IDS = (31337,)

DEPLOYER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # account 0, the admin
ADMIN = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
PAUSER = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"  # account 3
COMPLIANCE = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"  # account 4
RESERVE_ADMIN = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"  # account 5
