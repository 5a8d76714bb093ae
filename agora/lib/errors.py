"""What can go wrong: with a request of ours (AgoraError), and with a call to a vendor (VendorError)."""

from __future__ import annotations


class AgoraError(Exception):
    """A refusal that its reader can act on. Subclasses set the stable `code`, the `status` and the `title`."""

    code = "error"
    status = 400
    title = "The request was refused"
    retry_after: int | None = None  # seconds, where the same request may succeed later

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title


class VendorError(Exception):
    """A call to a vendor did not give the answer we wanted. `detail` keeps the vendor's own words."""

    def __init__(self, detail: str, *, vendor_code: str = "", retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.vendor_code = vendor_code
        self.retry_after = retry_after


class Rejected(VendorError):
    """Final: the vendor understood and refused, and nothing happened there. Never retried as it is."""


class Unavailable(VendorError):
    """Nothing happened there, for certain (connection refused, 429, …). The same call may be made again."""


class Uncertain(VendorError):
    """We do not know whether it happened (time-out, 5xx, garbled answer). Look it up by our id before anything else."""
