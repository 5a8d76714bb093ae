"""Staff decide, in Admin: nobody outside is told anything."""

from __future__ import annotations

from accounts.kyc.base import Answer, Applicant, Review


class ManualProvider:
    name = "manual"

    def find(self, external_user_id: str) -> Review | None:
        return Review(external_user_id=external_user_id, applicant_id="", attempt_id="", answer=Answer.PENDING)

    def create(self, applicant: Applicant) -> Review:
        raise AssertionError("nobody is ever unknown here")

    def update(self, applicant: Applicant, *, applicant_id: str) -> None: ...

    def request_check(self, *, applicant_id: str) -> None: ...
