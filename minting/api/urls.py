from django.urls import path

from minting.api import views

urlpatterns = [
    path("orders/<uuid:order_id>/mints", views.OrderMintsView.as_view(), name="api-order-mints"),
    path("orders/<uuid:order_id>/receipt", views.OrderReceiptView.as_view(), name="api-order-receipt"),
    path("users/<uuid:user_id>/balance", views.BalanceView.as_view(), name="api-balance"),
]
