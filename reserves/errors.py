from agora.lib.errors import AgoraError


class ReportUnknown(AgoraError):
    code = "reserve_report_unknown"
    status = 404
    title = "There is no such reserve report"


class ReportRefused(AgoraError):
    """It is not at that step, or its time is over."""

    code = "reserve_report_refused"
    status = 409
    title = "This cannot be done with this reserve report"


class SecondPersonNeeded(AgoraError):
    code = "second_person_needed"
    status = 403
    title = "A second person is needed"


class SecondFactorNeeded(AgoraError):
    code = "second_factor_needed"
    status = 403
    title = "A fresh second factor is needed"


class ProofUnknown(AgoraError):
    code = "inclusion_proof_unknown"
    status = 404
    title = "This address is not in the last reserve report"


class BreakRefused(AgoraError):
    code = "break_refused"
    status = 409
    title = "This cannot be done with this difference"
