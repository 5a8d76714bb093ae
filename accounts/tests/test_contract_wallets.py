"""Wallets that are contracts (EIP-1271), on a real chain."""

from __future__ import annotations

import pytest
import requests
from eth_account import Account
from eth_utils.address import to_checksum_address

from accounts import contract_wallets, siwe
from accounts.models import Wallet
from accounts.tests.people import Browser, browser, sign
from agora.lib.errors import Unavailable

pytestmark = pytest.mark.django_db(transaction=True)  # the chain is asked with no transaction open

# solc 0.8.37, optimizer 1 run, cancun, no metadata:
#
#   contract OwnedWallet {
#       address immutable owner;
#       constructor(address owner_) { owner = owner_; }
#       function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
#           (bytes32 r, bytes32 s) = abi.decode(signature[:64], (bytes32, bytes32));
#           return ecrecover(digest, uint8(signature[64]), r, s) == owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
#       }
#   }
OWNED_WALLET = (
    "60a0604052348015600e575f5ffd5b50604051610295380380610295833981016040819052602b91603b565b6001600160a01b031660"
    "80526066565b5f60208284031215604a575f5ffd5b81516001600160a01b0381168114605f575f5ffd5b9392505050565b6080516102"
    "1861007d5f395f608001526102185ff3fe608060405234801561000f575f5ffd5b5060043610610029575f3560e01c80631626ba7e14"
    "61002d575b5f5ffd5b61004061003b366004610148565b61005d565b6040516001600160e01b03199091168152602001604051809103"
    "90f35b5f808061006d60408286886101bd565b81019061007a91906101e4565b915091507f0000000000000000000000000000000000"
    "0000000000000000000000000000006001600160a01b0316600187878760408181106100be576100be610204565b604080515f815260"
    "2081018083529590955292013560f81c9183019190915250606081018590526080810184905260a00160206040516020810390808403"
    "90855afa15801561010f573d5f5f3e3d5ffd5b505050602060405103516001600160a01b031614610135576001600160e01b03196101"
    "3e565b630b135d3f60e11b5b9695505050505050565b5f5f5f6040848603121561015a575f5ffd5b8335925060208401356001600160"
    "401b03811115610176575f5ffd5b8401601f81018613610186575f5ffd5b80356001600160401b0381111561019b575f5ffd5b866020"
    "8284010111156101ac575f5ffd5b939660209190910195509293505050565b5f5f858511156101cb575f5ffd5b838611156101d7575f"
    "5ffd5b5050820193919092039150565b5f5f604083850312156101f5575f5ffd5b50508035926020909101359150565b634e487b7160"
    "e01b5f52603260045260245ffd"
)
IDENTITY = "0x0000000000000000000000000000000000000004"  # a precompile that answers what it is asked


def rpc(url: str, method: str, *params: object) -> object:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return requests.post(url, json=body, timeout=10).json()["result"]


@pytest.fixture
def owner() -> object:
    return Account.create()


@pytest.fixture
def contract(chain: str, owner: object) -> str:
    payer = rpc(chain, "eth_accounts")[0]  # type: ignore[index]
    code = OWNED_WALLET + owner.address[2:].lower().rjust(64, "0")  # type: ignore[attr-defined]
    transaction = rpc(chain, "eth_sendTransaction", {"from": payer, "data": "0x" + code})
    receipt = None
    while receipt is None:  # the block comes a moment after the transaction
        receipt = rpc(chain, "eth_getTransactionReceipt", transaction)
    return to_checksum_address(receipt["contractAddress"])  # type: ignore[index]


def test_a_contract_wallet_signs_in_by_its_owners_signature(contract: str, owner: object) -> None:
    visitor = browser(owner)  # type: ignore[arg-type]
    text = visitor.challenge(address=contract).json()["text"]
    assert visitor.verify(sign(visitor.wallet, text)).status_code == 200
    assert Wallet.objects.get().address == contract


def test_a_strangers_signature_is_not_the_contracts(contract: str) -> None:
    visitor = browser()
    text = visitor.challenge(address=contract).json()["text"]
    assert visitor.verify(sign(visitor.wallet, text)).json()["code"] == "signature_invalid"
    assert Wallet.objects.count() == 0


def test_a_contract_that_reverts_has_not_agreed(contract: str) -> None:
    visitor = browser()
    visitor.challenge(address=contract)
    assert visitor.verify("0x1234").json()["code"] == "signature_invalid"


def test_a_contract_that_echoes_the_question_has_not_answered_it(chain: str) -> None:
    """The selector is the magic value: an echo begins with it. Only the exact 32 bytes are an answer."""
    visitor = browser()
    text = visitor.challenge(address=IDENTITY).json()["text"]
    assert visitor.verify(sign(visitor.wallet, text)).json()["code"] == "signature_invalid"


def test_a_node_that_is_away_is_no_answer(contract: str, owner: object, settings: object) -> None:
    settings.CHAIN_RPC_URLS = ["http://127.0.0.1:9"]  # type: ignore[attr-defined]
    visitor = Browser(browser().client, owner)  # type: ignore[arg-type]
    text = visitor.challenge(address=contract).json()["text"]
    answer = visitor.verify(sign(visitor.wallet, text))
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "chain_unavailable", "5")


def test_two_nodes_must_agree_where_two_are_configured(
    chain: str, contract: str, owner: object, settings: object
) -> None:
    signature = bytes.fromhex(sign(owner, "text")[2:])  # type: ignore[arg-type]
    asked = {"address": contract, "digest": siwe.digest("text"), "signature": signature}
    settings.CHAIN_RPC_URLS = [chain, "http://127.0.0.1:9"]  # type: ignore[attr-defined]
    with pytest.raises(Unavailable):
        contract_wallets.accepts(**asked)
    settings.CHAIN_RPC_URLS = [chain, "http://127.0.0.1:9", chain]  # type: ignore[attr-defined]
    assert contract_wallets.accepts(**asked) is True


def test_a_node_of_another_chain_is_not_asked(contract: str, owner: object, settings: object) -> None:
    settings.CHAIN_ID = 84532  # type: ignore[attr-defined]
    signature = bytes.fromhex(sign(owner, "text")[2:])  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        contract_wallets.accepts(address=contract, digest=siwe.digest("text"), signature=signature)
