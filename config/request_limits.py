"""Size limits of a request, checked before anything in it is parsed.

No parser of the standard library, Django or DRF receives a header that is longer than clients need. The
limits are plain comparisons of lengths and counts in the WSGI environ (PEP 3333). A request over one of them is
replaced by a minimal one that carries its `Refusal`. `RequestMiddleware` answers it, so that the refusal has a request
id, a log line and a count in the metrics, as every answer has.

granian refuses some requests itself, with an empty body: over 100 header fields, or a head over `MAX_BUFFER_BYTES` of
config/serve.py (431), a path over 65,534 bytes (414), framing that breaks RFC 9112 (400).
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.middleware.security import SecurityMiddleware
from django.template.loader import render_to_string

from accounts.tokens.problems import NO_STORE
from config.api import PROBLEM_CONTENT_TYPE, BodyTooSlow, TooLarge, in_units
from config.browsers import is_stateless_api_request
from config.csp import ContentSecurityPolicyMiddleware
from config.problems import problem

MAX_HEAD = 32 * 1024  # bytes of request target and header fields, as far as they reach the application
MAX_CONTENT_TYPE = 256  # characters; a multipart boundary has at most 70 (RFC 2046 section 5.1.1)
MAX_ENTITY_TAGS = 100  # in If-Match or If-None-Match
PATH_KEPT = 200  # characters of the path of a refused request, for the log and the problem's `instance`

_REFUSAL = "config.refusal"
_HEADERS_KEPT = ("HTTP_HOST", "HTTP_ACCEPT", "HTTP_X_REQUEST_ID", "HTTP_X_FORWARDED_PROTO")
_HEADER_KEPT = 512  # characters

# RFC 6265 section 4.1.1: cookie-pair = token "=" ( *cookie-octet / ( DQUOTE *cookie-octet DQUOTE ) ).
_COOKIE_OCTETS = r"[!#-+\--:<-\[\]-~]*"
_COOKIE_PAIR = re.compile(rf"[!#$%&'*+\-.^_`|~0-9A-Za-z]+=(?:{_COOKIE_OCTETS}|\"{_COOKIE_OCTETS}\")")


class Refusal(NamedTuple):
    """Status, code and detail of the problem that answers a request over a limit."""

    status: int
    code: str
    detail: str


HEAD_TOO_LARGE = Refusal(
    431, "request_header_fields_too_large", f"The head of the request is larger than {in_units(MAX_HEAD)}."
)
CONTENT_TYPE_TOO_LONG = Refusal(
    415, "unsupported_media_type", f"The Content-Type is longer than {MAX_CONTENT_TYPE} characters."
)
TOO_MANY_TAGS = Refusal(400, "invalid", f"The request names more than {MAX_ENTITY_TAGS} entity tags.")
LENGTH_REQUIRED = Refusal(
    411,
    "length_required",
    "Send the body with a Content-Length. Only the production server reads bodies in chunks, below /api/.",
)
TWO_LENGTHS = Refusal(400, "invalid", "The request has both a Content-Length and a Transfer-Encoding.")
BODY_TOO_LARGE = Refusal(413, TooLarge.default_code, TooLarge.default_detail)
BODY_TOO_SLOW = Refusal(408, BodyTooSlow.default_code, BodyTooSlow.default_detail)


class RequestLimits:
    """WSGI middleware that replaces requests over a limit, and removes cookies that RFC 6265 does not allow."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The application's answer."""
        refusal = _refusal(environ)
        if refusal is not None:
            environ = refused(environ, refusal)
        elif "HTTP_COOKIE" in environ:
            environ["HTTP_COOKIE"] = well_formed_cookies(environ["HTTP_COOKIE"])
        return self._application(environ, start_response)


def _refusal(environ: WSGIEnvironment) -> Refusal | None:
    """The first limit that a request exceeds; None when it is within all."""
    fields = sum([len(name) + len(value) for name, value in environ.items() if name[:5] == "HTTP_"])
    if fields + len(environ.get("PATH_INFO", "")) + len(environ.get("QUERY_STRING", "")) > MAX_HEAD:
        return HEAD_TOO_LARGE
    content_type = environ.get("CONTENT_TYPE")
    if content_type and len(content_type) > MAX_CONTENT_TYPE:
        return HEAD_TOO_LARGE if len(content_type) > MAX_HEAD else CONTENT_TYPE_TOO_LONG
    for name in ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"):
        if name in environ and environ[name].count(",") >= MAX_ENTITY_TAGS:
            return TOO_MANY_TAGS
    if "HTTP_TRANSFER_ENCODING" in environ:
        return _refusal_of_chunks(environ)
    return None


