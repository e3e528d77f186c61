"""Views that belong to no app: API root, OpenAPI document, Swagger UI, Redoc, and 404 for unknown paths."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.decorators import method_decorator
from django.utils.encoding import force_bytes
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from config.api import Negotiation, ProblemAwareJSONRenderer, ReadersOnly


class ApiRoot(APIView):
    """The root of the API."""

    name = "Cognito Books"
    permission_classes = (ReadersOnly,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Links to the collections and to the documentation."""
        names = {"books": "book-list", "authors": "author-list", "schema": "schema", "docs": "docs"}
        return Response({name: reverse(view, request=request) for name, view in names.items()})


@cache
def _openapi(media_type: str) -> bytes:
    """The OpenAPI document in a media type, cached for the life of the process.

    Building it and serializing it as YAML takes tens of milliseconds.
    """
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    renderers = {renderer.media_type: renderer for renderer in SpectacularAPIView.renderer_classes}
    return force_bytes(renderers[media_type]().render(document, renderer_context={}))


@receiver(setting_changed)
def _forget_openapi(**_: object) -> None:
    # Only tests change settings while the process runs.
    _openapi.cache_clear()


class FormatParameterNegotiation(Negotiation):
    """Content negotiation that also honours `?format=json` and `?format=yaml`."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The renderer of `?format=`, else that of the Accept header. Raises NotAcceptable, Http404."""
        return super().select_renderer(request, renderers, request.query_params.get("format") or format_suffix)


class ProblemErrors(APIView):
    """A view whose errors are problem JSON, although its own renderers do not produce it."""

    def handle_exception(self, exc: Exception) -> Response:
        """The problem response."""
        self.request.accepted_renderer = ProblemAwareJSONRenderer()
        self.request.accepted_media_type = ProblemAwareJSONRenderer.media_type
        return super().handle_exception(exc)


class OpenApiDocument(ProblemErrors, SpectacularAPIView):
    """The OpenAPI document of this service, built once per process and format."""

    content_negotiation_class = FormatParameterNegotiation

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The document, as YAML or JSON."""
        renderer: BaseRenderer = request.accepted_renderer
        media_type = f"{renderer.media_type}; charset={renderer.charset}" if renderer.charset else renderer.media_type
        headers = {"Content-Disposition": f'inline; filename="{spectacular_settings.TITLE}.{renderer.format}"'}
        return HttpResponse(_openapi(str(renderer.media_type)), content_type=media_type, headers=headers)


class Redoc(ProblemErrors, SpectacularRedocView):
    """Redoc, a viewer of the OpenAPI document."""


class SwaggerUI(ProblemErrors, SpectacularSwaggerSplitView):
    """Swagger UI. Its Authorize opens Cognito's pages in a window that needs `window.opener`."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The page, or its script."""
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
        return response


@method_decorator(never_cache, name="dispatch")
class SwaggerRedirect(TemplateView):
    """OAuth redirect page of Swagger UI: it passes the authorization code to its opener and closes."""

    template_name = "drf_spectacular/oauth2_redirect.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The page. Its URL holds a code, so it sends no Referer; its opener policy permits access to the opener."""
        response = super().dispatch(request, *args, **kwargs)
        response["Cross-Origin-Opener-Policy"] = "unsafe-none"
        response["Referrer-Policy"] = "no-referrer"
        return response


class UnknownPath(APIView):
    """Any other path under /api/: 401 for bad credentials, as on every path, else 404."""

    name = "Not found"
    permission_classes = (ReadersOnly,)

    @extend_schema(exclude=True)
    def get(self, request: Request, **_: Any) -> Response:
        """Raises NotFound, with a hint when only the slash at the end is missing."""
        with_slash = f"{request.path_info}/"
        try:
            known = resolve(with_slash).url_name != "unknown-path"
        except Resolver404:
            known = False
        hint = f" Paths end with a slash: {with_slash}" if known else ""
        raise NotFound(f"There is nothing at this path.{hint}")

    post = put = patch = delete = get
