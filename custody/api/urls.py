from django.urls import path

from custody.api import views

urlpatterns = [path("orders/<uuid:order_id>/custody", views.OrderCustodyView.as_view(), name="api-order-custody")]
