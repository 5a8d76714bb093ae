"""What every view of the API does before and after its own few lines: scope, rate, idempotency, ETag."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import services
from agora.lib import crashpoints, ratelimit
from agora.lib.api import idempotency
from agora.lib.api.parsing import MAX_BYTES, BodyTooLarge
from agora.lib.api.scopes import PUBLIC, Credential, scope_of
from agora.lib.visitors import address_of, network_of

KEPT_HEADERS = ("Location",)


class ApiView(APIView):
    """Declare `scopes`: a scope, ANY_CALLER or PUBLIC for each method; what is not declared is refused."""

    scopes: ClassVar[dict[str, str]] = {}
    idempotent: ClassVar[bool] = True  # whether a POST takes an Idempotency-Key; not where the answer holds a secret
    has_etag: ClassVar[bool] = False  # whether a GET answers If-None-Match
    metadata_class = None  # no OPTIONS

    _claim: services.Claim | None = None
    _left: ratelimit.Left | None = None

    def get_authenticators(self) -> list[Any]:
        method = str(self.request.method) if self.request else ""
        return [] if scope_of(self, method) == PUBLIC else super().get_authenticators()

    def perform_authentication(self, request: Request) -> None:
        """A wrong credential uses up its address's rate: so does guessing."""
        try:
            request.auth  # noqa: B018 - authenticates, without reading the login
        except APIException:
            self._take(request, None)
            raise

    def check_throttles(self, request: Request) -> None:
        self._take(request, request.auth)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and self.idempotent:
            self._start_once(request)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, _AnsweredBefore):
            return _replay(exc.answer)
        try:
            return super().handle_exception(exc)
        except BaseException:
            self._let_go()  # a 500: nothing is known to have happened, and the same key may try again
            raise

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        self._keep(answer)
        if self._left:
            for name, value in self._left.headers().items():
                answer[name] = value
        if "Cache-Control" not in answer:
            answer["Cache-Control"] = "private, no-cache" if self.has_etag else "no-store"
        patch_vary_headers(answer, ["Authorization", "Accept-Language"])
        return self._with_etag(request, answer) if self.has_etag and answer.status_code == 200 else answer

    def idempotency_key(self) -> str:
        """The request's key, "" where it has none. Raises IdempotencyKeyInvalid."""
        return idempotency.read_key(self.request.headers.get(idempotency.HEADER))

    def visitor_rate(self, network: str) -> tuple[str, ratelimit.Rate]:
        """The bucket and rate of a request without a (good) credential."""
        return f"ip:{network}", ratelimit.Rate("address", settings.API_RATE_ANONYMOUS)

    def _take(self, request: Request, credential: Any) -> None:
        if isinstance(credential, Credential):
            quota = credential.requests_per_minute or settings.API_RATE
            name, rate = credential.bucket, ratelimit.Rate("caller", quota)
        else:
            name, rate = self.visitor_rate(network_of(address_of(request._request)))
        self._left = ratelimit.take(name=name, rate=rate, now=timezone.now())
        if self._left.wait:
            raise ratelimit.refusal(self._left)

    def _start_once(self, request: Request) -> None:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BYTES:
            raise BodyTooLarge
        key = self.idempotency_key()
        if not key or not isinstance(request.auth, Credential):
            return
        turn = services.claim_key(
            caller=request.auth.subject,
            method="POST",
            path=request.path,
            key=key,
            fingerprint=idempotency.fingerprint(request._request.body),
            now=timezone.now(),
        )
        if isinstance(turn, services.StoredAnswer):
            raise _AnsweredBefore(turn)
        self._claim = turn

    def _keep(self, answer: Response) -> None:
        if self._claim is None:
            return
        if not 200 <= answer.status_code < 300:
            self._let_go()
            return
        answer.render()
        headers = {name: answer[name] for name in KEPT_HEADERS if name in answer}
        body = answer.content.decode()
        crashpoints.here("api.before_answer")
        services.keep_answer(claim=self._claim, answer=services.StoredAnswer(answer.status_code, body, headers))

    def _let_go(self) -> None:
        if self._claim is not None:
            services.release_key(claim=self._claim)
            self._claim = None

    def _with_etag(self, request: Request, answer: Response) -> Response:
        answer.render()
        etag = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
        answer["ETag"] = etag
        asked = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
        if etag in asked or "*" in asked:
            answer.status_code, answer.content = 304, b""
            del answer["Content-Type"]
        return answer


class _AnsweredBefore(Exception):
    def __init__(self, answer: services.StoredAnswer) -> None:
        self.answer = answer


def _replay(answer: services.StoredAnswer) -> Any:
    response = HttpResponse(answer.body, status=answer.status, content_type="application/json")
    for name, value in {**answer.headers, idempotency.REPLAYED: "true"}.items():
        response[name] = value
    return response
