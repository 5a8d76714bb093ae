"""What is happening to an order, in a sentence its customer can read, in their language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from accounts.selectors import ActiveHold, active_holds
from orders.models import Order
from orders.selectors import RESERVE_HOLD, hold_subjects, order_facts, step_of
from orders.states import OPEN
from orders.states import OrderStatus as S

LATE_AFTER = timedelta(seconds=45)  # a step that takes longer deserves a word; most take seconds


def explain(*, order: Order, now: datetime) -> str:
    subjects = hold_subjects(facts=order_facts(order_id=order.pk), step=step_of(status=order.status))
    return explain_held(order=order, holds=active_holds(subjects=subjects, now=now), now=now)


def explain_held(*, order: Order, holds: Sequence[ActiveHold], now: datetime) -> str:
    """With what holds it; none holds an order that was accepted a moment ago."""
    if holds and all(hold.owner == RESERVE_HOLD for hold in holds):
        return gettext("The custodian holds your shares. Your tokens wait for the next reserve report.")
    if holds:
        return gettext("We have paused this order to check it. Nothing is lost; our staff know of it.")
    if order.cancel_requested_at and order.status in OPEN:
        sentence = _REFUSED if order.cancel_refusal else _CANCELLING
        return gettext(sentence).format(reason=order.cancel_refusal)
    is_late = now - order.updated_at > LATE_AFTER
    sentence = (_LATE.get(S(order.status)) if is_late else None) or _SENTENCES[S(order.status)]
    return gettext(sentence).format(reason=order.reason).strip()


_CANCELLING = _(
    "You have cancelled this order. We are waiting for the broker's word; what it fills before that is yours."
)
_REFUSED = _("The broker did not cancel it: {reason}")
_SENTENCES = {
    S.PENDING: _("We have your order and are about to send it to the broker."),
    S.SUBMITTING: _("We are sending your order to the broker."),
    S.SUBMITTED: _("The broker has your order and will fill it while the market is open."),
    S.PARTIALLY_FILLED: _("The broker has filled a part of your order."),
    S.FILLED: _("The broker has bought your shares. We are waiting for the custodian to confirm that it holds them."),
    S.CUSTODY_CONFIRMED: _("The custodian holds your shares. Your tokens are being minted."),
    S.MINT_CONFIRMED: _("Your tokens are in your wallet."),
    S.SETTLED: _("Your tokens are in your wallet, and settled."),
    S.REJECTED: _("The broker rejected your order: {reason}"),
    S.CANCELLED: _("Your order was cancelled before anything was bought. {reason}"),
    S.EXPIRED: _("Your order expired before anything was bought. {reason}"),
}
_LATE = {
    S.PENDING: _("This takes longer than usual. Your order is kept and will be sent; you need not do anything."),
    S.SUBMITTING: _(
        "The broker has not answered yet. We ask whether it has your order before anything is sent again, so nothing "
        "is bought twice."
    ),
    S.FILLED: _(
        "The broker has bought your shares. The custodian takes longer than usual to confirm; we keep asking, and "
        "nothing is lost."
    ),
    S.CUSTODY_CONFIRMED: _(
        "The custodian holds your shares. The network takes longer than usual; your tokens will be minted once, and "
        "nothing is lost."
    ),
}
