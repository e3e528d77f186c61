"""The WSGI application: dispatches each path to the AWS API, the hosted pages, the key documents or /_local/."""

import json
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from local_cognito import pages
from local_cognito.cognito import Cognito
from local_cognito.hosted import HostedPages
from local_cognito.local_pages import LocalPages, as_json
from local_cognito.protocol import Protocol, allow_any_origin, internal_error, preflight

log = logging.getLogger(__name__)

_LONGEST_BODY = 1024 * 1024
_WELL_KNOWN = re.compile(r"/(?P<pool_id>[\w-]+)/\.well-known/(?P<document>jwks\.json|openid-configuration)")
# What browser apps call from other origins, as on AWS.
_CROSS_ORIGIN = ("/", "/oauth2/token", "/oauth2/revoke", "/oauth2/userInfo")


class Application:
    """The WSGI application. Whatever arrives, it answers JSON, a page or a redirect, never an HTML error 500."""

    def __init__(self, cognito: Cognito, local: LocalPages) -> None:
        self._cognito = cognito
        self._protocol = Protocol(cognito)
        self._hosted = HostedPages(cognito)
        self._local = local

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = _LONGEST_BODY
        try:
            # Read before any lock is taken: a slow sender must not hold up the others.
            request.get_data(cache=True)
            response = self._route(request)
        except HTTPException as error:
            response = as_json({"error": error.name}, error.code or 400)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            response = internal_error()
        return response(environ, start_response)

    def _route(self, request: Request) -> Response:
        path = request.path
        with self._cognito.lock:
            self._cognito.tidy()
        if path.startswith("/_local"):
            return self._local.respond(request)
        if request.method == "OPTIONS" and (path in _CROSS_ORIGIN or _WELL_KNOWN.fullmatch(path)):
            return preflight(request, "GET, POST" if path != "/" else "POST")
        if path == "/":
            return self._protocol.respond(request) if request.method == "POST" else _to_local_pages()
        well_known = _WELL_KNOWN.fullmatch(path)
        if well_known:
            return self._well_known(well_known["pool_id"], well_known["document"])
        if path == "/style.css":
            return pages.stylesheet()
        with self._cognito.lock:
            response = self._hosted.respond(request)
        if response is None:
            return as_json({"error": "not found"}, 404)
        return allow_any_origin(response) if path in _CROSS_ORIGIN else response

    def _well_known(self, pool_id: str, document: str) -> Response:
        with self._cognito.lock:
            pool = next((pool for pool in self._cognito.store.pools() if pool.id == pool_id), None)
            if pool is None:
                return as_json({"message": f"User pool {pool_id} does not exist."}, 404)
            keys = self._cognito.keys_of(pool)
        answer = keys.jwks() if document == "jwks.json" else discovery(self._cognito.url, self._cognito.issuer(pool))
        response = Response(json.dumps(answer), content_type="application/json")
        response.headers["Cache-Control"] = "public, max-age=86400"
        return allow_any_origin(response)


def _to_local_pages() -> Response:
    response = redirect("/_local/")
    return Response(response.response, response.status_code, response.headers)


def discovery(url: str, issuer: str) -> dict[str, Any]:
    """The OpenID Connect discovery document of a pool (OpenID Connect Discovery 1.0 section 3)."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "authorization_endpoint": f"{url}/oauth2/authorize",
        "token_endpoint": f"{url}/oauth2/token",
        "userinfo_endpoint": f"{url}/oauth2/userInfo",
        "revocation_endpoint": f"{url}/oauth2/revoke",
        "end_session_endpoint": f"{url}/logout",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
    }
