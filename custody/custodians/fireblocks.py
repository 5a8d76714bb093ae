"""Fireblocks as the custodian, through its own SDK (fireblocks_sdk; ADR 0004 says why the old one).

Every call goes through FireblocksTransport: time-outs, no retry, never inside a transaction, VendorErrors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from eth_utils.address import is_address, to_checksum_address
from fireblocks_sdk import (
    TRANSACTION_TRANSFER,
    VAULT_ACCOUNT,
    DestinationTransferPeerPath,
    FireblocksSDK,
    PagedVaultAccountsRequestFilters,
    TransferPeerPath,
)
from fireblocks_sdk.connection_pool import IdleAwareHTTPAdapter

from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError
from agora.lib.http import CONNECT_TIMEOUT, READ_TIMEOUT
from custody.custodians.base import Transfer, WebhookEvent
from custody.custodians.jws import WebhookVerifier
from custody.custodians.phases import phase_of
from custody.custodians.transport import FireblocksTransport, NotFound

PAGE_LIMIT = 500


class _Transport(FireblocksTransport, IdleAwareHTTPAdapter):
    """Ours on top of the SDK's own, which throws away connections that a proxy may have dropped while idle."""


def build_client(
    *, api_key: str, private_key_pem: str, url: str, timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT)
) -> FireblocksSDK:
    """The SDK with our transport on its session. `url` is without /v1."""
    # Parsed once: given the text, PyJWT parses and checks the RSA key at each request, which costs 30 ms of CPU
    private_key = load_pem_private_key(private_key_pem.encode(), password=None)
    client = FireblocksSDK(private_key, api_key, api_base_url=url.rstrip("/"), timeout=timeout)
    transport = _Transport(vendor="custodian", timeout=timeout, max_retries=0, pool_maxsize=16)
    client.http_session.mount("http://", transport)
    client.http_session.mount("https://", transport)
    return client


class FireblocksCustodian:
    """Implements custody.custodians.base.Custodian."""

    name = "fireblocks"

    def __init__(
        self,
        *,
        api_key: str,
        private_key_pem: str,
        url: str,
        jwks_url: str,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT),
    ) -> None:
        self.client = build_client(api_key=api_key, private_key_pem=private_key_pem, url=url, timeout=timeout)
        self._webhooks = WebhookVerifier(jwks_url=jwks_url)

    def ensure_vault_account(self, *, name: str, asset_id: str) -> str:
        account = self._vault_account(name)
        if account is None:
            created = self.client.create_vault_account(name)
            # Names aren't unique there: of two created at once everybody takes the older.
            account = self._vault_account(name) or created
        vault_id = _text(account, "id", Uncertain)
        if asset_id not in {asset.get("id") for asset in account.get("assets") or []}:
            self._ensure_wallet(vault_id, asset_id)
        return vault_id

    def vault_address(self, *, vault_id: str, asset_id: str) -> str:
        page = self.client.get_paginated_addresses(vault_id, asset_id)
        addresses = page.get("addresses") if isinstance(page, dict) else None
        if not addresses or not is_address(addresses[0].get("address")):
            raise Unavailable(f"Vault account {vault_id} has no EVM address for {asset_id}")
        return str(to_checksum_address(addresses[0]["address"]))

    def transfer(
        self, *, external_tx_id: str, asset_id: str, quantity: Decimal, source_id: str, destination_id: str, note: str
    ) -> Transfer:
        if not quantity.is_finite() or quantity <= 0:
            raise ValueError(f"Not a quantity that can be moved: {quantity}")
        answer = self.client.create_transaction(
            tx_type=TRANSACTION_TRANSFER,
            asset_id=asset_id,
            amount=f"{quantity:f}",  # a string: the API takes both, and only this one is exact
            source=TransferPeerPath(VAULT_ACCOUNT, source_id),
            destination=DestinationTransferPeerPath(VAULT_ACCOUNT, destination_id),
            note=note,
            external_tx_id=external_tx_id,
        )
        status, sub_status = _text(answer, "status", Uncertain), str(answer.get("subStatus") or "")
        return Transfer(
            provider_id=_text(answer, "id", Uncertain),
            external_tx_id=external_tx_id,
            status=status,
            sub_status=sub_status,
            phase=phase_of(status, sub_status),
            asset_id=asset_id,
            quantity=quantity,
            source_id=source_id,
            destination_id=destination_id,
            raw=answer,
        )

    def find_by_external_tx_id(self, external_tx_id: str) -> Transfer | None:
        try:
            found = self.client.get_transaction_by_external_id(external_tx_id)
        except NotFound:
            return None
        transfer = _transfer(found)
        if transfer.external_tx_id != external_tx_id:
            raise Unavailable(f"Asked for {external_tx_id!r}, Fireblocks answered with {transfer.external_tx_id!r}")
        return transfer

    def balance(self, *, vault_id: str, asset_id: str) -> Decimal:
        """All that the vault account holds of the asset, including what an outgoing transaction has locked."""
        wallet = self.client.get_vault_account_asset(vault_id, asset_id)
        return _decimal(_text(wallet, "total", Unavailable))

    def verify_webhook(self, *, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        return self._webhooks.verify_webhook(headers=headers, body=body)

    def _vault_account(self, name: str) -> dict[str, Any] | None:
        """The oldest vault account of exactly that name."""
        after = None
        while True:
            filters = PagedVaultAccountsRequestFilters(name_prefix=name, order_by="ASC", limit=PAGE_LIMIT, after=after)
            page = self.client.get_vault_accounts_with_page_info(filters)
            if not isinstance(page, dict) or not isinstance(page.get("accounts"), list):
                raise Unavailable("Fireblocks answered without a list of vault accounts")
            for account in page["accounts"]:
                if account.get("name") == name:
                    return dict(account)
            after = (page.get("paging") or {}).get("after")
            if not after:
                return None

    def _ensure_wallet(self, vault_id: str, asset_id: str) -> None:
        try:
            self.client.create_vault_asset(vault_id, asset_id)
        except Rejected:
            self.client.get_vault_account_asset(vault_id, asset_id)  # made meanwhile by somebody else: all is well


def _transfer(found: Any) -> Transfer:
    status, sub_status = _text(found, "status", Unavailable), str(found.get("subStatus") or "")
    return Transfer(
        provider_id=_text(found, "id", Unavailable),
        external_tx_id=str(found.get("externalTxId") or ""),
        status=status,
        sub_status=sub_status,
        phase=phase_of(status, sub_status),
        asset_id=str(found.get("assetId") or ""),
        quantity=_quantity(found),
        source_id=str((found.get("source") or {}).get("id") or ""),
        destination_id=str((found.get("destination") or {}).get("id") or ""),
        raw=found,
    )


def _quantity(found: dict[str, Any]) -> Decimal:
    if found.get("operation", TRANSACTION_TRANSFER) != TRANSACTION_TRANSFER:
        return Decimal(0)  # a signature moves nothing
    amount = (found.get("amountInfo") or {}).get("amount")
    return _decimal(found.get("amount") if amount is None else amount)


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation as exc:
        raise Unavailable(f"Fireblocks answered with {value!r} where a number belongs") from exc


def _text(answer: Any, field: str, error: Callable[[str], VendorError]) -> str:
    value = answer.get(field) if isinstance(answer, dict) else None
    if value is None or value == "":
        raise error(f"Fireblocks answered without {field!r}: {answer!r}")
    return str(value)
