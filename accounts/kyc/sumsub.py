"""Sumsub over HTTP.

Requests: https://docs.sumsub.com/reference/authentication (HMAC-SHA256 over timestamp, method, path and body)
Applicants: https://docs.sumsub.com/reference/create-applicant, …/get-applicant-data-via-externaluserid,
…/request-applicant-check, …/change-provided-info-fixedinfo · Errors: https://docs.sumsub.com/reference/review-api-health
Webhooks: https://docs.sumsub.com/docs/user-verification-webhooks (digest over the raw body)
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests

from accounts.kyc.base import Answer, Applicant, Review
from agora.lib.errors import Rejected, Unavailable, Uncertain, VendorError
from agora.lib.http import guarded_session

ALPHA3 = {"BR": "BRA", "PY": "PRY"}
DIGESTS = {"HMAC_SHA256_HEX": hashlib.sha256, "HMAC_SHA512_HEX": hashlib.sha512}  # SHA-1 is offered; not taken


class WebhookInvalid(Exception):
    """The digest does not cover these bytes, or the body is not an event. Nothing in it may be believed."""


class SumsubProvider:
    name = "sumsub"

    def __init__(self, *, url: str, app_token: str, secret_key: str, level: str) -> None:
        self._url, self._app_token, self._secret, self._level = url.rstrip("/"), app_token, secret_key.encode(), level
        self._session = guarded_session(vendor="identity")

    def find(self, external_user_id: str) -> Review | None:
        try:
            answer = self._call("GET", f"/resources/applicants/-;externalUserId={quote(external_user_id, safe='')}/one")
        except Rejected as refusal:
            if refusal.vendor_code == "404":
                return None
            raise
        review = _review(answer)
        if review.external_user_id != external_user_id:
            raise Unavailable(f"Sumsub answered about another applicant than {external_user_id}")
        return review

    def create(self, applicant: Applicant) -> Review:
        body = {
            "externalUserId": applicant.external_user_id,
            "email": applicant.email,
            "fixedInfo": _fixed_info(applicant),
        }
        return _review(self._call("POST", f"/resources/applicants?levelName={quote(self._level, safe='')}", body))

    def update(self, applicant: Applicant, *, applicant_id: str) -> None:
        self._call("PATCH", f"/resources/applicants/{applicant_id}/fixedInfo", _fixed_info(applicant))

    def request_check(self, *, applicant_id: str) -> None:
        self._call("POST", f"/resources/applicants/{applicant_id}/status/pending")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        content = json.dumps(body).encode() if body is not None else b""
        moment = str(int(time.time()))
        signature = hmac.new(self._secret, moment.encode() + method.encode() + path.encode() + content, hashlib.sha256)
        headers = {
            "X-App-Token": self._app_token,
            "X-App-Access-Ts": moment,
            "X-App-Access-Sig": signature.hexdigest(),
            "Content-Type": "application/json",
        }
        try:
            response = self._session.request(method, self._url + path, data=content, headers=headers)
        except requests.ConnectTimeout as problem:
            raise Unavailable(f"Sumsub could not be reached: {type(problem).__name__}") from problem
        except requests.RequestException as problem:  # not its text: it may repeat what we sent
            raise _doubt(method, f"Sumsub did not answer: {type(problem).__name__}") from problem
        return _understood(method, response)


class SumsubWebhook:
    def __init__(self, *, secret: str) -> None:
        self._secret = secret.encode()

    def verify(self, *, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """(event type, external user id) of a notification that Sumsub signed. Raises WebhookInvalid."""
        algorithm = DIGESTS.get(headers.get("X-Payload-Digest-Alg", ""))
        if not self._secret or algorithm is None:
            raise WebhookInvalid("no secret, or no digest algorithm that we take")
        expected = hmac.new(self._secret, body, algorithm).hexdigest()
        if not hmac.compare_digest(expected.encode(), headers.get("X-Payload-Digest", "").encode()):
            raise WebhookInvalid("the digest is not this body's")
        try:
            event = json.loads(body)
            return str(event["type"]), str(event.get("externalUserId", ""))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise WebhookInvalid("the body is not an event") from problem


def _understood(method: str, response: requests.Response) -> dict[str, Any]:
    status = response.status_code
    try:
        body = response.json()
    except requests.JSONDecodeError:
        body = None
    if 200 <= status < 300 and isinstance(body, dict):
        return body
    ours = isinstance(body, dict) and "description" in body
    detail = f"HTTP {status}: {body['description'] if ours else 'without Sumsub words'}"[:500]
    if status in (401, 403, 429):  # our key or clock, or too fast: no effect there
        raise Unavailable(detail, vendor_code=str(status))
    if status == 409 and "already exists" in detail:
        raise Uncertain(detail, vendor_code="409")
    if not 400 <= status < 500 or status == 408 or not ours:
        raise _doubt(method, detail)
    raise Rejected(detail, vendor_code=str(status))


def _doubt(method: str, detail: str) -> VendorError:
    """A read has no effect to be uncertain about."""
    return Unavailable(detail) if method == "GET" else Uncertain(detail)


def _review(body: dict[str, Any]) -> Review:
    """Of an applicant's JSON only what decides is kept: the rest is personal data that we hold already."""
    try:
        review = body.get("review") or {}
        result = review.get("reviewResult") or {}
        status = str(review.get("reviewStatus", "init"))
        answer = _answer(status, str(result.get("reviewAnswer", "")))
        is_red = answer == Answer.RED
        return Review(
            external_user_id=str(body["externalUserId"]),
            applicant_id=str(body["id"]),
            attempt_id=str(review.get("attemptId", "")),
            answer=answer,
            is_final=is_red and result.get("reviewRejectType") != "RETRY",
            sentence=str(result.get("moderationComment", ""))[:1000] if is_red else "",
            labels=tuple(str(label) for label in result.get("rejectLabels") or ()) if is_red else (),
        )
    except (KeyError, AttributeError, TypeError) as problem:
        raise Unavailable(f"Sumsub's answer is not an applicant: {type(problem).__name__}") from problem


def _answer(status: str, answer: str) -> Answer:
    if status == "completed" and answer in ("GREEN", "RED"):
        return Answer(answer)
    return Answer.INIT if status == "init" else Answer.PENDING  # and whatever word comes to be one day


def _fixed_info(applicant: Applicant) -> dict[str, str]:
    first, _, last = applicant.full_name.partition(" ")
    return {
        "firstName": first,
        "lastName": last,
        "country": ALPHA3[applicant.country],
        "taxResidenceCountry": ALPHA3[applicant.country],
        "tin": applicant.tax_id,
    }
