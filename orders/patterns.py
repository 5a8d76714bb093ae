"""Who did what a monitoring rule looks for: one query a rule, and one more for the evidence of a new hit.

SQL over the rows of accounts and orders, as the audits have it. Facts are (key, customer_id, window_on, at, ref,
amount); a hit is a key that reached the rule's measure within its span, counted back from a fact and including both
ends. Its window is the calendar day of that fact where the customer lives, so a span may well cross midnight.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.rule_parameters import Pattern
from accounts.selectors import ZONES

SHOWN = 200  # ids of evidence that are kept with a case


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    key: str
    customer_id: UUID
    window_on: date
    at: datetime  # of the fact that made the pattern complete


def find_hits(*, rule_id: int, pattern: Pattern, since: datetime, before: datetime, now: datetime) -> list[Hit]:
    """The first hit of each customer and day from `since` to before `before`, of which there is no case yet."""
    facts = _facts(pattern)
    if pattern.measure == "customers":
        reached = _DISTINCT.format(facts=facts)
    else:
        measure = "sum(amount)" if pattern.measure == "usd" else "count(*)"
        reached = _ROLLING.format(facts=facts, measure=measure)
    params = {**_params(pattern), "rule": rule_id, "since": since, "before": before, "now": now}
    params["earliest"] = since - pattern.span
    with connection.cursor() as cursor:
        cursor.execute(_HITS.format(reached=reached), params)
        return [Hit(key=key, customer_id=who, window_on=day, at=at) for key, who, day, at in cursor.fetchall()]


def read_evidence(*, hit: Hit, pattern: Pattern) -> dict[str, Any]:
    """Ids, counts, sums and times; no name, address or tax id."""
    params = {**_params(pattern), "key": hit.key, "earliest": hit.at - pattern.span, "now": hit.at}
    with connection.cursor() as cursor:
        cursor.execute(_EVIDENCE.format(facts=_facts(pattern)), params)
        rows = cursor.fetchall()
    customers = sorted({str(who) for _, who, _ in rows})
    measured = {
        "orders": len(rows),
        "wallets": len(rows),
        "customers": len(customers),
        "usd": sum((amount for _, _, amount in rows), Decimal(0)),
    }
    return {
        "measure": pattern.measure,
        "measured": str(measured[pattern.measure]),
        "least": str(pattern.least),
        "from": (hit.at - pattern.span).isoformat(),
        "to": hit.at.isoformat(),
        "count": len(rows),
        "sum_usd": str(measured["usd"]),
        _refs(pattern): [ref for ref, _, _ in rows[:SHOWN]],
        "customer_ids": customers[:SHOWN],
    }


# --- Facts -----------------------------------------------------------------------------------------------------------
# Accepted orders, whatever became of them: an attempt counts. The amount is what was taken from the day's limit.
_ORDERS = """
    SELECT u.customer_id::text AS key, u.customer_id, u.day AS window_on, u.at, u.order_id::text AS ref,
        u.amount_usd AS amount
    FROM accounts_limituse u
    WHERE u.kind = 'RESERVE' AND u.at BETWEEN %(earliest)s AND %(now)s
"""
_NEAR_LIMIT = """
    SELECT u.customer_id::text AS key, u.customer_id, u.day AS window_on, u.at, u.order_id::text AS ref,
        u.amount_usd AS amount
    FROM accounts_limituse u JOIN accounts_limitday d ON d.customer_id = u.customer_id AND d.day = u.day
    CROSS JOIN LATERAL (SELECT coalesce(%(threshold)s::numeric, d.limit_usd) AS usd) threshold
    WHERE u.kind = 'RESERVE' AND u.at BETWEEN %(earliest)s AND %(now)s
      AND u.amount_usd BETWEEN threshold.usd * (1 - %(percent)s::numeric / 100) AND threshold.usd
