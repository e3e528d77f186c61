"""Django's session, authentication and message middleware, skipped for API requests without a cookie.

Such a request has no session, so the three have nothing to do; skipping them makes it cheaper.
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


def is_stateless_api_request(request: HttpRequest) -> bool:
    """Whether this is an API request without a cookie that does not ask for HTML: one by a program."""
    meta = request.META
    return (
        request.path.startswith("/api/")
        and not meta.get("HTTP_COOKIE")
        and "text/html" not in meta.get("HTTP_ACCEPT", "")
    )


class _BrowserOnly(Middleware):
    """Mixin that skips a Django middleware for stateless API requests."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response."""
        if is_stateless_api_request(request):
            return cast("HttpResponse", self.get_response(request))
        return cast("HttpResponse", super().__call__(request))


class SessionMiddleware(_BrowserOnly, Sessions):
    """Sets `request.session`."""


class AuthenticationMiddleware(_BrowserOnly, Authentication):
    """Sets `request.user` from the session."""


class MessageMiddleware(_BrowserOnly, Messages):
    """Stores messages for the next page."""
