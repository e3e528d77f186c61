"""URL configuration of the service."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import TemplateView
from rest_framework.permissions import AllowAny

from accounts.browser.sign_in import BreakGlassPage
from accounts.flows.header_refresh import HeaderRefreshAuthentication
from config import csp
from config.views import ApiRoot, OpenApiDocument, Redoc, SwaggerRedirect, SwaggerUI, UnknownPath

docs = {"permission_classes": [AllowAny], "authentication_classes": [HeaderRefreshAuthentication]}

urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("accounts/", include("accounts.browser.urls")),
    path("admin/break-glass/", BreakGlassPage.as_view(), name="break-glass"),
    path("admin/", admin.site.urls),
    path("api/", ApiRoot.as_view()),
    path("api/v1/", ApiRoot.as_view(), name="api-root"),
    path("api/v1/", include("books.urls")),
    path("api/v1/accounts/", include("accounts.api.urls")),
    path("api/schema/", OpenApiDocument.as_view(**docs), name="schema"),
    path("api/docs/", csp.with_sources(SwaggerUI.as_view(**docs), csp.SWAGGER), name="docs"),
    path("api/docs/oauth2-redirect.html", SwaggerRedirect.as_view(), name="docs-redirect"),
    path("api/redoc/", csp.with_sources(Redoc.as_view(**docs), csp.REDOC), name="redoc"),
    # Unknown paths under /api/: authenticated first, then a 404 problem.
    re_path(r"^api/", UnknownPath.as_view(), name="unknown-path"),
]

handler400 = "config.problems.bad_request"
handler403 = "config.problems.permission_denied"
handler404 = "config.problems.not_found"
handler500 = "config.problems.server_error"
