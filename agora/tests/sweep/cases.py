"""Which process dies where, doing what: every point of agora/lib/crashpoints.py, once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from agora.lib.crashpoints import POINTS
from agora.tests.sweep.engine import Case, Process
from agora.tests.sweep.other_works import Checking, Deploying, Reconciling, Reporting, Stopping
from agora.tests.sweep.works import (
    Buying,
    BuyingAmidReorgs,
    BuyingAnnounced,
    BuyingDeafly,
    BuyingOnce,
    BuyingRefused,
    BuyingReverted,
    BuyingSlowlySigned,
    BuyingToTheEnd,
    BuyingUnheard,
    BuyingUnmined,
    Cancelling,
    Work,
)
from agora.tests.sweep.yard import Yard

# By the effect; what a point has of its own stands below.
USUAL: dict[str, tuple[Process, Callable[[Yard], Work]]] = {
    "api": ("web", BuyingOnce),
    "submit_order": ("worker", Buying),
    "cancel_order": ("worker", Cancelling),
    "stream": ("follower", Buying),
    "executions": ("follower", BuyingDeafly),
    "custody": ("worker", Buying),
    "vendor_message": ("worker", Buying),
    "mint": ("worker", Buying),
    "observe": ("worker", BuyingUnmined),
    "watch": ("follower", Buying),
    "attestation": ("either", Buying),
    "report": ("follower", Reporting),
    "reconcile": ("worker", Reconciling),
    "webhook": ("follower", BuyingAnnounced),
    "kyc": ("worker", Checking),
    "kyc_message": ("worker", Checking),
    "deploy": ("command", Deploying),
    "switch": ("worker", Stopping),
}
OWN: dict[str, tuple[Process, Callable[[Yard], Work]]] = {
    "submit_order.before_lookup": ("worker", BuyingUnheard),
    "submit_order.after_lookup": ("worker", BuyingUnheard),
    "submit_order.before_refusal": ("worker", BuyingRefused),
    "vendor_message.before_save": ("web", Buying),
    "vendor_message.after_save": ("web", Buying),
    "mint.after_request": ("worker", BuyingSlowlySigned),
    "observe.before_revert": ("worker", BuyingReverted),
    "watch.before_rewind": ("follower", BuyingAmidReorgs),
    "watch.in_rewind": ("follower", BuyingAmidReorgs),
    "watch.after_rewind": ("follower", BuyingAmidReorgs),
    "watch.after_final": ("follower", BuyingToTheEnd),
    "attestation.before_resend": ("either", BuyingUnmined),
    "kyc_message.before_save": ("web", Checking),
    "kyc_message.after_save": ("web", Checking),
}


def all_cases() -> list[Case]:
    return [Case(point, *OWN.get(point, USUAL[point.partition(".")[0]])) for point in POINTS]


def grouped(cases: list[Case]) -> list[list[Case]]:
    """By kind of work: those may die one after the other and complete together.

    But each of the web server's alone: what is open would kill the next before it is ready.
    """
    order = sorted(cases, key=lambda case: (case.work.__name__, case.point if case.process == "web" else ""))
    by_work = groupby(order, key=lambda case: (case.work, case.point if case.process == "web" else ""))
    return [list(group) for _, group in by_work]
