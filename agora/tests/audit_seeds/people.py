"""Customers, their limits, consents and farewells."""

from __future__ import annotations

from agora.tests.audit_seeds.sql import CONSTRAINTS, FIRST, unannounced


def _deletion_step(sequence: int, before: str, after: str, more: str = "") -> list[str]:
    """One more event of each deletion request, and the row at it."""
    return [
        "INSERT INTO accounts_deletionevent (request_id, sequence, from_status, to_status, actor, reason, data, at)"
        f" SELECT id, {sequence}, '{before}', '{after}', 'test', '', '{{}}', now() FROM accounts_deletionrequest",
        f"UPDATE accounts_deletionrequest SET status = '{after}', version = {sequence} {more}",
    ]


_LEAVER = "(SELECT customer_id FROM accounts_deletionrequest)"


DELETION_ASKED = [
    "INSERT INTO accounts_deletionrequest"
    " (id, version, attempts, created_at, updated_at, customer_id, status, reason, sentence)"
    " SELECT id, 1, 0, now(), now(), id, 'REQUESTED', '', '' FROM accounts_customer ORDER BY id LIMIT 1",
    *_deletion_step(1, "", "REQUESTED"),
]


DELETION_DONE = [
    *DELETION_ASKED,
    *_deletion_step(2, "REQUESTED", "CLOSED", ", erase_after = now() + interval '1 year'"),
]


ACCOUNT_CLOSED = [
    *DELETION_DONE,
    "INSERT INTO accounts_customerevent (customer_id, sequence, from_status, to_status, actor, reason, data, at)"
    " SELECT id, version + 1, status, 'CLOSED', 'test', '', '{}', now()"
    f" FROM accounts_customer WHERE id IN {_LEAVER}",
    f"UPDATE accounts_customer SET status = 'CLOSED', version = version + 1 WHERE id IN {_LEAVER}",
    "INSERT INTO accounts_publicevent (event_id, type, customer_id, subject_kind, subject_id, sequence, data, at)"
    " SELECT gen_random_uuid(), 'customer.closed', id, 'customer', id, version, '{}', now()"
    f" FROM accounts_customer WHERE id IN {_LEAVER}",
    "UPDATE accounts_user u SET is_active = false, username = 'closed-' || replace(c.id::text, '-', '')"
    f" FROM accounts_customer c WHERE c.user_id = u.id AND c.id IN {_LEAVER}",
    "DELETE FROM accounts_apitoken",
    f"DELETE FROM accounts_wallet WHERE customer_id IN {_LEAVER}",
]


