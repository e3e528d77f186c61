"""The front door: which path leads to which room."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import TemplateView
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from config.schema import FormatParameterNegotiation
from config.views import ApiRoot, UnknownPath

docs = {"permission_classes": [AllowAny], "authentication_classes": []}

urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("admin/", admin.site.urls),
    path("api/", ApiRoot.as_view()),
    path("api/v1/", ApiRoot.as_view(), name="api-root"),
    path("api/v1/", include("books.urls")),
    path("api/v1/accounts/", include("accounts.api.urls")),
    path(
        "api/schema/",
        SpectacularAPIView.as_view(content_negotiation_class=FormatParameterNegotiation, **docs),
        name="schema",
    ),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(**docs), name="docs"),
    path("api/redoc/", SpectacularRedocView.as_view(**docs), name="redoc"),
    # Everything else under /api/ answers as the API does, and asks first who is there.
    re_path(r"^api/", UnknownPath.as_view(), name="unknown-path"),
]

handler400 = "config.problems.bad_request"
handler403 = "config.problems.permission_denied"
handler404 = "config.problems.not_found"
handler500 = "config.problems.server_error"
