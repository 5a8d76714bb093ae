from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import views, webhooks
from accounts.views import privacy

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("auth/wallet/challenge", views.wallet_challenge, name="wallet-challenge"),
    path("auth/wallet/verify", views.wallet_verify, name="wallet-verify"),
    path("onboarding/", views.onboarding, name="onboarding"),
    path("onboarding/email/", views.resend_email, name="resend-email"),
    path("confirm-email/<str:token>/", views.confirm_email, name="confirm-email"),
    path("profile/deletion/", privacy.deletion_request, name="deletion-request"),
    path("profile/deletion/withdraw/", privacy.deletion_withdrawal, name="deletion-withdrawal"),
    path("disclosures/<int:disclosure_id>/", views.disclosure, name="disclosure"),
    path("profile/keys/", views.api_keys, name="api-keys"),
    path("profile/keys/<int:token_id>/revoke/", views.revoke_api_key, name="api-key-revoke"),
    path("profile/", views.profile, name="profile"),
    path("webhooks/sumsub", webhooks.sumsub, name="webhook-sumsub"),
]
