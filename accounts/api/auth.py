"""`/api/v1/auth/…`: a wallet's signature for a pair of tokens, and their exchange."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors, services
from accounts.api.base import ApiView
from accounts.api.serializers import (
    ChallengeSerializer,
    ConnectWalletSerializer,
    JwksSerializer,
    RefreshSerializer,
    TokenPairSerializer,
    VerifyWalletSerializer,
)
from agora.lib import ratelimit
from agora.lib.api import jwt, scopes
from agora.lib.api.schema import operation
from agora.lib.visitors import origin_of

TAG = "Signing in"


class SignInView(ApiView):
    """Public; bound by a rate of its own. Answers hold secrets, so no answer is kept for an Idempotency-Key."""

    scopes: ClassVar = {"POST": scopes.PUBLIC}
    idempotent = False

    def visitor_rate(self, network: str) -> tuple[str, ratelimit.Rate]:
        return selectors.sign_in_rate(network=network)

    def read(self, request: Request, serializer_class: Any) -> dict[str, Any]:
        serializer = serializer_class(data=request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class ConnectWalletView(SignInView):
    @operation(
        id="connect_wallet",
        summary="Ask for a text to sign",
        tag=TAG,
        description="The first step: the text is good for five minutes and for one try. Keep `challenge` to yourself.",
        request=ConnectWalletSerializer,
        responses=ChallengeSerializer,
        problems=["wallet_checksum_invalid", "chain_not_supported"],
        example={"address": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "chain_id": 31337},
    )
    def post(self, request: Request) -> Response:
        asked, now = self.read(request, ConnectWalletSerializer), timezone.now()
        # The challenge takes the place of a browser's session key: the text can be redeemed by whoever holds it.
        challenge = f"agora_ct_{secrets.token_urlsafe(32)}"
        text = services.issue_challenge(
            address=asked["address"],
            chain_id=asked["chain_id"],
            origin=origin_of(request._request),
            session_key=challenge,
            user=None,
            now=now,
        )
        answer = {"challenge": challenge, "text": text, "expires_at": now + services.CHALLENGE_GOOD_FOR}
        return Response(ChallengeSerializer(answer).data)


class VerifyWalletView(SignInView):
    @operation(
        id="verify_wallet",
        summary="Send the signature, get tokens",
        tag=TAG,
        description="A wallet that nobody has opens a new account. The access token is good for ten minutes.",
        request=VerifyWalletSerializer,
        responses=TokenPairSerializer,
        problems=[
            *("challenge_unknown", "challenge_used", "challenge_expired", "signature_invalid"),
            *("wallet_taken", "login_disabled", "not_a_customer", "chain_unavailable"),
        ],
    )
    def post(self, request: Request) -> Response:
        asked, now = self.read(request, VerifyWalletSerializer), timezone.now()
        signed_in = services.redeem_challenge(
            signature=asked["signature"], session_key=asked["challenge"], user=None, now=now
        )
        wanted = asked.get("scopes", scopes.ALL)
        pair = services.open_session(user=signed_in.user, address=signed_in.address, wanted=wanted, now=now)
        return Response(TokenPairSerializer(pair).data)


class RefreshView(SignInView):
    @operation(
        id="refresh_tokens",
        summary="Exchange a refresh token",
        tag=TAG,
        description="Each is good once. One that comes twice ends the session: two hold it.",
        request=RefreshSerializer,
        responses=TokenPairSerializer,
        problems=["refresh_token_invalid", "refresh_token_reused"],
    )
    def post(self, request: Request) -> Response:
        asked = self.read(request, RefreshSerializer)
        pair = services.refresh_session(refresh_token=asked["refresh_token"], now=timezone.now())
        return Response(TokenPairSerializer(pair).data)


class RevokeView(SignInView):
    @operation(
        id="revoke_tokens",
        summary="End a session",
        tag=TAG,
        description="By any refresh token of it. Unknown ones are answered alike. An access token lives on until it "
        "expires, ten minutes at most.",
        request=RefreshSerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        asked = self.read(request, RefreshSerializer)
        services.end_session(refresh_token=asked["refresh_token"], now=timezone.now())
        return Response(status=204)


class JwksView(ApiView):
    scopes: ClassVar = {"GET": scopes.PUBLIC}

    @operation(
        id="read_keys",
        summary="The public keys of access tokens",
        tag=TAG,
        description="RFC 7517. Several while keys are being exchanged.",
        responses=JwksSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(jwt.jwks(selectors.signing_keys()))
