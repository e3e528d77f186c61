"""The account paths under /api/v1/accounts/."""

from django.urls import path

from accounts.api import views

app_name = "accounts-api"

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="sign-in"),
]
