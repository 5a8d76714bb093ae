"""Named places where a process can be told to kill -9 itself, so that tests can prove what happens there.

`AGORA_CRASH_AT=mint.after_broadcast` dies at the first hit, `mint.after_broadcast:3` at the third. Refused outside the
sandbox (agora.E006), and wherever it names no point of the list below. Unarmed, a call does nothing at all.

What follows the dot says where the process dies: `before_…` the named step has not begun, `after_…` it is done and
nobody knows yet, `in_…` inside its transaction. `make sweep` dies at each of them (docs/recovery.md).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# Each name stands at one place in the code: agora/tests/test_crashpoints.py. The value says what is true there.
POINTS: dict[str, str] = {
    "api.before_answer": "what was asked is done, its answer is neither kept nor given",
    "submit_order.before_lookup": "SUBMITTING once more; the broker was not asked again",
    "submit_order.after_lookup": "the broker does not have it, and will be told anew",
    "submit_order.before_call": "SUBMITTING; the broker knows nothing",
    "submit_order.after_call": "the broker has it; we do not know its id",
    "submit_order.before_refusal": "the broker refused; the order is SUBMITTING",
    "submit_order.after_outcome": "SUBMITTED",
    "cancel_order.before_call": "the wish is kept; the broker was not asked",
    "cancel_order.after_call": "the broker was asked; that is not noted",
    "cancel_order.after_outcome": "noted; what became of the order is not",
    "stream.before_ingest": "a trade update was received and not kept",
    "stream.after_ingest": "a trade update was kept",
    "executions.before_cursor": "the listed executions are kept, the cursor stands before them",
    "custody.after_open": "the claim is PENDING; nobody was asked",
    "custody.before_lookup": "the custodian may know the transfer; it was not asked",
    "custody.after_lookup": "the custodian answered; nothing is noted",
    "custody.before_call": "the intent is kept; the custodian knows nothing",
    "custody.after_call": "the custodian has the transfer; we do not know its id",
    "custody.after_outcome": "what the custodian said is noted",
    "vendor_message.before_save": "a webhook is verified and not kept",
    "vendor_message.after_save": "a webhook is kept and not answered",
    "vendor_message.before_process": "its task runs; nothing was looked up",
    "vendor_message.after_process": "what it is about was looked up; the task is not acknowledged",
    "mint.after_promise": "PENDING, promised within what is held",
    "mint.after_simulate": "SIMULATED; no nonce is taken",
    "mint.before_allocate": "fees and the chain's nonce are read; none is taken",
    "mint.before_sign": "the attempt and its nonce are kept; no signature was asked for",
    "mint.after_request": "the custodian works on the signature",
    "mint.after_sign": "signed; the bytes are not kept",
    "mint.before_broadcast": "SIGNED; nobody has the bytes",
    "mint.after_broadcast": "the chain has the bytes; the mint is SIGNED",
    "mint.after_sent": "SENT",
    "switch.before_sign": "a stop and its nonce are kept; no signature was asked for",
    "switch.after_sign": "a stop is signed; the bytes are not kept",
    "switch.before_broadcast": "a stop's bytes are kept; nobody has them",
    "switch.after_broadcast": "the chain has a stop; it is SIGNED",
    "observe.before_resend": "SENT and without a receipt; not sent again",
    "observe.after_resend": "sent again, the same bytes",
    "observe.before_revert": "mined and reverted; the mint is SENT",
    "watch.before_extend": "blocks and logs are read and not kept",
    "watch.in_extend": "mints are moved in the open transaction, orders are not",
    "watch.after_extend": "CONFIRMED with its block; nothing is settled",
    "watch.before_rewind": "blocks left the chain; ours say otherwise",
    "watch.in_rewind": "mints are back at SENT in the open transaction, the blocks still there",
    "watch.after_rewind": "the reorg is undone",
    "watch.after_settle": "SETTLED; finality was not asked for",
    "watch.after_final": "FINALIZED",
    "attestation.before_save": "a report is signed and not kept",
    "attestation.before_broadcast": "a report is kept; nobody has it",
    "attestation.after_broadcast": "the chain has a report; the mints that wait do not know",
    "attestation.before_resend": "a report has no receipt; it was not sent again",
    "attestation.before_conclude": "a report is mined; that is not noted",
    "attestation.after_conclude": "a report's fate is noted",
    "report.before_save": "a reserve report is drafted and not kept",
    "report.before_signature": "a reserve report is signed, the signature not kept",
    "reconcile.before_save": "the books are compared; the run is not kept",
    "webhook.after_publish": "events are numbered; none is sent",
    "webhook.before_send": "an attempt is begun; nothing was sent",
    "webhook.after_send": "sent; what came of it is not noted",
    "webhook.after_outcome": "noted",
    "kyc.before_create": "who asks is kept; the provider knows nobody",
    "kyc.after_create": "the applicant exists; no check was asked for",
    "kyc.after_request": "a check was asked for; nothing is noted",
    "kyc.after_outcome": "what the provider said is noted",
    "kyc_message.before_save": "a notification is verified and not kept",
    "kyc_message.after_save": "a notification is kept and not answered",
    "kyc_message.after_lookup": "the applicant was read; nothing is noted",
    "deploy.before_broadcast": "a creation is signed and kept; nobody has it",
    "deploy.after_broadcast": "the chain has a creation; it was not waited for",
    "deploy.after_creation": "the contracts exist without roles",
    "deploy.after_round": "some calls were sent; what is missing was not looked at again",
    "deploy.before_register": "the token is set up; no row says so",
    "deploy.after_register": "the token is registered",
}


def arm(crash_at: str) -> None:
    """Die at this point ("name" or "name:hit"); at none with "". Raises ImproperlyConfigured."""
    global here
    here = _pass if not crash_at else _mine(*_read(crash_at))


def _read(crash_at: str) -> tuple[str, int]:
    name, colon, hit = crash_at.partition(":")
    if name not in POINTS:
        raise ImproperlyConfigured(
            f"AGORA_CRASH_AT names {name!r}, which is no crash point. They are: {', '.join(sorted(POINTS))}."
        )
    if colon and (not hit.isascii() or not hit.isdigit() or int(hit) < 1):
        raise ImproperlyConfigured(f"AGORA_CRASH_AT says hit {hit!r} of {name}: give a number from 1, or none.")
    return name, int(hit or 1)


def _pass(name: str) -> None:
    """Unarmed."""


def _mine(armed: str, hits: int) -> Callable[[str], None]:
    left = hits

    def count(name: str) -> None:
        nonlocal left
        if name != armed:
            return
        left -= 1
        if left == 0:
            os.write(2, f"crash point {armed}: SIGKILL at hit {hits}\n".encode())  # unbuffered: there is no later
            os.kill(os.getpid(), signal.SIGKILL)

    return count


here: Callable[[str], None] = _pass
arm(settings.CRASH_AT)
