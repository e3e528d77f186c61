"""URL configuration of a project that has the account pages under another path."""

from django.urls import include, path

urlpatterns = [path("people/", include("accounts.browser.urls"))]
