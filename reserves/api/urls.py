from django.urls import path

from reserves.api import views

urlpatterns = [path("reserves", views.ReservesView.as_view(), name="api-reserves")]
