from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from accounts import views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", LoginView.as_view(template_name="accounts/sign_in.html"), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
]
