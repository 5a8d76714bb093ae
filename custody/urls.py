from django.urls import path

from custody import webhooks

urlpatterns = [path("webhooks/fireblocks", webhooks.fireblocks, name="webhook-fireblocks")]
