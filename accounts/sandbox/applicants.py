"""Applicants and their reviews, as Sumsub keeps and shows them.

https://docs.sumsub.com/reference/create-applicants · …/get-applicant-data-via-externaluserid
https://docs.sumsub.com/reference/request-applicant-check · …/set-review-for-applicant-on-sandbox
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from datetime import UTC, datetime
from typing import Any

from accounts.sandbox.store import Store


class ApiError(Exception):
    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"description": description, "code": status, "correlationId": secrets.token_hex(16)}


def create(store: Store, *, level: str, body: dict[str, Any]) -> dict[str, Any]:
    if level not in store.settings["levels"]:
        raise ApiError(404, f"Level '{level}' not found")
    external = body.get("externalUserId")
    if not isinstance(external, str) or not external:
        raise ApiError(400, "externalUserId is required")
    known = store.one("SELECT id FROM applicants WHERE external_user_id = ?", external)
    if known:
        raise ApiError(409, f"Applicant with external user id '{external}' already exists: {known['id']}")
    applicant_id = secrets.token_hex(12)
    store.run(
        "INSERT INTO applicants VALUES (?, ?, ?, ?, 'init', NULL, ?, 1, ?, NULL)",
        *(applicant_id, external, level, json.dumps(body), secrets.token_hex(3), time.time()),
    )
    store.log("applicant_created", applicant_id=applicant_id, external_user_id=external)
    row = by_id(store, applicant_id)
    notify(store, "applicantCreated", row)
    return render(row)


def by_key(store: Store, key: str) -> sqlite3.Row:
    """By Sumsub's id, or by `-;externalUserId=…`."""
    external = key.removeprefix("-;externalUserId=")
    column, value = ("id", key) if external == key else ("external_user_id", external)
    row = store.one(f"SELECT * FROM applicants WHERE {column} = ?", value)  # noqa: S608  our own constant
    if row is None:
        raise ApiError(404, "Applicant not found")
    return row


def by_id(store: Store, applicant_id: str) -> sqlite3.Row:
    return by_key(store, applicant_id)


def change_fixed_info(store: Store, applicant_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    body = json.loads(by_id(store, applicant_id)["body"])
    body["fixedInfo"] = body.get("fixedInfo", {}) | {
        name: value for name, value in changes.items() if value is not None
    }
    store.run("UPDATE applicants SET body = ? WHERE id = ?", json.dumps(body), applicant_id)
    store.log("fixed_info_changed", applicant_id=applicant_id)
    return dict(body["fixedInfo"])


def request_check(store: Store, applicant_id: str) -> None:
    row = by_id(store, applicant_id)
    if row["review_status"] in ("pending", "queued", "prechecked"):
        raise ApiError(409, "Applicant is already being checked")
    result = json.loads(row["review_result"] or "{}")
    if result.get("reviewRejectType") == "FINAL":
        raise ApiError(409, "Applicant has received a FINAL rejection")
    again = row["review_status"] == "completed"
    due = time.time() + store.settings["review_seconds"] if store.settings["answer"] else None
    store.run(
        "UPDATE applicants SET review_status = 'pending', review_result = NULL, attempt_id = ?, attempt = ?, "
        "due_at = ? WHERE id = ?",
        *(secrets.token_hex(3) if again else row["attempt_id"], row["attempt"] + again, due, applicant_id),
    )
    store.log("check_requested", applicant_id=applicant_id)
    notify(store, "applicantPending", by_id(store, applicant_id))


def complete(store: Store, applicant_id: str, result: dict[str, Any]) -> None:
    if result.get("reviewAnswer") not in ("GREEN", "RED"):
        raise ApiError(400, "reviewAnswer is GREEN or RED")
    store.run(
        "UPDATE applicants SET review_status = 'completed', review_result = ?, due_at = NULL WHERE id = ?",
        *(json.dumps(result), applicant_id),
    )
    store.log("reviewed", applicant_id=applicant_id, answer=result["reviewAnswer"])
    notify(store, "applicantReviewed", by_id(store, applicant_id))


def complete_due(store: Store) -> None:
    for row in store.all("SELECT id FROM applicants WHERE due_at <= ?", time.time()):
        complete(store, row["id"], store.settings["answer"] or {"reviewAnswer": "GREEN"})


def render(row: sqlite3.Row) -> dict[str, Any]:
    body = json.loads(row["body"])
    review: dict[str, Any] = {
        "reviewId": row["id"][:5],
        "attemptId": row["attempt_id"],
        "attemptCnt": row["attempt"],
        "levelName": row["level"],
        "reviewStatus": row["review_status"],
    }
    if row["review_result"]:
        review["reviewResult"] = json.loads(row["review_result"])
    return {
        "id": row["id"],
        "createdAt": datetime.fromtimestamp(row["created_at"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "clientId": "agora",
        "inspectionId": row["id"][::-1],
        "externalUserId": row["external_user_id"],
        "fixedInfo": body.get("fixedInfo", {}),
        "email": body.get("email", ""),
        "review": review,
        "type": "individual",
    }


def notify(store: Store, kind: str, row: sqlite3.Row) -> None:
    """https://docs.sumsub.com/docs/user-verification-webhooks"""
    if not store.settings["webhook_url"]:
        return
    event: dict[str, Any] = {
        "applicantId": row["id"],
        "inspectionId": row["id"][::-1],
        "correlationId": secrets.token_hex(16),
        "levelName": row["level"],
        "externalUserId": row["external_user_id"],
        "type": kind,
        "sandboxMode": True,
        "reviewStatus": row["review_status"],
        "createdAtMs": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
    }
    if row["review_result"]:
        event["reviewResult"] = json.loads(row["review_result"])
    store.run("INSERT INTO webhooks (body, next_at) VALUES (?, ?)", json.dumps(event).encode(), time.time())
