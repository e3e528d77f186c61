"""Content-Security-Policy and Permissions-Policy of every response.

Replace with Django 6: its `ContentSecurityPolicyMiddleware` reads the same `SECURE_CSP`. Only the constant policy of
responses that are not pages would remain here.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Policy = Mapping[str, Sequence[str]]

HEADER = "Content-Security-Policy"
# For JSON, CSV, scripts and redirects: a browser that renders one as a page may load and run nothing.
NOT_A_PAGE = "default-src 'none'; frame-ancestors 'none'"

# Browser features that no page needs; injected scripts and frames are denied them too.
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)

# Hashes of the two inline style sheets of Redoc: an empty one, and one that depends on its version. A test in
# Chromium fails when a new version of the sidecar has another.
_REDOC_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)
# worker-src: its search runs in a worker created from a blob.
REDOC: Policy = {"style-src": ["'self'", *_REDOC_STYLES], "worker-src": ["blob:"]}

# connect-src: "Try it out" calls this service; Authorize exchanges its code for tokens at Cognito.
SWAGGER: Policy = {"connect-src": ["'self'", *settings.COGNITO_ORIGINS]}


class ContentSecurityPolicyMiddleware:
    """Sets `SECURE_CSP` on HTML pages, a policy that allows nothing on other responses, and Permissions-Policy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._pages = header_value(settings.SECURE_CSP)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response, with its policies."""
        response = self._get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        # Django's debug pages have inline styles and scripts. A 304 has no policy: it would replace the policy of the
        # page in the browser's cache.
        exempt = response.status_code == 304 or (settings.DEBUG and response.status_code in (404, 500))
        if not exempt and HEADER not in response:
            is_page = response.headers.get("Content-Type", "").startswith("text/html")
            response.headers[HEADER] = getattr(response, "csp", self._pages) if is_page else NOT_A_PAGE
        return response


def header_value(policy: Policy) -> str:
    """The policy in the syntax of the header."""
    return "; ".join(" ".join((name, *sources)) for name, sources in policy.items())


def with_sources(view: Callable[..., HttpResponse], more: Policy) -> Callable[..., HttpResponse]:
    """The view, with the directives of `more` replacing those of `SECURE_CSP` in its pages."""
    policy = header_value({**settings.SECURE_CSP, **more})

    @functools.wraps(view)
    def allowed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        # Read by the middleware: the media type of a response that is rendered later is not known yet.
        response.csp = policy  # type: ignore[attr-defined]
        return response

    return allowed
