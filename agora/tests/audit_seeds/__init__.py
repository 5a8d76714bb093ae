"""Violations to sow: for each, the invariant that must speak, and the statements that break it.

`SEEDS` break one invariant alone. `SEEDS_OF_SEVERAL` cannot: the others that the same rows violate are named too.
"""

from __future__ import annotations

from agora.tests.audit_seeds import cases, custody, minting, notifying, orders, people, reserves, staff

SUBJECTS = (people, notifying, cases, staff, orders, custody, minting, reserves)

SEEDS: dict[str, tuple[str, list[str]]] = {}
SEEDS_OF_SEVERAL: dict[str, tuple[set[str], list[str]]] = {}
for _subject in SUBJECTS:
    assert not SEEDS.keys() & _subject.SEEDS.keys()
    SEEDS |= _subject.SEEDS
    SEEDS_OF_SEVERAL |= _subject.SEEDS_OF_SEVERAL
