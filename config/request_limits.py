"""Size limits of a request, checked before anything in it is parsed.

Parsers of the standard library, Django and DRF see no header that is longer or holds more than a client needs. The
limits are plain comparisons of lengths and counts in the WSGI environ (PEP 3333). A request over one of them is
replaced by a harmless one that carries its `Refusal`; `RequestMiddleware` answers that, so the refusal has a request
id, a line in the log and a place in the metrics like any other answer.

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

from config.api import PROBLEM_CONTENT_TYPE
from config.browsers import is_bare
from config.csp import ContentSecurityPolicyMiddleware
from config.problems import UNKEPT, problem

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
    """The problem that a request is answered instead of being served."""

    status: int
    code: str
    detail: str


HEAD_TOO_LARGE = Refusal(431, "request_header_fields_too_large", "The head of the request is larger than 32 KiB.")
CONTENT_TYPE_TOO_LONG = Refusal(
    415, "unsupported_media_type", f"The Content-Type is longer than {MAX_CONTENT_TYPE} characters."
)
TOO_MANY_TAGS = Refusal(400, "invalid", f"The request names more than {MAX_ENTITY_TAGS} entity tags.")
LENGTH_REQUIRED = Refusal(
    411, "length_required", "Send the body with a Content-Length. The API reads bodies in chunks too, uncompressed."
)
TWO_LENGTHS = Refusal(400, "invalid", "The request has both a Content-Length and a Transfer-Encoding.")
BODY_TOO_LARGE = Refusal(413, "too_large", "The body of the request is larger than 1 MiB.")
BODY_TOO_SLOW = Refusal(408, "request_timeout", "The body of the request did not arrive in time. Try again.")


class RequestLimits:
    """A WSGI application that sees no request over a limit, and of the cookies those that RFC 6265 allows."""

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
    """The limit that a request is over, if it is."""
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
    """Chunks (RFC 9112 section 7.1) are for the API alone.

    granian hands on what has arrived of a body whose connection broke off, as if it were whole. A JSON object of
    which the end is missing is no JSON; of a form, or a file, nobody could tell.
    """
    if environ.get("CONTENT_LENGTH"):
        return TWO_LENGTHS  # RFC 9112 section 6.3: possibly request smuggling. granian removes the Content-Length.
    is_read = environ.get("wsgi.input_terminated") and environ["HTTP_TRANSFER_ENCODING"].strip().lower() == "chunked"
    return None if is_read and environ.get("PATH_INFO", "").startswith("/api/") else LENGTH_REQUIRED


def refused(environ: WSGIEnvironment, refusal: Refusal) -> WSGIEnvironment:
    """An environ without body and query that is answered with `refusal`; of the headers, those that answers need."""
    kept = {name: value for name, value in environ.items() if name[:5] != "HTTP_"}
    for name in _HEADERS_KEPT:
        if len(environ.get(name, "")) <= _HEADER_KEPT and name in environ:
            kept[name] = environ[name]
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        kept.pop(name, None)
    return {**kept, "PATH_INFO": environ.get("PATH_INFO", "")[:PATH_KEPT], "QUERY_STRING": "", _REFUSAL: refusal}


def is_refused(request: HttpRequest) -> bool:
    """Whether `refused` has made this request."""
    return _REFUSAL in request.META


def well_formed_cookies(header: str) -> str:
    """The pairs of a Cookie header that RFC 6265 section 4.1.1 allows; other sites of our domain may set others."""
    pairs = (pair.strip() for pair in header.split(";"))
    return "; ".join(pair for pair in pairs if _COOKIE_PAIR.fullmatch(pair))


# --- Answers ---


def answer(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The answer of a refusal: a page for a browser outside of the API, else a problem."""
    body = problem(*refusal, request.path)
    headers = {"Cache-Control": UNKEPT}
    if not request.path.startswith("/api/") and "text/html" in request.META.get("HTTP_ACCEPT", ""):
        page = render_to_string("refused.html", {"title": body["title"], "sentence": refusal.detail})
        response = HttpResponse(page, status=refusal.status, headers=headers)
    else:
        response = HttpResponse(
            orjson.dumps(body), status=refusal.status, content_type=PROBLEM_CONTENT_TYPE, headers=headers
        )
    setattr(response, "data", body)  # noqa: B010 - where RequestMiddleware finds the code, as in answers of DRF
    return response


def answer_at_once(request: HttpRequest) -> HttpResponse:
    """The answer to a request that `refused` has made, with the security headers of every answer.

    It passes the rest of the middleware by, which looks at headers that are gone.
    """
    response = ContentSecurityPolicyMiddleware(lambda _: answer(request, request.META[_REFUSAL]))(request)
    secured: HttpResponse = SecurityMiddleware(lambda _: response).process_response(request, response)
    return secured


# --- Bodies ---


class BodyLimitMiddleware:
    """Reads the bodies of forms before anything parses them: 413 where one is over 1 MiB, 408 where one is slow.

    Stands before CsrfViewMiddleware, which is the first to parse one. A view with the attribute `expects_upload` has a
    limit of its own, which it looks at after the permission. So do programs that use the API: there the parser has the
    limit, and comes after authentication.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer of the rest of the service."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *arguments: Any) -> HttpResponse | None:
        """A refusal, or nothing."""
        length = request.META.get("CONTENT_LENGTH")
        if not length or request.method in ("GET", "HEAD") or is_bare(request) or hasattr(view, "expects_upload"):
            return None
        try:
            request.body  # noqa: B018 - Django keeps it
        except RequestDataTooBig:
            return answer(request, BODY_TOO_LARGE)
        except UnreadablePostError:
            return answer(request, BODY_TOO_SLOW)
        return None
