"""Receipts made from plain facts, ways to spoil them, and the page's own judgement by Node."""

from __future__ import annotations

import base64
import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from custody.trails import CustodyTrail
from minting.receipts import build_receipt, check_receipt, read_receipt
from minting.receipts.page import verifier_page
from minting.receipts.reading import Unreadable
from minting.receipts.sealing import seal
from minting.receipts.shape import SECTIONS
from minting.trails import MintTrail
from orders.trails import ExecutionFact, OrderTrail, StatusStep

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ORDER_ID = UUID("01932f6e-1b7a-7c00-8000-0123456789ab")
RECIPIENT = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
WALK = ("PENDING", "SUBMITTING", "SUBMITTED", "PARTIALLY_FILLED", "FILLED")
DONE = (*WALK, "CUSTODY_CONFIRMED", "MINT_CONFIRMED", "SETTLED")

Spoil = Callable[[dict[str, Any]], None]


def order_trail(*, walk: Sequence[str] = DONE, **changes: Any) -> OrderTrail:
    """An order of 1 share that filled in two pieces."""
    ours: dict[str, Any] = {
        "order_id": ORDER_ID,
        "symbol": "AAPL",
        "quantity": Decimal("1.000000000"),
        "recipient": RECIPIENT,
        "client_order_id": "web-1",
        "status": walk[-1],
        "reason": "",
        "created_at": NOON,
        "broker": "alpaca",
        "broker_client_order_id": f"agora-{ORDER_ID.hex}",
        "broker_order_id": "9d7f3ad1-alpaca",
        "broker_status": "filled",
        "filled_quantity": Decimal("1.000000000"),
        "filled_avg_price": Decimal("220.175000000"),
        "statuses": tuple(
            StatusStep(sequence=number, status=status, at=NOON + timedelta(seconds=number))
            for number, status in enumerate(walk, 1)
        ),
        "executions": (fact("e-1", "0.3", "220"), fact("e-2", "0.7", "220.25")),
    }
    return OrderTrail(**{**ours, **changes})


def fact(execution_id: str, quantity: str, price: str, kind: str = "FILL", corrects: str = "") -> ExecutionFact:
    return ExecutionFact(
        execution_id=execution_id,
        kind=kind,
        quantity=Decimal(quantity),
        price_usd=Decimal(price),
        executed_at=NOON + timedelta(milliseconds=1),
        corrects=corrects,
    )


def movement(sequence: int = 1, quantity: str = "1", **changes: Any) -> CustodyTrail:
    ours: dict[str, Any] = {
        "order_id": ORDER_ID,
        "sequence": sequence,
        "custodian": "fireblocks",
        "provider_id": f"tx-{sequence}",
        "external_tx_id": f"agora-custody-{sequence:032x}-1",
        "quantity": Decimal(quantity),
        "status": "COMPLETED",
        "completed_at": NOON + timedelta(seconds=5),
    }
    return CustodyTrail(**{**ours, **changes})


def mint(sequence: int = 1, amount_wei: int = 10**18, **changes: Any) -> MintTrail:
    ours: dict[str, Any] = {
        "order_id": ORDER_ID,
        "sequence": sequence,
        "mint_key": f"alpaca:9d7f3ad1-alpaca:{sequence}",
        "chain_id": 31337,
        "contract": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        "token_symbol": "AAPL-RAT",
        "recipient": RECIPIENT,
        "amount_wei": amount_wei,
        "status": "SETTLED",
        "status_at": NOON + timedelta(seconds=30),
        "tx_hash": "0x" + f"{sequence:064x}",
        "block_number": 7,
        "block_hash": "0x" + "ab" * 32,
        "log_index": sequence,
    }
    return MintTrail(**{**ours, **changes})


def settled() -> dict[str, Any]:
    """Two tranches, both minted and deep."""
    return build_receipt(
        order=order_trail(),
        movements=[movement(1, "0.3"), movement(2, "0.7")],
        mints=[mint(1, 3 * 10**17), mint(2, 7 * 10**17)],
    )


