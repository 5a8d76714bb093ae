"""What several nodes' answers come to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from agora.lib.errors import Unavailable

V = TypeVar("V", bound=Hashable)


class NoQuorum(Unavailable):
    """Too few nodes agree: nothing is concluded, and nothing happened."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, vendor_code="NoQuorum")


def agreed(values: Sequence[V], quorum: int) -> V:
    """The one value that a quorum gives. Two that both have one are none: somebody lies, and in company."""
    ranked = Counter(values).most_common(2)
    winners = [value for value, votes in ranked if votes >= quorum]
    if len(winners) != 1:
        raise NoQuorum(f"{len(values)} answers, agreeing {[votes for _, votes in ranked]}; one of {quorum} is needed")
    return winners[0]


def reached(numbers: Iterable[int], quorum: int) -> int:
    """The highest number that a quorum has got to: of heads, of nonces, of final blocks."""
    ranked = sorted(numbers, reverse=True)
    if len(ranked) < quorum:
        raise NoQuorum(f"{len(ranked)} answers; {quorum} are needed")
    return ranked[quorum - 1]
