from django.db import models


class CustodyStatus(models.TextChoices):
    PENDING = "PENDING"  # recorded by us; the custodian may or may not know
    SUBMITTED = "SUBMITTED"  # the custodian has it
    COMPLETED = "COMPLETED"  # the custodian confirms that it holds the shares
    FAILED = "FAILED"  # final without effect; staff decide on a new attempt


S = CustodyStatus
MOVES: dict[str, frozenset[str]] = {
    S.PENDING: frozenset({S.SUBMITTED}),
    S.SUBMITTED: frozenset({S.COMPLETED, S.FAILED}),
    S.COMPLETED: frozenset(),
    S.FAILED: frozenset({S.PENDING}),
}