def genuine() -> dict[str, dict[str, Any]]:
    """Honest receipts of orders at every stage, by a name."""
    none: dict[str, Any] = {"filled_quantity": Decimal(0), "filled_avg_price": None, "executions": ()}
    unsent = {"broker_order_id": "", "broker_status": ""}
    part = {
        "filled_quantity": Decimal("0.3"),
        "filled_avg_price": Decimal(220),
        "executions": (fact("e-1", "0.3", "220"),),
    }
    corrected = (fact("e-1", "0.3", "220"), fact("e-2", "0.9", "1"), fact("e-3", "0.7", "220.25", "CORRECT", "e-2"))
    busted = (*corrected, fact("e-4", "0.5", "9"), fact("e-5", "0.5", "9", "BUST", "e-4"))
    waiting = {"status": "SENT", "tx_hash": "", "block_number": None, "block_hash": "", "log_index": None}
    return {
        "pending": build_receipt(order=order_trail(walk=WALK[:1], **none, **unsent), movements=[], mints=[]),
        "submitted": build_receipt(order=order_trail(walk=WALK[:3], **none), movements=[], mints=[]),
        "partially filled": build_receipt(order=order_trail(walk=WALK[:4], **part), movements=[], mints=[]),
        "rejected": build_receipt(order=order_trail(walk=(*WALK[:2], "REJECTED"), **none), movements=[], mints=[]),
        "expired": build_receipt(order=order_trail(walk=(*WALK[:3], "EXPIRED"), **none), movements=[], mints=[]),
        "filled": build_receipt(
            order=order_trail(walk=WALK), movements=[movement(status="SUBMITTED", completed_at=None)], mints=[]
        ),
        "custody failed": build_receipt(
            order=order_trail(walk=WALK), movements=[movement(status="FAILED", completed_at=None)], mints=[]
        ),
        "in custody": build_receipt(order=order_trail(walk=DONE[:6]), movements=[movement()], mints=[mint(**waiting)]),
        "minted": build_receipt(
            order=order_trail(walk=DONE[:7]), movements=[movement()], mints=[mint(status="CONFIRMED")]
        ),
        "settled": settled(),
        "final": build_receipt(order=order_trail(), movements=[movement()], mints=[mint(status="FINALIZED")]),
        "corrected and busted": build_receipt(
            order=order_trail(executions=busted), movements=[movement()], mints=[mint()]
        ),
        "third of a share": build_receipt(
            order=order_trail(
                quantity=Decimal("0.333333333"),
                filled_quantity=Decimal("0.333333333"),
                filled_avg_price=Decimal("100.666666667"),
                executions=(fact('ü≤/\\"é😀', "0.111111111", "100"), fact("e-2", "0.222222222", "101")),
            ),
            movements=[movement(quantity="0.333333333")],
            mints=[mint(amount_wei=333333333 * 10**9)],
        ),
    }


def edit(receipt: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one field changed; `path` is like `order.content.quantity` or `mints.content.mints.0.tx_hash`."""
    spoilt = copy.deepcopy(receipt)
    *parents, last = (int(step) if step.isdecimal() else step for step in path.split("."))
    place: Any = spoilt
    for step in parents:
        place = place[step]
    assert place[last] != value, path
    place[last] = value
    return spoilt


def resealed(receipt: dict[str, Any]) -> dict[str, Any]:
    """With new hashes: a forger who knows how."""
    return seal({name: receipt[name]["content"] for name in SECTIONS})


def judged(raw: bytes) -> tuple[str, tuple[tuple[str, bool], ...]]:
    """Our own judgement: ok, refuted or unreadable, and each check."""
    try:
        checks = check_receipt(read_receipt(raw))
    except Unreadable:
        return "unreadable", ()
    results = tuple((check.code, check.holds) for check in checks)
    return ("ok" if all(holds for _, holds in results) else "refuted"), results


def judged_by_page(documents: Sequence[bytes]) -> list[tuple[str, tuple[tuple[str, bool], ...]]]:
    """The same, by the page's script in Node, for many at once."""
    verdicts = run_page_script(
        "lines.map((line) => AgoraReceipt.check(new Uint8Array(Buffer.from(line, 'base64'))))",
        [base64.b64encode(document).decode() for document in documents],
    )
    return [
        (verdict["outcome"], tuple((check["code"], check["holds"]) for check in verdict["checks"]))
        for verdict in verdicts
    ]


def run_page_script(expression: str, lines: Sequence[str]) -> Any:
    """What an expression over `lines` comes to after the page's script, in Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node on the PATH")
    script = re.findall(r"<script>(.*?)</script>", verifier_page().decode(), re.DOTALL)[0]
    read = "const lines = require('fs').readFileSync(0, 'utf8').split('\\n');"
    program = f"{script}\n{read}\nprocess.stdout.write(JSON.stringify({expression}));"
    done = subprocess.run([node, "-e", program], input="\n".join(lines), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
