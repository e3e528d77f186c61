"""What is there for browsers alone? Sessions and messages, which a request of the API without a cookie passes by.

Without a cookie there is no session; they would find nothing to do.
"""

from typing import TYPE_CHECKING, cast

from django.contrib.auth.middleware import AuthenticationMiddleware as Authentication
from django.contrib.messages.middleware import MessageMiddleware as Messages
from django.contrib.sessions.middleware import SessionMiddleware as Sessions
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

if TYPE_CHECKING:
    Middleware = MiddlewareMixin
else:
    Middleware = object


def is_bare(request: HttpRequest) -> bool:
    """Whether this is a request of the API by a program: no cookie, and no page is asked for."""
    meta = request.META
    return (
        request.path.startswith("/api/")
        and not meta.get("HTTP_COOKIE")
        and "text/html" not in meta.get("HTTP_ACCEPT", "")
    )


class _ForBrowsers(Middleware):
    """Django's middleware, passed by where there is no browser."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer."""
        if is_bare(request):
            return cast("HttpResponse", self.get_response(request))
        return cast("HttpResponse", super().__call__(request))


class SessionMiddleware(_ForBrowsers, Sessions):
    """`request.session`."""


class AuthenticationMiddleware(_ForBrowsers, Authentication):
    """`request.user`, whom a session knows."""


class MessageMiddleware(_ForBrowsers, Messages):
    """Messages from one page to the next."""
