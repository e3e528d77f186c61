"""The views that belong to no app: where everything is, and where nothing is."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from config.api import ReadersOnly


class ApiRoot(APIView):
    """Where everything is."""

    name = "Cognito Books"
    permission_classes = (ReadersOnly,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Links to what the API offers."""
        names = {"books": "book-list", "authors": "author-list", "schema": "schema", "docs": "docs"}
        return Response({name: reverse(view, request=request) for name, view in names.items()})


class SwaggerUI(SpectacularSwaggerSplitView):
    """Swagger UI. Authorize opens Cognito's pages in a window, which must find its way back to this one."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The page, or its script."""
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
        return response


@method_decorator(never_cache, name="dispatch")
class SwaggerRedirect(TemplateView):
    """Where Cognito sends the window of Swagger UI's Authorize: it hands its code to the page, and closes."""

    template_name = "drf_spectacular/oauth2_redirect.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The page. Its address holds a code: it is told to nobody, but the page that opened it must be in reach."""
        response = super().dispatch(request, *args, **kwargs)
        response["Cross-Origin-Opener-Policy"] = "unsafe-none"
        response["Referrer-Policy"] = "no-referrer"
        return response


class UnknownPath(APIView):
    """Any other path under /api/: bad credentials are told so first, as everywhere."""

    name = "Nothing here"
    permission_classes = (ReadersOnly,)

    @extend_schema(exclude=True)
    def get(self, request: Request, **_: Any) -> Response:
        """Raises NotFound; says so when only the last slash is missing."""
        with_slash = f"{request.path_info}/"
        try:
            known = resolve(with_slash).url_name != "unknown-path"
        except Resolver404:
            known = False
        hint = f" Paths end with a slash: {with_slash}" if known else ""
        raise NotFound(f"There is nothing at this path.{hint}")

    post = put = patch = delete = get
