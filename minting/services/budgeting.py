"""Looking at what the addresses that pay for our transactions still have, and whether minters' nonces are all ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from minting.chains import artifact, get_chain
from minting.models import SignerBudget, Token
from minting.services.guarding import watch_nonces

MINTER, PUBLISHER = "minter", "publisher"


def look_at_budgets(*, publishers: Sequence[str], now: datetime) -> None:
    """Note the balance of every minter and of these publishers, and what minters may still mint; look for foreign
    nonces. Raises VendorError."""
    chain = get_chain()
    fee = chain.fees().max_fee_per_gas
    allowances: dict[str, list[int]] = {}
    for token in Token.objects.filter(chain_id=settings.CHAIN_ID).order_by("pk"):
        (left,) = chain.read(
            contract=token.address, function="minterAllowance", arguments=(token.minter,), of=artifact.TOKEN
        )
        allowances.setdefault(token.minter, []).append(int(left))
    for address, left in allowances.items():
        _note(address=address, role=MINTER, balance=chain.native_balance(address), fee=fee, left=min(left), now=now)
    for address in publishers:
        _note(address=address, role=PUBLISHER, balance=chain.native_balance(address), fee=fee, left=None, now=now)
    for address in allowances:
        watch_nonces(chain_id=settings.CHAIN_ID, signer=address, now=now)


def _note(*, address: str, role: str, balance: int, fee: int, left: int | None, now: datetime) -> None:
    SignerBudget.objects.update_or_create(
        chain_id=settings.CHAIN_ID,
        address=address,
        role=role,
        defaults={"balance_wei": balance, "max_fee_per_gas": fee, "allowance_wei": left, "checked_at": now},
    )
