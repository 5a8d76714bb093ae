"""Pages, API, console, webhooks."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from agora.lib.api.views import api_not_found

API: list[URLPattern | URLResolver] = [
    path("", include("accounts.api.urls")),
    path("", include("orders.api.urls")),
    path("", include("custody.api.urls")),
    path("", include("minting.api.urls")),
    path("", include("reserves.api.urls")),
    path("", api_not_found, {"rest": ""}),
    path("<path:rest>", api_not_found),
]

handler500 = "agora.lib.api.views.server_error"

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("orders.urls")),
    path("", include("custody.urls")),
    path("", include("minting.urls")),
    path("", include("reserves.urls")),
    path("api/v1/", include(API)),
    path("admin/", admin.site.urls),
]
