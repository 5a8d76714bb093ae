"""The wire of a customer's own account, and of signing in."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.selectors import wallets_of
from agora.lib.api import scopes
from agora.lib.api.fields import Code, MoneyField, QuantityField, Text
from agora.lib.api.serializers import StrictSerializer


class ConnectWalletSerializer(StrictSerializer):
    address = Text(max_length=42, help_text="The wallet's address, in EIP-55 form or in one case.")
    chain_id = serializers.IntegerField(min_value=1, max_value=2**53, help_text="The chain the wallet is on.")


class ChallengeSerializer(serializers.Serializer[Any]):
    challenge = serializers.CharField(help_text="A secret of yours: send it back with the signature.")
    text = serializers.CharField(help_text="EIP-4361. Sign exactly this with `personal_sign` (EIP-191).")
    expires_at = serializers.DateTimeField()


class VerifyWalletSerializer(StrictSerializer):
    challenge = Code(r"^agora_ct_[A-Za-z0-9_-]{43}$", help_text="From `auth/connect-wallet`.")
    signature = Code(
        r"^0x[0-9a-fA-F]*$", max_length=17_000, help_text="Of the text: 65 bytes in hex, or a contract wallet's."
    )
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=scopes.ALL),
        required=False,
        allow_empty=False,
        max_length=len(scopes.ALL),
        help_text="What the session may do; all of it when left out.",
    )


class RefreshSerializer(StrictSerializer):
    refresh_token = Text(max_length=200)


class TokenPairSerializer(serializers.Serializer[Any]):
    token_type = serializers.SerializerMethodField()
    access_token = serializers.CharField(help_text="Send it as `Authorization: Bearer …`.")
    expires_in = serializers.IntegerField(help_text="Seconds.")
    refresh_token = serializers.CharField(help_text="Good for one exchange at `auth/refresh`.")
    refresh_expires_in = serializers.IntegerField(help_text="Seconds until the wallet must sign again.")
    scopes = serializers.ListField(child=serializers.CharField())
    customer_id = serializers.UUIDField()

    def get_token_type(self, pair: Any) -> str:
        return "Bearer"


class JwksSerializer(serializers.Serializer[Any]):
    keys = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))


class DisclosureSerializer(serializers.Serializer[Any]):
    disclosure_id = serializers.IntegerField(source="pk")
    kind = serializers.CharField()
    version = serializers.CharField()
    language = serializers.CharField()
    text = serializers.CharField()
    sha256 = serializers.CharField()


class LanguageSerializer(serializers.Serializer[Any]):
    language = serializers.ChoiceField(choices=["en", "es", "pt-br"], required=False)


class OnboardSerializer(StrictSerializer):
    full_name = Text(max_length=200)
    email = Text(max_length=254)
    country = serializers.ChoiceField(choices=["BR", "PY"])
    tax_id = Text(max_length=20, help_text="CPF (Brazil) or RUC (Paraguay); punctuation is optional.")
    accepted_disclosures = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**53),
        max_length=20,
        help_text="The `disclosure_id` of each text that the customer has read and accepted.",
    )


class CustomerSerializer(serializers.Serializer[Any]):
    customer_id = serializers.UUIDField(source="id")
    country = serializers.CharField()
    kyc_status = serializers.CharField(source="status")
    wallets = serializers.SerializerMethodField(help_text="EIP-55, the first one first.")

    def get_wallets(self, customer: Any) -> list[str]:
        return [wallet.address for wallet in wallets_of(customer=customer)]


class ProfileSerializer(CustomerSerializer):
    """The customer, and how far their application is."""

    is_submitted = serializers.BooleanField(source="onboarding.is_submitted")
    is_email_confirmed = serializers.BooleanField(source="onboarding.is_email_confirmed")
    may_submit = serializers.BooleanField(source="onboarding.may_submit")
    message = serializers.CharField(source="onboarding.sentence", help_text='Why it was rejected; "" if it was not.')


class LimitsSerializer(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="Where the customer lives.")
    daily_limit_usd = MoneyField(source="limit_usd")
    used_usd = MoneyField()
    left_usd = MoneyField()
    resets_at = serializers.DateTimeField()
    portfolio_cap_usd = MoneyField(allow_null=True)
    portfolio_left_usd = MoneyField(allow_null=True)
    min_quantity = QuantityField(help_text="Shares an order.")
