from django.urls import path

from orders.api import views

urlpatterns = [
    path("assets", views.AssetsView.as_view(), name="api-assets"),
    path("orders", views.OrdersView.as_view(), name="api-orders"),
    path("orders/<uuid:order_id>", views.OrderView.as_view(), name="api-order"),
]
