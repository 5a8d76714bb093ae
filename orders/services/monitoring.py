"""Judging customers by the monitoring rules: a loop of the follower, and `manage.py monitor` after a long stop."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.caseload import RuleInForce, rules_in_force
from accounts.errors import RuleInvalid
from accounts.rule_parameters import parse
from accounts.services import open_case
from agora.lib import log
from orders.patterns import find_hits, read_evidence

logger = log.get(__name__)

LOOK_BACK = timedelta(days=2)  # what committed late, or came while nobody looked, is found within it


def evaluate_rules(*, now: datetime, look_back: timedelta = LOOK_BACK) -> int:
    """Open a case for every hit of the last while that has none; how many. Safe to repeat, and to run twice at once.

    Each fact is judged by the version that was in force at its time, whenever it is looked at.
    """
    return sum(_evaluate(rule, now=now, after=now - look_back) for rule in rules_in_force(after=now - look_back))


def _evaluate(rule: RuleInForce, *, now: datetime, after: datetime) -> int:
    try:
        pattern = parse(kind=rule.kind, parameters=rule.parameters)
    except RuleInvalid as problem:  # written past our services: one bad row must not stop the others
        logger.error("monitoring rule unreadable", rule=rule.code, version=rule.version, problem=problem.detail)
        return 0
    since = max(rule.since, after)
    before = rule.until or now + timedelta(microseconds=1)
    opened = 0
    for hit in find_hits(rule_id=rule.rule_id, pattern=pattern, since=since, before=before, now=now):
        case = open_case(
            rule_id=rule.rule_id,
            customer_id=hit.customer_id,
            window_on=hit.window_on,
            evidence=read_evidence(hit=hit, pattern=pattern),
            now=now,
        )
        opened += case is not None
    return opened
