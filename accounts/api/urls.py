from django.urls import path

from accounts.api import auth, views

urlpatterns = [
    path("auth/connect-wallet", auth.ConnectWalletView.as_view(), name="api-connect-wallet"),
    path("auth/connect-wallet/verify", auth.VerifyWalletView.as_view(), name="api-verify-wallet"),
    path("auth/refresh", auth.RefreshView.as_view(), name="api-refresh"),
    path("auth/revoke", auth.RevokeView.as_view(), name="api-revoke"),
    path("auth/jwks", auth.JwksView.as_view(), name="api-jwks"),
    path("disclosures", views.DisclosuresView.as_view(), name="api-disclosures"),
    path("limits", views.LimitsView.as_view(), name="api-limits"),
    path("me", views.MeView.as_view(), name="api-me"),
    path("users/me", views.ProfileView.as_view(), name="api-profile"),
    path("users/onboard", views.OnboardView.as_view(), name="api-onboard"),
]
