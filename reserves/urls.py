from django.urls import path

from reserves import views

urlpatterns = [path("reserves/", views.reserves, name="reserves")]
