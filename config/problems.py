"""Exception handler and error views: every error is an RFC 9457 problem with a stable code and a sentence."""

import logging
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views import defaults
from rest_framework.exceptions import (
    APIException,
    ErrorDetail,
    NotFound,
    ParseError,
    PermissionDenied,
    ValidationError,
)
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from config.api import PROBLEM_CONTENT_TYPE, BodyTooSlow, DatabaseUnavailable, InternalError, TooLarge
from config.logs import REQUEST_ID, redacted

logger = logging.getLogger(__name__)

# Cache-Control of every problem: without it caches may store a 404 or a 405 (RFC 9110 section 15.1).
NO_STORE = "no-store"


def problem(status_code: int, code: str, detail: str, path: str, **extensions: Any) -> dict[str, Any]:
    """The members of a problem (RFC 9457 section 3).

    `path` has no query string, which may hold secrets. `type` is `about:blank`: `code` identifies the problem.
    """
    return {
        "type": "about:blank",
        "title": HTTPStatus(status_code).phrase,
        "status": status_code,
        "detail": detail,
        "code": code,
        "instance": redacted(path),
        "request_id": REQUEST_ID.get(),
        **extensions,
    }


def problem_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF exception handler: a problem for every exception, also for unexpected ones."""
    if isinstance(exc, RequestDataTooBig):
        exc = TooLarge()
    elif isinstance(exc, UnreadablePostError):
        exc = BodyTooSlow()
    elif isinstance(exc, SuspiciousOperation | BadRequest):
        exc = ParseError("The request is malformed.")
    elif isinstance(exc, OperationalError | InterfaceError):
        logger.error("The database does not answer: %s", type(exc).__name__)
        exc = DatabaseUnavailable()
    path: str = context["request"].path
    # DRF's own handler converts Django's 404 and 403, sets the headers and rolls back the transaction.
    response = exception_handler(exc, dict(context))
    if response is None:
        logger.error("%s in %s", type(exc).__name__, path, exc_info=exc)
        set_rollback()
        unexpected = (500, InternalError.default_code, InternalError.default_detail)
        return Response(problem(*unexpected, path), status=500, headers={"Cache-Control": NO_STORE})
    if isinstance(exc, ValidationError):
        where = "parameter" if getattr(exc, "in_query", False) else "pointer"
        errors = list(_flattened(exc.detail, where))
        response.data = problem(400, ValidationError.default_code, _summary(errors), path, errors=errors)
    elif isinstance(exc, ParseError):
        errors = [{"code": ParseError.default_code, "detail": str(exc.detail), "pointer": "#"}]
        response.data = problem(400, ValidationError.default_code, _summary(errors), path, errors=errors)
    else:
        response.data = problem(response.status_code, *_code_and_detail(exc, response), path)
    response.headers["Cache-Control"] = NO_STORE
    return response


def _code_and_detail(exc: Exception, response: Response) -> tuple[str, str]:
    if isinstance(exc, APIException) and isinstance(exc.detail, ErrorDetail):
        return str(exc.detail.code), str(exc.detail)
    # Django's own Http404 and PermissionDenied, which DRF's handler has converted.
    detail = response.data["detail"]
    return str(detail.code), str(detail)


def _flattened(detail: Any, where: str, path: tuple[str, ...] = ()) -> Iterator[dict[str, str]]:
    """The leaves of DRF's nested error details, each with its JSON pointer (RFC 6901) or parameter."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flattened(inner, where, path if name == "non_field_errors" else (*path, str(name)))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _flattened(inner, where, (*path, str(index)) if nested else path)
    else:
        pointer = "#" + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
        yield {
            "code": getattr(detail, "code", None) or ValidationError.default_code,
            "detail": str(detail),
            where: pointer if where == "pointer" else ".".join(path),
        }


def _summary(errors: list[dict[str, str]]) -> str:
    if len(errors) == 1:
        return errors[0]["detail"]
    return f"The request has {len(errors)} errors: see `errors`."


ErrorView = Callable[..., HttpResponse]


def _page(status_code: int, code: str, detail: str, page: ErrorView) -> ErrorView:
    """An error view for Django's `handler400` and so on: a problem under /api/, `page` elsewhere."""

    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.path.startswith("/api/"):
            return page(request, *args, **kwargs)
        body = orjson.dumps(problem(status_code, code, detail, request.path))
        headers = {"Cache-Control": NO_STORE}
        return HttpResponse(body, status=status_code, content_type=PROBLEM_CONTENT_TYPE, headers=headers)

    return view


# Errors before a view is reached, or outside DRF. config/urls.py names them as Django's handlers.
bad_request = _page(
    400, ValidationError.default_code, "The request is malformed, or its Host is not served here.", defaults.bad_request
)
permission_denied = _page(403, PermissionDenied.default_code, "You may not do this.", defaults.permission_denied)
not_found = _page(404, NotFound.default_code, "There is nothing at this path.", defaults.page_not_found)
server_error = _page(500, InternalError.default_code, InternalError.default_detail, defaults.server_error)
