"""/_local/: delivered messages and users, for the developer at this machine only.

These pages show codes and passwords, so no web page may read them: no CORS, and only under a loopback name
(a foreign name that resolves to 127.0.0.1 is how a web page would get in).
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from local_cognito import demo, pages
from local_cognito.cognito import Cognito
from local_cognito.store import Status

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class LocalPages:
    """Answers under /_local/. ``environment`` gives the service's settings, ``reset`` restores the demo state."""

    def __init__(self, cognito: Cognito, environment: Callable[[], dict[str, str]], reset: Callable[[], None]) -> None:
        self._cognito = cognito
        self._environment = environment
        self._reset = reset

    def respond(self, request: Request) -> Response:
        """The page or JSON document asked for."""
        host = request.headers.get("Host", "")
        if not any(host == name or host.startswith(f"{name}:") for name in _LOOPBACK_NAMES):
            return as_json({"error": "local pages are for this machine only"}, 403)
        path = request.path.removeprefix("/_local")
        if path == "/reset":
            return self._reset_on(request)
        if request.method not in ("GET", "HEAD"):
            return as_json({"error": "only GET"}, 405)
        if path == "/messages":
            return as_json(self._cognito.outbox.all())
        if path == "/environment":
            return as_json(self._environment())
        if path in ("", "/"):
            return self._home()
        return as_json({"error": "not found"}, 404)

    def _reset_on(self, request: Request) -> Response:
        # A web page cannot send JSON to another origin without a preflight, which nobody here answers.
        if request.method != "POST" or request.mimetype != "application/json":
            return as_json({"error": "POST with Content-Type: application/json"}, 405)
        self._reset()
        return as_json({"status": "reset"})

    def _home(self) -> Response:
        with self._cognito.lock:
            pools = self._cognito.store.pools()
            people = [
                {
                    "email": user.attribute_lookup.get("email", user.username),
                    "status": Status(user.status).value if user.enabled else "DISABLED",
                    "groups": ", ".join(pool.groups_of(user)),
                }
                for pool in pools
                for user in pool.users.values()
            ]
            issuers = [self._cognito.issuer(pool) for pool in pools]
        return pages.render(
            "local.html",
            messages=list(reversed(self._cognito.outbox.all())),
            people=people,
            issuers=issuers,
            url=self._cognito.url,
            address=urlsplit(self._cognito.url).netloc,
            demo_password=demo.PASSWORD,
        )


def as_json(answer: Any, status: int = 200) -> Response:
    """A JSON document that nobody keeps."""
    response = Response(json.dumps(answer, indent=1), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
