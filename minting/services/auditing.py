"""MVP-010's gate: nothing unaudited goes to a public chain. AUDIT.md is the register of sign-offs.

A sign-off is a row of a table whose header names `contract`, `code hash`, `auditor` and `signed off on`. It counts when
the hash is that of the code at hand (immutables zeroed: the same for every asset), the auditor is named and the date is
one that has come. Anything else, such as "pending", is no sign-off.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

from minting.chains import artifact
from minting.errors import NotAudited

COLUMNS = ("contract", "code hash", "auditor", "signed off on")
NOBODY = {"", "-", "—", "none", "pending", "open"}


def check_audited(*, contracts: Sequence[str], audit_file: Path) -> None:
    """Raise NotAudited unless each contract's code as committed has been signed off."""
    text = audit_file.read_text(encoding="utf-8") if audit_file.exists() else ""
    signed = set(_signed_off(text))
    for contract in contracts:
        code_hash = artifact.load(contract).template_hash
        if (contract, code_hash) not in signed:
            raise NotAudited(f"{audit_file} has no signed-off row for {contract} with the code hash {code_hash}.")


def _signed_off(text: str) -> Iterator[tuple[str, str]]:
    """(contract, code hash) of each row that counts."""
    header: list[str] = []
    for line in text.splitlines():
        if not line.lstrip().startswith("|"):
            header = []
            continue
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        if not header:
            header = [cell.lower() for cell in cells]
        elif set(COLUMNS) <= set(header) and len(cells) == len(header):
            row = dict(zip(header, cells, strict=True))
            if row["auditor"].lower() not in NOBODY and _is_past_date(row["signed off on"]):
                yield row["contract"], row["code hash"].lower()


def _is_past_date(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text) <= dt.datetime.now(dt.UTC).date()
    except ValueError:
        return False
