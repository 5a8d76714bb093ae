from django.urls import path

from accounts.api import auth, events, views, webhooks

ENDPOINT = "webhook-endpoints/<uuid:endpoint_id>"

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
    path("events", events.EventsView.as_view(), name="api-events"),
    path("events/<uuid:event_id>", events.EventView.as_view(), name="api-event"),
    path("webhook-endpoints", webhooks.WebhookEndpointsView.as_view(), name="api-webhook-endpoints"),
    path(ENDPOINT, webhooks.WebhookEndpointView.as_view(), name="api-webhook-endpoint"),
    path(f"{ENDPOINT}/rotate-secret", webhooks.RotateSecretView.as_view(), name="api-webhook-rotate"),
    path(f"{ENDPOINT}/test", webhooks.FireTestView.as_view(), name="api-webhook-test"),
    path(f"{ENDPOINT}/replay", webhooks.ReplayEventView.as_view(), name="api-webhook-replay"),
    path(f"{ENDPOINT}/deliveries", webhooks.DeliveriesView.as_view(), name="api-webhook-deliveries"),
    path(
        f"{ENDPOINT}/deliveries/<uuid:delivery_id>/replay",
        webhooks.ReplayDeliveryView.as_view(),
        name="api-webhook-delivery-replay",
    ),
]
