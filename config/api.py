"""Parser, renderers, content negotiation and default permissions of the API: the classes that DRF's settings name."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson
from django.conf import settings
from rest_framework import renderers, status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

if TYPE_CHECKING:
    # DRF's settings name classes of this module, and its views import them: not the other way round as well.
    from rest_framework.views import APIView

PROBLEM_CONTENT_TYPE = "application/problem+json"


def in_units(size: int) -> str:
    """A number of bytes in the largest binary unit that divides it, such as `32 KiB` or `1 MiB`."""
    return f"{size >> 10} KiB" if size % (1 << 20) else f"{size >> 20} MiB"


class TooLarge(APIException):
    """413: the body of the request is over the limit."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body of the request is larger than {in_units(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)}."
    default_code = "too_large"


class BodyTooSlow(APIException):
    """408: the body of the request did not arrive in time, or not at all."""

    status_code = status.HTTP_408_REQUEST_TIMEOUT
    default_detail = "The body of the request did not arrive in time. Try again."
    default_code = "request_timeout"


class DatabaseUnavailable(APIException):
    """503: the database does not answer. `wait` is the value of `Retry-After`, in seconds."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The catalogue does not answer at the moment. Try again shortly."
    default_code = "database_unavailable"
    wait = 5


class InternalError(APIException):
    """500: an unexpected exception. Its traceback is in the log only."""

    default_detail = "Something went wrong on our side. It has been logged."
    default_code = "internal_error"


class ProblemAwareJSONRenderer(renderers.BaseRenderer):
    """JSON by orjson: UTF-8, times in UTC with `Z`. The Content-Type of an error is `application/problem+json`."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """The document as bytes; empty for an answer without a body."""
        context = renderer_context or {}
        response = context.get("response")
        if response is not None and response.exception and response.accepted_renderer is self:
            response["Content-Type"] = PROBLEM_CONTENT_TYPE
        if data is None:
            return b""
        options = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
        if context.get("indent"):
            options |= orjson.OPT_INDENT_2
        return orjson.dumps(data, default=str, option=options)


def _json_for_problem(token: str) -> str:
    """A media range of an Accept header, with problem JSON replaced by JSON. Its parameters, such as `q`, stay."""
    media_type, semicolon, parameters = token.partition(";")
    if media_type.strip().lower() != PROBLEM_CONTENT_TYPE:
        return token
    return f"{ProblemAwareJSONRenderer.media_type}{semicolon}{parameters}"


class Negotiation(DefaultContentNegotiation):
    """DRF's content negotiation, with a fast path for clients that accept anything or JSON.

    `application/problem+json` counts as `application/json`: generated clients send only that media type for an
    operation whose success answer has no body.
    """

    def get_accept_list(self, request: Request) -> list[str]:
        """The media types of the Accept header, at most 64 of them."""
        tokens: list[str] = super().get_accept_list(request)
        return [_json_for_problem(token) for token in tokens]

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The renderer and its media type. Raises NotAcceptable when there is none that the client accepts."""
        first = next(iter(renderers))
        if format_suffix is None and request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", first.media_type):
            return first, str(first.media_type)
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        return chosen

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The parser of the body; None for a Content-Type with a wildcard, which DRF would match with any parser.

        Wildcards are valid in Accept only (RFC 9110 sections 8.3 and 12.5.1).
        """
        media_type = request.content_type.partition(";")[0]
        return None if "*" in media_type else super().select_parser(request, parsers)


class StrictJSONParser(BaseParser):
    """RFC 8259 JSON: UTF-8, no NaN, bounded nesting, and no body over DATA_UPLOAD_MAX_MEMORY_SIZE bytes."""

    media_type = "application/json"
    renderer_class = ProblemAwareJSONRenderer  # renders the content of the browsable API's raw data form

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """The value of the JSON document. Raises ParseError or TooLarge."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise ParseError("The body is not valid JSON in UTF-8.") from None


class BrowsableAPIRenderer(renderers.BrowsableAPIRenderer):
    """The browsable API, with the product's template (templates/rest_framework/api.html)."""

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        """DRF's context, the user of the session (with an e-mail address, which access tokens lack), and the ETag."""
        context: dict[str, Any] = super().get_context(data, accepted_media_type, renderer_context)
        etag = getattr(renderer_context["response"], "shown_etag", "")  # of books.conditional
        return {**context, "person": renderer_context["request"]._request.user, "etag": etag}

    def get_default_renderer(self, view: "APIView") -> renderers.BaseRenderer:
        """The renderer of the content on the page."""
        return ProblemAwareJSONRenderer()


class DenyAll(BasePermission):
    """Default permission class: a view without permission classes of its own serves nobody."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Always false."""
        return False


class ReadersOnly(BasePermission):
    """Permission for everybody while BOOKS_PUBLIC_READ is on, else for callers with valid credentials."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the caller may read."""
        return settings.BOOKS_PUBLIC_READ or bool(request.user.is_authenticated)
