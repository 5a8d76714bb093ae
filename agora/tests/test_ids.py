"""The ids we make: RFC 9562's version 7, in the order in which they were made."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from agora.lib import ids


def test_ids_of_one_moment_stand_in_the_order_in_which_they_were_made() -> None:
    made = [ids.new_id() for _ in range(50_000)]
    assert made == sorted(set(made))


def test_threads_share_the_order_and_never_an_id() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = [one for batch in threads.map(lambda _: [ids.new_id() for _ in range(2_000)], range(8)) for one in batch]
    assert len(set(made)) == 16_000


def test_an_id_says_its_version_and_its_millisecond() -> None:
    before, made, after = time.time_ns(), ids.new_id(), time.time_ns()
    assert made.version == 7
    assert made.variant == UUID(int=0x2 << 62).variant
    assert before // 1_000_000 <= made.int >> 80 <= after // 1_000_000 + 1
