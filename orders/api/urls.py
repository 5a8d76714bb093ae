from django.urls import path

from orders.api import views

urlpatterns = [
    path("assets", views.AssetsView.as_view(), name="api-assets"),
    path("orders", views.OrdersView.as_view(), name="api-orders"),
    path("orders/<uuid:order_id>", views.OrderView.as_view(), name="api-order"),
    path("orders/<uuid:order_id>/cancel", views.CancelOrderView.as_view(), name="api-order-cancel"),
    path("orders/<uuid:order_id>/events", views.OrderEventsView.as_view(), name="api-order-events"),
]
