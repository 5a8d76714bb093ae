"""What staff may do, on one page: group → permissions, as strings. Nobody has one that is not here.

A change takes a migration that calls `sync_groups` anew (as accounts/migrations/0013_console_groups.py does);
`manage.py register_rules` brings any installation to what stands here.
"""

from __future__ import annotations


def _view(app: str, *models: str) -> tuple[str, ...]:
    return tuple(f"{app}.view_{model}" for model in models)


_LOOP = (
    *_view("accounts", "hold", "tier", "disclosure"),
    *_view("orders", "asset", "order", "orderevent", "orderclosing", "fill", "brokermessage"),
    *_view("orders", "assetprice", "marketclock", "fxrate", "feedhealth"),
    *_view("custody", "vaultaccount", "custodyrecord", "custodyevent", "vendormessage"),
    *_view("minting", "tokenswitch", "tokenswitchevent"),
    *_view("minting", "token", "minttx", "mintevent", "txattempt", "block", "reorg", "foreignmint"),
    *_view("minting", "rpcnode", "foreignnonce"),
    *_view("reserves", "reserveattestation", "attestationoutcome"),
    *_view("reserves", "reconciliationrun", "break", "breaknote", "reservereport", "reserveline"),
)
_PEOPLE = (
    *_view("accounts", "customer", "customerevent", "wallet", "consent", "limituse"),
    *_view("accounts", "deletionrequest", "deletionevent", "dataexport"),
)
_CASES = _view("accounts", "case", "caseevent", "monitoringrule")
_PROPOSALS = _view("accounts", "proposal", "proposaldecision", "proposalexecution")
_QUEUE = _view("django_q", "schedule", "failure", "ormq")

ROLES: dict[str, tuple[str, ...]] = {
    # the loop, nobody's name
    "viewer": _LOOP,
    # people: who they are, whether they may trade, how much
    "compliance": (
        *(*_LOOP, *_PEOPLE, *_CASES, *_PROPOSALS),
        *("accounts.investigate_case", "accounts.tune_monitoringrule"),
        *("accounts.decide_customer", "accounts.reveal_customer", "accounts.retier_customer"),
        *("accounts.decide_proposal", "accounts.decide_deletionrequest"),
        *("accounts.place_hold", "accounts.release_hold", "orders.hold_order"),
        *("minting.stop_token", "minting.start_token"),
        *("reserves.propose_reservereport", "reserves.approve_reservereport", "reserves.publish_reservereport"),
        *("reserves.attend_break", "reserves.resolve_break", "reserves.ask_reconciliationrun"),
    ),
    # the loop, with hands
    "operations": (
        *(*_LOOP, *_QUEUE),
        *_view("accounts", "apitoken"),
        *("accounts.revoke_apitoken", "accounts.place_hold", "accounts.release_hold"),
        *("orders.look_up_order", "orders.hold_order", "orders.cancel_order", "orders.settle_order"),
        *("custody.look_up_custodyrecord", "custody.retry_custodyrecord", "custody.close_custodyrecord"),
        *("minting.nudge_minttx", "minting.close_minttx", "minting.stop_token", "minting.start_token"),
        *("reserves.propose_reservereport", "reserves.publish_reservereport"),
        *("reserves.attend_break", "reserves.ask_reconciliationrun"),
    ),
    # everything there is to read, masked, and the audit log; no act
    "auditor": (
        *(*_LOOP, *_PEOPLE, *_CASES, *_PROPOSALS, *_QUEUE),
        *_view("accounts", "apitoken", "user", "auditentry", "auditseal"),
        *_view("auth", "group"),
    ),
}
