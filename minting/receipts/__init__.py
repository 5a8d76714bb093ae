"""Receipts of one order: made, read and checked without a model, a setting or a connection (docs/receipts.md)."""

from minting.receipts.building import build_receipt
from minting.receipts.checks import Check, check_receipt
from minting.receipts.onchain import check_on_chain
from minting.receipts.page import verifier_page, verifier_policy
from minting.receipts.reading import MAX_BYTES, Unreadable, read_receipt
from minting.receipts.sealing import receipt_bytes

__all__ = [
    "MAX_BYTES",
    "Check",
    "Unreadable",
    "build_receipt",
    "check_on_chain",
    "check_receipt",
    "read_receipt",
    "receipt_bytes",
    "verifier_page",
    "verifier_policy",
]