def _refusal_of_chunks(environ: WSGIEnvironment) -> Refusal | None:
    """The refusal of a chunked body (RFC 9112 section 7.1): only the API accepts them, without another encoding.

    granian delivers an incomplete chunked body as if it were complete when the connection breaks. A truncated JSON
    object is a parse error; a truncated form or file is not detectable.
    """
    if environ.get("CONTENT_LENGTH"):
        return TWO_LENGTHS  # RFC 9112 section 6.3: possibly request smuggling. granian removes the Content-Length.
    is_read = environ.get("wsgi.input_terminated") and environ["HTTP_TRANSFER_ENCODING"].strip().lower() == "chunked"
    return None if is_read and environ.get("PATH_INFO", "").startswith("/api/") else LENGTH_REQUIRED


def refused(environ: WSGIEnvironment, refusal: Refusal) -> WSGIEnvironment:
    """An environ without body and query, to be answered with `refusal`; it keeps only the headers answers need."""
    kept = {name: value for name, value in environ.items() if name[:5] != "HTTP_"}
    for name in _HEADERS_KEPT:
        if len(environ.get(name, "")) <= _HEADER_KEPT and name in environ:
            kept[name] = environ[name]
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        kept.pop(name, None)
    return {**kept, "PATH_INFO": environ.get("PATH_INFO", "")[:PATH_KEPT], "QUERY_STRING": "", _REFUSAL: refusal}


def is_refused(request: HttpRequest) -> bool:
    """Whether this request was made by `refused`."""
    return _REFUSAL in request.META


def well_formed_cookies(header: str) -> str:
    """The pairs of a Cookie header that RFC 6265 section 4.1.1 allows. Other sites of the domain may set others."""
    pairs = (pair.strip() for pair in header.split(";"))
    return "; ".join(pair for pair in pairs if _COOKIE_PAIR.fullmatch(pair))


# --- Answers ---


def answer(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The response to a refused request: an HTML page for a browser outside the API, else a problem."""
    body = problem(*refusal, request.path)
    headers = {"Cache-Control": NO_STORE}
    if not request.path.startswith("/api/") and "text/html" in request.META.get("HTTP_ACCEPT", ""):
        page = render_to_string("refused.html", {"title": body["title"], "sentence": refusal.detail})
        response = HttpResponse(page, status=refusal.status, headers=headers)
    else:
        response = HttpResponse(
            orjson.dumps(body), status=refusal.status, content_type=PROBLEM_CONTENT_TYPE, headers=headers
        )
    setattr(response, "data", body)  # noqa: B010 - RequestMiddleware reads the code there, as in responses of DRF
    return response


def answer_at_once(request: HttpRequest) -> HttpResponse:
    """The response to a request made by `refused`, with the security headers of every response.

    The other middleware is skipped, because it reads headers that were removed.
    """
    response = ContentSecurityPolicyMiddleware(lambda _: answer(request, request.META[_REFUSAL]))(request)
    secured: HttpResponse = SecurityMiddleware(lambda _: response).process_response(request, response)
    return secured


# --- Bodies ---


class BodyLimitMiddleware:
    """Reads form bodies before they are parsed: 413 over DATA_UPLOAD_MAX_MEMORY_SIZE bytes, 408 for a slow one.

    It comes before CsrfViewMiddleware, the first to parse a form. Two kinds of requests are not read here: a view with
    the attribute `expects_upload` applies its own limit after the permission check, and for API clients the parser
    applies the limit after authentication.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer of the rest of the service."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *arguments: Any) -> HttpResponse | None:
        """The refusal; None when the body is within the limits."""
        length = request.META.get("CONTENT_LENGTH")
        if (
            not length
            or request.method in ("GET", "HEAD")
            or is_stateless_api_request(request)
            or hasattr(view, "expects_upload")
        ):
            return None
        try:
            request.body  # noqa: B018 - Django stores it on the request
        except RequestDataTooBig:
            return answer(request, BODY_TOO_LARGE)
        except UnreadablePostError:
            return answer(request, BODY_TOO_SLOW)
        return None
