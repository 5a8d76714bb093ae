from django.urls import path

from accounts.api import events, views, webhooks

ENDPOINT = "webhook-endpoints/<uuid:endpoint_id>"

urlpatterns = [
    path("me", views.MeView.as_view(), name="api-me"),
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
