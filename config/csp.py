"""What may a page of ours load, run and talk to? The Content-Security-Policy of every answer.

Drop at Django 6: its `ContentSecurityPolicyMiddleware` reads the same `SECURE_CSP`. Only the answers that are not
pages, with their one constant policy, would still be ours.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Policy = Mapping[str, Sequence[str]]

HEADER = "Content-Security-Policy"
# JSON, CSV, scripts, redirects: nothing in them is ever a page, even where a browser could be talked into it.
NOT_A_PAGE = "default-src 'none'; frame-ancestors 'none'"

# What no page of ours needs of a browser: a script that got in, or a frame, may not have it either.
PERMISSIONS = ", ".join(
    f"{power}=()"
    for power in (
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

# The two style sheets that Redoc writes into its page: an empty one, and one that its version decides. A test in
# Chromium fails when a new sidecar brings another.
_REDOC_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)
# Its search runs in a worker that it builds itself.
REDOC: Policy = {"style-src": ["'self'", *_REDOC_STYLES], "worker-src": ["blob:"]}

# "Try it out" asks us; Authorize changes its code for tokens at Cognito.
SWAGGER: Policy = {"connect-src": ["'self'", *settings.COGNITO_ORIGINS]}


class ContentSecurityPolicyMiddleware:
    """Gives pages the policy of `SECURE_CSP`, other answers one that allows nothing, and none the device's powers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._pages = written(settings.SECURE_CSP)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer, with its policy."""
        response = self._get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        # Django's own pages of errors, shown to developers only, are made of inline styles and scripts. A 304 carries
        # no policy: it would replace that of the page which the browser holds.
        exempt = response.status_code == 304 or (settings.DEBUG and response.status_code in (404, 500))
        if not exempt and HEADER not in response:
            is_page = response.headers.get("Content-Type", "").startswith("text/html")
            response.headers[HEADER] = getattr(response, "csp", self._pages) if is_page else NOT_A_PAGE
        return response


def written(policy: Policy) -> str:
    """The policy as the header has it."""
    return "; ".join(" ".join((name, *sources)) for name, sources in policy.items())


def allowing(view: Callable[..., HttpResponse], more: Policy) -> Callable[..., HttpResponse]:
    """The view, its pages under `SECURE_CSP` with the directives of `more` in it."""
    policy = written({**settings.SECURE_CSP, **more})

    @functools.wraps(view)
    def allowed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        # For the middleware: what is rendered later does not know yet whether it is a page.
        response.csp = policy  # type: ignore[attr-defined]
        return response

    return allowed