SEEDS: dict[str, tuple[str, list[str]]] = {
    "a customer's event is gone": (
        "accounts_customer: events are gapless and joined",
        ["DELETE FROM accounts_customerevent WHERE sequence = 1", unannounced("customer", "sequence = 1")],
    ),
    "a customer went by a way that does not exist": (
        "accounts_customer: every event is a legal move",
        [
            "UPDATE accounts_customerevent SET to_status = 'REJECTED' WHERE sequence = 1",
            "UPDATE accounts_customerevent SET from_status = 'REJECTED' WHERE sequence = 2",
        ],
    ),
    "a customer's status is not their last event's": (
        "accounts_customer: the status is the last event's",
        ["UPDATE accounts_customer SET status = 'PENDING'"],
    ),
    "a deletion request went by a way that does not exist": (
        "accounts_deletionrequest: every event is a legal move",
        [
            *DELETION_ASKED,
            *_deletion_step(2, "REQUESTED", "WITHDRAWN"),
            *_deletion_step(3, "WITHDRAWN", "REQUESTED"),
        ],
    ),
    "a deletion request's event is gone": (
        "accounts_deletionrequest: events are gapless and joined",
        [
            *DELETION_ASKED,
            *_deletion_step(2, "REQUESTED", "WITHDRAWN"),
            "DELETE FROM accounts_deletionevent WHERE sequence = 1",
        ],
    ),
    "a deletion request's status is not its last event's": (
        "accounts_deletionrequest: the status is the last event's",
        [*DELETION_ASKED, "UPDATE accounts_deletionrequest SET status = 'REFUSED'"],
    ),
    "a deletion is done and the account open": (
        "a closed account has a done deletion request, and the other way round",
        DELETION_DONE,
    ),
    "an account is closed and nobody asked": (
        "a closed account has a done deletion request, and the other way round",
        [*ACCOUNT_CLOSED, "DELETE FROM accounts_deletionevent", "DELETE FROM accounts_deletionrequest"],
    ),
    "a closed account still signs in": (
        "of a closed account no contact, login, token or wallet is left",
        [*ACCOUNT_CLOSED, "UPDATE accounts_user SET is_active = true"],
    ),
    "an identity is kept for too long": (
        "of an erased account no name and no tax id is left, and none is kept longer than the law wants",
        [*ACCOUNT_CLOSED, "UPDATE accounts_deletionrequest SET erase_after = now() - interval '4 days'"],
    ),
    "an erased account has a name": (
        "of an erased account no name and no tax id is left, and none is kept longer than the law wants",
        [*ACCOUNT_CLOSED, *_deletion_step(3, "CLOSED", "ERASED")],
    ),
    "a day's sum is off": (
        "a day's limit is the sum of its uses",
        ["UPDATE accounts_limitday SET used_usd = used_usd - 0.01"],
    ),
    "a part of a limit counts again that was never taken": (
        "a part of a limit is given back or counted again only after it was taken, and in the same amount",
        ["UPDATE accounts_limituse SET kind = 'REINSTATE'"],
    ),
    "a consent is to another text": (
        "each consent is to a text that still reads as it did",
        [
            "INSERT INTO accounts_consent (customer_id, disclosure_id, sha256, ip_digest, at)"
            " SELECT c.id, d.id, repeat('0', 64), '', now() FROM accounts_customer c, accounts_disclosure d LIMIT 1"
        ],
    ),
    "a text was edited": (
        "each consent is to a text that still reads as it did",
        [
            "INSERT INTO accounts_consent (customer_id, disclosure_id, sha256, ip_digest, at)"
            " SELECT c.id, d.id, d.sha256, '', now() FROM accounts_customer c, accounts_disclosure d LIMIT 1",
            "UPDATE accounts_disclosure SET text = text || '!'",
        ],
    ),
    "a provider approved somebody who told us nothing": (
        "who is approved has told us who they are and agreed, or was approved by staff",
        ["UPDATE accounts_customer SET kyc_decided_attempt = 'x'"],
    ),
    "a decision of staff was never written down": (
        "each decision of staff about a customer has its audit entry",
        ["UPDATE accounts_customerevent SET at = at - interval '1 second' WHERE actor LIKE 'staff:%'"],
    ),
    "one person alone let go on what was stopped": (
        "what stopped more than one order went on by two people, or was taken back by its owner a moment later",
        [
            "INSERT INTO accounts_hold (id, subject, owner, reason, placed_at, released_at, released_by) VALUES"
            " (gen_random_uuid(), 'minting', 'staff:1', 'x', now() - interval '1 hour', now(), 'staff:1')"
        ],
    ),
}

SEEDS_OF_SEVERAL: dict[str, tuple[set[str], list[str]]] = {
    "a day is used beyond its limit": (
        {"no day is used beyond its limit, but for fills that crossed a cancel", CONSTRAINTS},
        [
            "ALTER TABLE accounts_limitday DROP CONSTRAINT limit_day_within",
            "UPDATE accounts_limitday SET limit_usd = 1",
        ],
    ),
    "a tax id stands in plain text": (
        {"no tax id stands in plain text beside its sealed form", CONSTRAINTS},
        [
            "ALTER TABLE accounts_customer DROP CONSTRAINT customer_tax_id_sealed",
            f"UPDATE accounts_customer SET tax_id_sealed = '52998224725' WHERE id = {FIRST}".format(
                "accounts_customer"
            ),
        ],
    ),
}
