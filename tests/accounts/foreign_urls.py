"""URL configuration of a project that installs accounts: a version in the API's path, one sign-in for the admin too."""

from typing import NoReturn

from django.apps import apps
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.views import AccountView
from accounts.browser.sign_in import BreakGlassPage


class FailingView(APIView):
    """An API view of the project that fails after its authentication."""

    authentication_classes = AccountView.authentication_classes
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> NoReturn:
        """Fail."""
        raise ZeroDivisionError


urlpatterns = [
    path("accounts/", include("accounts.browser.urls")),
    path("admin/login/", RedirectView.as_view(pattern_name="accounts:sign-in", query_string=True)),
    path("admin/", admin.site.urls),
    path("break-glass/", BreakGlassPage.as_view()),
    path("api/failing/", FailingView.as_view()),
    path("api/<str:version>/accounts/", include("accounts.api.urls")),
    # Inside our own project, whose middleware and base.html name further paths.
    *([path("", include("config.urls"))] if apps.is_installed("config") else []),
]