"""
_RECIPIENTS = """
    SELECT o.recipient AS key, u.customer_id, u.day AS window_on, u.at, u.order_id::text AS ref, u.amount_usd AS amount
    FROM accounts_limituse u JOIN orders_order o ON o.id = u.order_id
    WHERE u.kind = 'RESERVE' AND u.at BETWEEN %(earliest)s AND %(now)s
"""
_WALLETS = """
    SELECT f.customer_id::text AS key, f.customer_id,
        (f.created_at AT TIME ZONE coalesce(z.zone, 'UTC'))::date AS window_on, f.created_at AS at, f.id::text AS ref,
        0 AS amount
    FROM accounts_wallet f JOIN accounts_customer c ON c.id = f.customer_id
    LEFT JOIN unnest(%(countries)s::text[], %(zones)s::text[]) AS z(country, zone) ON z.country = c.country
    WHERE f.created_at BETWEEN %(earliest)s AND %(now)s
"""
_IPS = """
    SELECT f.ip_digest AS key, f.customer_id,
        (f.at AT TIME ZONE coalesce(z.zone, 'UTC'))::date AS window_on, f.at, f.id::text AS ref, 0 AS amount
    FROM accounts_consent f JOIN accounts_customer c ON c.id = f.customer_id
    LEFT JOIN unnest(%(countries)s::text[], %(zones)s::text[]) AS z(country, zone) ON z.country = c.country
    WHERE f.ip_digest <> '' AND f.at BETWEEN %(earliest)s AND %(now)s
"""

# --- Hits ------------------------------------------------------------------------------------------------------------
_ROLLING = """
    SELECT key, customer_id, window_on, at, {measure} OVER (
        PARTITION BY key ORDER BY at RANGE BETWEEN %(span)s::interval PRECEDING AND CURRENT ROW
    ) AS reached
    FROM ({facts}) fact
"""
# A customer's day counts once a key, at its first fact, so that one busy customer does not make this slow.
_DISTINCT = """
    WITH days AS MATERIALIZED (
        SELECT key, customer_id, window_on, min(at) AS at FROM ({facts}) fact GROUP BY key, customer_id, window_on
    )
    SELECT last.key, last.customer_id, last.window_on, last.at, count(DISTINCT earlier.customer_id) AS reached
    FROM days last
    JOIN days earlier ON earlier.key = last.key AND earlier.at BETWEEN last.at - %(span)s::interval AND last.at
    GROUP BY last.key, last.customer_id, last.window_on, last.at
"""
_HITS = """
    SELECT DISTINCT ON (hit.customer_id, hit.window_on) hit.key, hit.customer_id, hit.window_on, hit.at
    FROM ({reached}) hit
    WHERE hit.reached >= %(least)s AND hit.at >= %(since)s AND hit.at < %(before)s AND NOT EXISTS (
        SELECT FROM accounts_case c
        WHERE c.rule_id = %(rule)s AND c.customer_id = hit.customer_id AND c.window_on = hit.window_on
    )
    ORDER BY hit.customer_id, hit.window_on, hit.at
"""
_EVIDENCE = """
    SELECT ref, customer_id, amount FROM ({facts}) fact WHERE key = %(key)s ORDER BY at, ref
"""


def _facts(pattern: Pattern) -> str:
    if pattern.measure == "wallets":
        return _WALLETS
    if pattern.measure == "customers":
        return _IPS if pattern.shared == "ip" else _RECIPIENTS
    return _NEAR_LIMIT if pattern.is_near_limit else _ORDERS


def _refs(pattern: Pattern) -> str:
    return {_WALLETS: "wallet_ids", _IPS: "consent_ids"}.get(_facts(pattern), "order_ids")


def _params(pattern: Pattern) -> dict[str, Any]:
    return {
        "span": pattern.span,
        "least": pattern.least,
        "percent": pattern.percent,
        "threshold": pattern.threshold_usd,
        "countries": [str(country) for country in ZONES],
        "zones": [zone.key for zone in ZONES.values()],
    }
