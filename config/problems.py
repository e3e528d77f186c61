"""Exception handler and error views: every error is an RFC 9457 problem with a stable code and a sentence."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views import defaults
from rest_framework.exceptions import NotFound, ParseError, PermissionDenied, ValidationError
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts.tokens import problems
from accounts.tokens.problems import NO_STORE
from config.api import PROBLEM_CONTENT_TYPE, BodyTooSlow, DatabaseUnavailable, InternalError, TooLarge
from config.logs import REQUEST_ID, redacted

logger = logging.getLogger(__name__)


def problem(status_code: int, code: str, detail: str, path: str) -> dict[str, Any]:
    """The members of a problem, with those of the product. `path` has no query string, which may hold secrets."""
    return problems.problem(status_code, code, detail, **_members(path))


def _members(path: str) -> dict[str, Any]:
    return {"instance": redacted(path), "request_id": REQUEST_ID.get()}


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
    response = problems.problem_handler(exc, context, **_members(path))
    if response is None:
        logger.error("%s in %s", type(exc).__name__, path, exc_info=exc)
        set_rollback()
        unexpected = (500, InternalError.default_code, InternalError.default_detail)
        return Response(problem(*unexpected, path), status=500, headers={"Cache-Control": NO_STORE})
    return response


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
