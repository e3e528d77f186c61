"""What do operators see of a request? Its id, its log line, and whether the service is well."""

import logging
import re
import time
from collections.abc import Callable
from uuid import uuid4

from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.tokens import get_verifier
from accounts.users import CognitoUser
from config.logs import REQUEST_ID

logger = logging.getLogger("config.requests")

GetResponse = Callable[[HttpRequest], HttpResponse]

_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


class RequestMiddleware:
    """Gives every request an id (the client's own, if well formed) and every answer `X-Request-ID` and a log line."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer, with its id."""
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if _WELL_FORMED_ID.fullmatch(sent) else uuid4().hex
        context = REQUEST_ID.set(request_id)
        try:
            started = time.perf_counter()
            response = self._get_response(request)
            response["X-Request-ID"] = request_id
            # Our line tells of every answer; Django would tell of bad ones again, outside of this request.
            setattr(response, "_has_been_logged", True)  # noqa: B010 - not an attribute that type checkers know
            if request.path not in _PROBES:
                self._log(request, response, time.perf_counter() - started)
            return response
        finally:
            REQUEST_ID.reset(context)

    def _log(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        # The path without its query string: the hosted sign-in returns with a code in it.
        match = request.resolver_match
        milliseconds = round(seconds * 1000, 1)
        fields: dict[str, object] = {
            "method": request.method,
            "path": request.path,
            "route": match.route if match else None,
            "status": response.status_code,
            "ms": milliseconds,
        }
        user = request.__dict__.get("user")  # not Django's lazy one: reading that costs a query
        if isinstance(user, CognitoUser):
            fields |= {"sub": user.sub, "roles": sorted(user.roles)}
        logger.info(
            "%s %s %s %s ms", request.method, request.path, response.status_code, milliseconds, extra={"fields": fields}
        )


class HealthMiddleware:
    """`/healthz` and `/readyz`, before anything that looks at the Host header, at https or at credentials.

    `/healthz` says that the process answers. `/readyz` says what it depends on: 503 only when the database cannot
    serve, since a restart mends nothing else; the rest is reported as degraded.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The probe's answer, or that of the rest of the service."""
        probe = _PROBES.get(request.path)
        if probe is None or request.method not in ("GET", "HEAD"):
            return self._get_response(request)
        response = probe()
        response["Cache-Control"] = "no-store"
        return response


def _healthz() -> HttpResponse:
    return JsonResponse({"status": "ok"})


def _readyz() -> HttpResponse:
    checks = {name: _state(check) for name, check in _CHECKS.items()}
    well = all(state == "ok" for state in checks.values())
    serving = checks["database"] == "ok"
    status = "ok" if well else "degraded" if serving else "unavailable"
    return JsonResponse({"status": status, "checks": checks}, status=200 if serving else 503)


def _state(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:  # a probe reports whatever is wrong
        logger.warning("The readiness check %s failed: %s", check.__name__, type(error).__name__)
        return "unavailable"


def _database() -> str:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    return "pending" if executor.migration_plan(executor.loader.graph.leaf_nodes()) else "ok"


def _cache() -> str:
    cache.set("readyz", "ok", timeout=10)
    return "ok" if cache.get("readyz") == "ok" else "unavailable"


def _keys() -> str:
    return "ok" if get_verifier().keys.ready() else "unavailable"


_CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "cache": _cache,
    "keys": _keys,
}
_PROBES: dict[str, Callable[[], HttpResponse]] = {"/healthz": _healthz, "/readyz": _readyz}
