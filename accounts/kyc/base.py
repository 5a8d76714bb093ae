"""The identity port: what Agora asks of whoever checks that a customer is who they say.

Every method makes at most one HTTP call, with time-outs and no retry of its own, and raises `Rejected`, `Unavailable`
or `Uncertain` (agora.lib.errors). A person is one applicant for good, under our external user id.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol


class Answer(enum.StrEnum):
    """Where a review stands."""

    INIT = "INIT"  # the provider knows the applicant and has not been asked to check them (again)
    PENDING = "PENDING"
    GREEN = "GREEN"
    RED = "RED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """What the provider is told. Never logged."""

    external_user_id: str  # ours
    full_name: str
    email: str
    country: str  # ISO 3166-1 alpha-2
    tax_id: str  # digits

    def __repr__(self) -> str:
        return f"Applicant({self.external_user_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    external_user_id: str
    applicant_id: str  # theirs
    attempt_id: str  # of this try: a new one after each request to check
    answer: Answer
    is_final: bool = False  # RED only: nothing the customer corrects will help
    sentence: str = ""  # RED only: for the customer; the provider's private comments stay there
    labels: tuple[str, ...] = ()  # RED only: for staff


class KycProvider(Protocol):
    name: str

    def find(self, external_user_id: str) -> Review | None:
        """The applicant of that id of ours as they stand now, or None."""

    def create(self, applicant: Applicant) -> Review:
        """A new applicant. One that exists already raises Uncertain: look it up."""

    def update(self, applicant: Applicant, *, applicant_id: str) -> None:
        """Correct what the provider was told."""

    def request_check(self, *, applicant_id: str) -> None:
        """Ask for a check; the answer comes by `find`, sooner or later."""
