"""`/api/v1/users/…`, `/api/v1/limits`, `/api/v1/disclosures`: the customer behind the credential."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors, services
from accounts.api.base import ApiView
from accounts.api.serializers import (
    CustomerSerializer,
    DisclosureSerializer,
    LanguageSerializer,
    LimitsSerializer,
    OnboardSerializer,
    ProfileSerializer,
)
from accounts.errors import NoTier
from accounts.selectors import customer_of
from agora.lib.api.catalogue import language_of
from agora.lib.api.envelope import listed
from agora.lib.api.schema import operation
from agora.lib.api.scopes import PUBLIC
from agora.lib.visitors import address_of

TAG = "Customers"


class MeView(ApiView):
    """The older, shorter form of `/users/me`; kept for those who use it."""

    scopes: ClassVar = {"GET": "profile:read"}

    @operation(id="read_me", summary="The customer", tag=TAG, responses=CustomerSerializer, problems=["not_a_customer"])
    def get(self, request: Request) -> Response:
        return Response(CustomerSerializer(customer_of(user=request.user)).data)


class ProfileView(ApiView):
    scopes: ClassVar = {"GET": "profile:read"}

    @operation(
        id="read_profile",
        summary="The customer, their wallets and how far their application is",
        tag=TAG,
        responses=ProfileSerializer,
        problems=["not_a_customer"],
    )
    def get(self, request: Request) -> Response:
        return Response(_profile(customer_of(user=request.user)))


class OnboardView(ApiView):
    scopes: ClassVar = {"POST": "profile:write"}

    @operation(
        id="onboard",
        summary="Send the customer's application",
        tag=TAG,
        description="The identity check begins once the link in the e-mail has been opened and its button pressed. "
        "After a RETRY the corrected application is sent here again.",
        request=OnboardSerializer,
        responses={202: ProfileSerializer},
        problems=[
            *("not_a_customer", "kyc_not_open", "profile_invalid", "tax_id_invalid", "tax_id_taken"),
            "consent_missing",
        ],
        example={
            "full_name": "Ana Souza",
            "email": "ana@example.com",
            "country": "BR",
            "tax_id": "529.982.247-25",
            "accepted_disclosures": [1, 2],
        },
    )
    def post(self, request: Request) -> Response:
        serializer = OnboardSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        customer = services.submit_profile(
            customer=customer_of(user=request.user),
            full_name=asked["full_name"],
            email=asked["email"],
            country=asked["country"],
            tax_id=asked["tax_id"],
            accepted=asked["accepted_disclosures"],
            ip=address_of(request._request),
            now=timezone.now(),
        )
        return Response(_profile(customer), status=202)


class LimitsView(ApiView):
    scopes: ClassVar = {"GET": "profile:read"}

    @operation(
        id="read_limits",
        summary="What the customer may still buy today",
        tag=TAG,
        responses=LimitsSerializer,
        problems=["not_a_customer", "no_tier"],
    )
    def get(self, request: Request) -> Response:
        left = selectors.limit_left(customer=customer_of(user=request.user), now=timezone.now())
        if left is None:
            raise NoTier("Finish your registration first, or write to support.")
        return Response(LimitsSerializer(left).data)


class DisclosuresView(ApiView):
    scopes: ClassVar = {"GET": PUBLIC}

    @operation(
        id="list_disclosures",
        summary="The texts that a customer must read and accept",
        tag=TAG,
        description="In the language of `Accept-Language`, or of `?language=`.",
        responses=listed(DisclosureSerializer),
        parameters=[OpenApiParameter("language", str, enum=["en", "es", "pt-br"])],
        problems=["invalid_request"],
    )
    def get(self, request: Request) -> Response:
        asked = LanguageSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        language = asked.validated_data.get("language") or language_of(request._request)
        texts = selectors.current_disclosures(language=language)
        return Response({"results": DisclosureSerializer(texts, many=True).data})


def _profile(customer: Any) -> Any:
    customer.onboarding = selectors.onboarding_of(customer=customer)
    return ProfileSerializer(customer).data
