"""DRF exception handler: every error of the API is an RFC 9457 problem with a stable `code`.

A project names `accounts.tokens.problems.problem_handler` in `REST_FRAMEWORK["EXCEPTION_HANDLER"]`.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import APIException, ErrorDetail, ParseError, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

PROBLEM_CONTENT_TYPE = "application/problem+json"

# Cache-Control of every problem: without it caches may store a 404 or a 405 (RFC 9110 section 15.1).
NO_STORE = "no-store"


def problem(status_code: int, code: str, detail: str, **extensions: Any) -> dict[str, Any]:
    """The members of a problem (RFC 9457 section 3). `type` is `about:blank`: `code` identifies the problem."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status_code).phrase,
        "status": status_code,
        "detail": detail,
        "code": code,
        **extensions,
    }


def problem_handler(exc: Exception, context: Mapping[str, Any], **members: Any) -> Response | None:
    """The answer to `exc`, with `members` in its problem; None for an exception that is not of DRF or Django's views.

    DRF's own handler converts Django's 404 and 403, sets the headers and rolls back the transaction.
    """
    response = exception_handler(exc, dict(context))
    if response is None:
        return None
    if isinstance(exc, ParseError | ValidationError):
        if isinstance(exc, ParseError):
            errors = [{"code": ParseError.default_code, "detail": str(exc.detail), "pointer": "#"}]
        else:
            errors = list(_flattened(exc.detail, "parameter" if getattr(exc, "in_query", False) else "pointer"))
        response.data = problem(400, ValidationError.default_code, _summary(errors), **members, errors=errors)
    else:
        response.data = problem(response.status_code, *_code_and_detail(exc, response), **members)
    response.headers["Cache-Control"] = NO_STORE
    renderer = getattr(context.get("request"), "accepted_renderer", None)
    if renderer is not None and renderer.format == "json":
        response.content_type = PROBLEM_CONTENT_TYPE
    return response


def _code_and_detail(exc: Exception, response: Response) -> tuple[str, str]:
    if isinstance(exc, APIException) and isinstance(exc.detail, ErrorDetail):
        return str(exc.detail.code), str(exc.detail)
    # Django's own Http404 and PermissionDenied, which DRF's handler has converted, and errors of other packages.
    detail = response.data.get("detail", "") if isinstance(response.data, Mapping) else ""
    return getattr(detail, "code", None) or "error", str(detail)


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
