"""Two verifiers, ours and the page's, and receipts that are honest, spoilt or hostile."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import Any

import pytest

from minting.receipts import MAX_BYTES, build_receipt, read_receipt, receipt_bytes, verifier_page, verifier_policy
from minting.receipts.checks import units
from minting.receipts.reading import Unreadable
from minting.receipts.sealing import canonical
from minting.receipts.shape import PATTERNS, SHAPE
from minting.tests.receipts import (
    edit,
    genuine,
    judged,
    judged_by_page,
    mint,
    movement,
    order_trail,
    resealed,
    run_page_script,
    settled,
)

OTHER_HASH = "0x" + "cd" * 32
OTHER_ADDRESS = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"

# path, value, and the check that refutes it when the forger makes new hashes; "" where only the chain could tell
TAMPERED = [
    ("order.content.id", "01932f6e-1b7a-7c00-8000-0123456789ac", "client_order_id"),
    ("order.content.asset", "TSLA", ""),
    ("order.content.quantity", "0.9", "executions"),
    ("order.content.recipient", OTHER_ADDRESS, "mint_recipients"),
    ("order.content.status", "MINT_CONFIRMED", "status"),
    ("order.content.statuses.0.status", "SUBMITTING", "statuses"),
    ("order.content.statuses.3.sequence", 5, "statuses"),
    ("order.content.statuses.2.at", "2026-11-20T12:00:00.000001Z", ""),
    ("broker.content.client_order_id", "agora-" + "0" * 32, "client_order_id"),
    ("broker.content.order_id", "another", "mint_keys"),
    ("broker.content.order_id", None, "mint_keys"),
    ("broker.content.filled_quantity", "0.99", "executions"),
    ("broker.content.filled_avg_price_usd", "220.17", "average_price"),
    ("broker.content.filled_avg_price_usd", None, "average_price"),
    ("broker.content.executions.0.quantity", "0.300000001", "executions"),
    ("broker.content.executions.0.price_usd", "219", "average_price"),
    ("broker.content.executions.1.execution_id", "e-1", "executions"),
    ("broker.content.executions.1.kind", "BUST", "executions"),
    ("broker.content.executions.1.executed_at", "2027-01-01T00:00:00.000000Z", "as_of"),
    ("custody.content.movements.0.quantity", "0.4", "custody"),
    ("custody.content.movements.0.quantity", "0", "custody"),
    ("custody.content.movements.0.sequence", 3, "custody"),
    ("custody.content.movements.0.status", "SUBMITTED", "custody"),
    ("custody.content.movements.0.transaction_id", None, "custody"),
    ("custody.content.movements.1.transaction_id", "tx-1", "custody"),
    ("custody.content.movements.0.external_tx_id", f"agora-custody-{2:032x}-1", "custody"),
    ("custody.content.movements.1.completed_at", None, "custody"),
    ("mints.content.mints.0.mint_key", "alpaca:9d7f3ad1-alpaca:2", "mint_keys"),
    ("mints.content.mints.0.sequence", 2, "mint_amounts"),
    ("mints.content.mints.0.amount_wei", "300000000000000001", "mint_amounts"),
    ("mints.content.mints.1.amount_wei", "7", "mint_amounts"),
    ("mints.content.mints.0.recipient", OTHER_ADDRESS, "mint_recipients"),
    ("mints.content.mints.0.recipient", "0x" + "0" * 40, "mint_recipients"),
    ("mints.content.mints.0.status", "SENT", "mint_places"),
    ("mints.content.mints.0.status", "CONFIRMED", "status"),
    ("mints.content.mints.0.log_index", None, "mint_places"),
    ("mints.content.mints.0.log_index", 2, "mint_places"),
    ("mints.content.mints.0.status_at", "2026-12-01T00:00:00.000000Z", "as_of"),
    ("mints.content.mints.0.contract", OTHER_ADDRESS, ""),
    ("mints.content.mints.0.tx_hash", OTHER_HASH, ""),
    ("mints.content.mints.0.block_hash", OTHER_HASH, ""),
    ("mints.content.mints.0.block_number", 8, ""),
    ("summary.content.as_of", "2026-11-20T12:00:29.000000Z", "as_of"),
    ("summary.content.complete", False, "missing"),
    ("summary.content.missing", ["mint"], "missing"),
]

DEEP_LIST = b'{"format":' + b"[" * 100_000
HUGE_NUMBER = b'{"version":' + b"9" * 900_000 + b"}"
GOOD = receipt_bytes(settled())
HOSTILE = {
    "nothing": b"",
    "no JSON": b"hello",
    "cut off": GOOD[:-40],
    "more after it": GOOD + b"{}",
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "not UTF-8": GOOD.replace(b"AAPL", b"AA\xff\xfe", 1),
    "too long": GOOD + b" " * MAX_BYTES,
    "nested too deeply": DEEP_LIST,
    "nested, closed": b"[" * 5_000 + b"]" * 5_000,
    "a string without an end": b'{"format": "' + b'\\"' * 400_000,
    "NaN": GOOD.replace(b'"version": 1', b'"version": NaN'),
    "infinity": GOOD.replace(b'"version": 1', b'"version": -Infinity'),
    "a float": GOOD.replace(b'"version": 1', b'"version": 1.0'),
    "an exponent": GOOD.replace(b'"version": 1', b'"version": 1e0'),
    "minus zero": GOOD.replace(b'"log_index": 1', b'"log_index": -0'),
    "a number beyond 2**53": GOOD.replace(b'"block_number": 7', b'"block_number": 9007199254740992'),
    "a number of a million digits": HUGE_NUMBER,
    "a leading zero": GOOD.replace(b'"version": 1', b'"version": 01'),
    "a member twice": GOOD.replace(b'"version": 1', b'"version": 1, "version": 1'),
    "a member twice, escaped": GOOD.replace(b'"version": 1', b'"version": 1, "v\\u0065rsion": 1'),
    "another version": GOOD.replace(b'"version": 1', b'"version": 2'),
    "another format": GOOD.replace(b'"agora-receipt"', b'"agora-receipts"'),
    "true for one": GOOD.replace(b'"version": 1', b'"version": true'),
    "text for one": GOOD.replace(b'"version": 1', b'"version": "1"'),
    "an unknown member": GOOD.replace(b'"version": 1', b'"version": 1, "__proto__": {}'),
    "a list for all": b"[" + GOOD + b"]",
    "null for all": b"null",
    "a lone surrogate": GOOD.replace(b'"AAPL"', b'"\\ud800"'),
    "a control character": GOOD.replace(b'"AAPL"', b'"A\\u0007"'),
    "a raw line break": GOOD.replace(b'"AAPL"', b'"A\nB"'),
    "a line break at the end of a hash": GOOD.replace(b'abab",', b'abab\\n",', 1),
    "an escape that is none": GOOD.replace(b'"AAPL"', b'"\\x41"'),
    "a quantity with zeros behind": GOOD.replace(b'"quantity": "0.3"', b'"quantity": "0.30"'),
    "ten decimals": GOOD.replace(b'"quantity": "0.3"', b'"quantity": "0.3000000001"'),
    "Arabic digits": GOOD.replace(b'"quantity": "0.3"', '"quantity": "٣"'.encode()),
    "a negative quantity": GOOD.replace(b'"quantity": "0.3"', b'"quantity": "-0.3"'),
    "no wei": GOOD.replace(b'"700000000000000000"', b'"0"'),
    "a single quote": GOOD.replace(b'"version"', b"'version'"),
    "a trailing comma": GOOD.replace(b'"version": 1,', b'"version": 1,,'),
}


@pytest.mark.parametrize("name", sorted(genuine()))
def test_an_honest_receipt_passes_whatever_the_orders_stage(name: str) -> None:
    receipt = genuine()[name]

    assert judged(receipt_bytes(receipt))[0] == "ok"
    summary = receipt["summary"]["content"]
    assert summary["complete"] == (name in ("settled", "final", "corrected and busted", "third of a share"))


def test_an_unfinished_receipt_says_what_is_missing() -> None:
    missing = {name: receipt["summary"]["content"]["missing"] for name, receipt in genuine().items()}

    later = ["custody", "mint", "settlement"]
    assert missing["pending"] == ["broker_order", "execution", *later]
    assert missing["submitted"] == missing["rejected"] == missing["expired"] == ["execution", *later]
    assert missing["partially filled"] == ["more_executions", *later]
    assert missing["filled"] == missing["custody failed"] == later
    assert missing["in custody"] == ["mint", "settlement"]
    assert missing["minted"] == ["settlement"]
    assert missing["settled"] == []


def test_the_same_facts_give_the_same_receipt() -> None:
    assert receipt_bytes(settled()) == receipt_bytes(settled())
    assert settled()["digest"] == "2fb86c50c12c9eb32f13daf548f0597a27fbbe130207944b7b6a12787fdbe438"


def test_each_section_covers_the_ones_before() -> None:
    before, after = settled(), resealed(edit(settled(), "order.content.asset", "TSLA"))

    sections = ("order", "broker", "custody", "mints", "summary")
    assert all(before[name]["sha256"] != after[name]["sha256"] for name in sections)
    assert before["digest"] != after["digest"]


def test_the_hash_is_of_canonical_bytes_as_the_documents_say() -> None:
    receipt = settled()
    covered = canonical({"content": receipt["order"]["content"], "name": "order", "previous": "agora-receipt/1"})

    assert covered.startswith(b'{"content":{"asset":"AAPL","id":"01932f6e-')
    assert hashlib.sha256(covered).hexdigest() == receipt["order"]["sha256"]


@pytest.mark.parametrize(("path", "value", "code"), TAMPERED)
def test_one_changed_field_is_refuted_by_its_sections_hash(path: str, value: Any, code: str) -> None:
    outcome, checks = judged(receipt_bytes(edit(settled(), path, value)))

    assert outcome == "refuted"
    changed = path.partition(".")[0]
    assert [one for one, holds in checks if not holds and one.startswith("hash.")] == [f"hash.{changed}"]


@pytest.mark.parametrize(("path", "value", "code"), TAMPERED)
def test_one_changed_field_under_new_hashes_is_refuted_by_what_it_contradicts(path: str, value: Any, code: str) -> None:
    outcome, checks = judged(receipt_bytes(resealed(edit(settled(), path, value))))

    assert outcome == ("refuted" if code else "ok")
    assert (code, False) in checks or not code


@pytest.mark.parametrize("path", ["digest", "order.sha256", "summary.sha256"])
def test_a_changed_hash_is_refuted(path: str) -> None:
    assert judged(receipt_bytes(edit(settled(), path, "0" * 64)))[0] == "refuted"


def test_more_in_custody_than_a_bust_left_is_refuted_not_hidden() -> None:
    left = order_trail().executions[:1]
    busted = order_trail(filled_quantity=Decimal("0.3"), filled_avg_price=Decimal(220), executions=left)

    checks = judged(receipt_bytes(build_receipt(order=busted, movements=[movement()], mints=[mint()])))[1]

    assert [code for code, holds in checks if not holds] == ["custody"]


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_what_is_no_receipt_is_said_to_be_none(name: str) -> None:
    assert HOSTILE[name] != GOOD
    with pytest.raises(Unreadable) as problem:
        read_receipt(HOSTILE[name])

    assert 5 < len(str(problem.value)) < 200


def test_the_page_and_the_command_judge_alike() -> None:
    documents = [receipt_bytes(receipt) for receipt in genuine().values()]
    for path, value, _ in TAMPERED:
        spoilt = edit(settled(), path, value)
        documents += [receipt_bytes(spoilt), receipt_bytes(resealed(spoilt)), canonical(resealed(spoilt))]
    documents += HOSTILE.values()

    ours = [judged(document) for document in documents]

    assert judged_by_page(documents) == ours
    assert {outcome for outcome, _ in ours} == {"ok", "refuted", "unreadable"}


def test_the_page_knows_the_form_that_we_know() -> None:
    assert run_page_script("[AgoraReceipt.PATTERNS, AgoraReceipt.SHAPE, AgoraReceipt.MAX_BYTES]", []) == [
        PATTERNS,
        SHAPE,
        MAX_BYTES,
    ]


def test_the_pages_own_sha256_is_sha256() -> None:
    texts = ["a" * length for length in range(140)] + ["é" * 1000]

    assert run_page_script("lines.map(AgoraReceipt.sha256)", texts) == [
        hashlib.sha256(text.encode()).hexdigest() for text in texts
    ]


def test_the_page_has_each_text_in_each_language() -> None:
    codes = [code for code, _ in judged(GOOD)[1]]
    texts = run_page_script("TEXTS", [])

    english = texts["en"]
    assert set(texts) == {"en", "pt-BR", "es"}
    assert list(english["check"]) == codes
    assert set(english["missing"]) == set(PATTERNS["missing"].split("|"))
    for language in texts.values():
        assert language.keys() == english.keys()
        for group in ("check", "missing", "why"):
            assert language[group].keys() == english[group].keys()
    used = set(re.findall(r'data-text="(\w+)"', verifier_page().decode()))
    assert used <= english.keys()


def test_the_page_may_do_nothing_but_run_its_own_script() -> None:
    page = verifier_page().decode()
    policy = verifier_policy()

    in_file = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert [f"{in_file[0]}; frame-ancestors 'none'"] == [policy]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"""\s(on\w+|style)=|https?://|src=|@import|\beval\(|\bfetch\(|innerHTML""", page)


def test_units_are_exact() -> None:
    assert [units(text) for text in ("0", "0.25", "1", "220.175", "0.000000001")] == [
        *(0, 250_000_000, 1_000_000_000, 220_175_000_000, 1)
    ]


def test_a_download_says_what_the_receipt_says() -> None:
    assert read_receipt(GOOD) == settled() == json.loads(GOOD)
