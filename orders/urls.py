from django.urls import path

from orders import views

urlpatterns = [
    path("buy/", views.buy, name="buy"),
    path("orders/", views.orders, name="orders"),
    path("orders/<uuid:order_id>/", views.order, name="order"),
    path("orders/<uuid:order_id>/progress/", views.progress, name="order-progress"),
    path("orders/<uuid:order_id>/cancel/", views.cancel, name="order-cancel"),
]
