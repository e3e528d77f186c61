"""The hosted sign-in (Cognito's managed login): HTML pages and the OAuth 2.0 endpoints."""

from collections.abc import Callable

from werkzeug.wrappers import Request, Response

from local_cognito.cognito import Cognito
from local_cognito.hosted import authorize, login, logout, token_endpoint, user_info
from local_cognito.local_pages import as_json

Endpoint = Callable[[Cognito, Request], Response]

_ENDPOINTS: dict[str, tuple[tuple[str, ...], Endpoint]] = {
    "/oauth2/authorize": (("GET", "HEAD"), authorize.authorize),
    "/oauth2/token": (("POST",), token_endpoint.token),
    "/oauth2/revoke": (("POST",), token_endpoint.revoke),
    "/oauth2/userInfo": (("GET", "POST"), user_info.user_info),
    "/login": (("GET", "HEAD", "POST"), login.login),
    "/logout": (("GET", "HEAD"), logout.logout),
}


class HostedPages:
    """Answers under /oauth2/, /login and /logout."""

    def __init__(self, cognito: Cognito) -> None:
        self._cognito = cognito

    def respond(self, request: Request) -> Response | None:
        """The answer, or None for a path that is not one of ours."""
        if request.path not in _ENDPOINTS:
            return None
        methods, endpoint = _ENDPOINTS[request.path]
        if request.method not in methods:
            response = as_json({"error": "method not allowed"}, 405)
            response.headers["Allow"] = ", ".join(methods)
            return response
        return endpoint(self._cognito, request)
