"""A vendor's wish to be left alone is believed within reason, however it is written."""

from __future__ import annotations

import pytest

from agora.lib.retry_after import LONGEST, seconds

NOW = 1_800_000_000.0
RESET = "X-RateLimit-Reset"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "1"}, 1.0),
        ({"Retry-After": "2.5"}, 2.5),
        ({"Retry-After": "86400"}, LONGEST),
        ({"Retry-After": "1e15"}, LONGEST),
        ({"Retry-After": "9" * 400}, LONGEST),
        ({"Retry-After": "inf"}, LONGEST),
        ({"Retry-After": "-inf"}, 0.0),
        ({"Retry-After": "-5"}, 0.0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30.0),
        ({"Retry-After": "Fri, 15 Jan 2021 08:00:30 GMT"}, 0.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"}, LONGEST),
        ({"Retry-After": "Fri, 99 Jan 2027 08:00:30 GMT"}, None),
        ({RESET: f"{NOW + 12:.0f}"}, 12.0),
        ({RESET: f"{(NOW + 12) * 1000:.0f}"}, LONGEST),  # in milliseconds
        ({RESET: "later"}, None),
        ({"Retry-After": "soon", RESET: f"{NOW + 12:.0f}"}, 12.0),
    ],
)
def test_the_wait_is_bounded_and_never_an_exception(headers: dict[str, str], expected: float | None) -> None:
    assert seconds(headers, now=NOW, reset=RESET) == expected
