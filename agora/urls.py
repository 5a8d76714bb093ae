"""Pages, API, console, webhooks."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from agora import views
from agora.lib.api.reference import openapi, reference
from agora.lib.api.views import api_not_found, problem_page, problems

API: list[URLPattern | URLResolver] = [
    path("", include("accounts.api.urls")),
    path("", include("orders.api.urls")),
    path("", include("custody.api.urls")),
    path("", include("minting.api.urls")),
    path("", include("reserves.api.urls")),
    path("", api_not_found, {"rest": ""}),
    path("<path:rest>", api_not_found),
]

admin.autodiscover()

handler404 = "agora.lib.api.views.not_found"
handler500 = "agora.lib.api.views.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("dashboard/", views.dashboard, name="dashboard"),
    path("what-you-own/", views.what_you_own, name="what-you-own"),
    path("language/", set_language, name="set_language"),
    path("", include("accounts.urls")),
    path("", include("orders.urls")),
    path("", include("custody.urls")),
    path("", include("minting.urls")),
    path("", include("reserves.urls")),
    path("api/v1/openapi.json", openapi, name="openapi"),
    path("api/v1/", include(API)),
    path("api/docs", reference, name="api-reference"),
    path("problems/", problems, name="problems"),
    path("problems/<slug:code>", problem_page, name="problem"),
    path("admin/", admin.site.urls),
]
